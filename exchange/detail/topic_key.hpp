#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <troupe/base/result.hpp>

namespace troupe::detail {

/// The limits of keys and patterns of topic exchanges.
inline constexpr std::size_t longest_topic_key = 255;  // bytes, as in AMQP
inline constexpr std::size_t most_topic_words = (longest_topic_key + 1) / 2;
inline constexpr std::size_t most_topic_gaps = 3;  // `#` in one pattern

/// The words of a key or a pattern. Views the text that it was made of.
class topic_words {
public:
  topic_words() noexcept {}  // the arrays are filled as far as they are read

  /// False if the text has an empty word or is too long. An empty text has no words.
  bool split(std::string_view text) noexcept {
    text_ = text.data();
    size_ = 0;
    if (text.size() > longest_topic_key) return false;
    if (text.empty()) return true;
    for (std::size_t from = 0;;) {
      std::size_t end = from;
      while (end != text.size() && text[end] != '.') ++end;
      if (end == from) return false;
      from_[size_] = static_cast<std::uint8_t>(from);
      length_[size_++] = static_cast<std::uint8_t>(end - from);
      if (end == text.size()) return true;
      from = end + 1;
    }
  }

  std::size_t size() const noexcept { return size_; }
  std::string_view operator[](std::size_t i) const noexcept { return {text_ + from_[i], length_[i]}; }

private:
  const char* text_ = nullptr;
  std::size_t size_ = 0;
  std::array<std::uint8_t, most_topic_words> from_;
  std::array<std::uint8_t, most_topic_words> length_;
};

/// Whether that is a pattern; the error says what is wrong with it.
result<void> check_topic_pattern(std::string_view pattern);

/// Whether the words of a key fit a pattern that has passed the check: `*` stands for one word, `#` for any number. At
/// most words times words steps.
bool topic_fits(std::string_view pattern, const topic_words& key) noexcept;

}  // namespace troupe::detail
