#include <troupe/exchange/detail/topic_key.hpp>

#include <fmt/format.h>

namespace troupe::detail {

result<void> check_topic_pattern(std::string_view pattern) {
  if (pattern.size() > longest_topic_key)
    return error(errc::invalid_argument,
                 fmt::format("a pattern of {} bytes: at most {} are allowed", pattern.size(), longest_topic_key));
  topic_words words;
  if (!words.split(pattern))
    return error(errc::invalid_argument,
                 fmt::format("pattern '{}' has an empty word: there is one word between two dots", pattern));
  std::size_t gaps = 0;
  for (std::size_t i = 0; i != words.size(); ++i) {
    if (words[i] == "#") ++gaps;
    if (words[i].size() > 1 && words[i].find_first_of("*#") != std::string_view::npos)
      return error(errc::invalid_argument,
                   fmt::format("pattern '{}': '*' and '#' stand for whole words, '{}' mixes them with letters", pattern,
                               words[i]));
  }
  if (gaps > most_topic_gaps)
    return error(errc::invalid_argument,
                 fmt::format("pattern '{}' has {} times '#': at most {} are allowed", pattern, gaps, most_topic_gaps));
  return {};
}

bool topic_fits(std::string_view pattern, const topic_words& key) noexcept {
  constexpr std::size_t none = std::string_view::npos;
  std::size_t at = 0;        // in the pattern: where the next word begins, beyond its end if there is none
  std::size_t i = 0;         // the next word of the key
  std::size_t again = none;  // behind the last `#`: where to go on when it takes a word more
  std::size_t taken = 0;     // the first word of the key that it does not take
  const auto retry = [&] {
    at = again;
    i = ++taken;
  };
  for (;;) {
    if (at > pattern.size()) {
      if (i == key.size()) return true;
      if (again == none) return false;
      if (again > pattern.size()) return true;  // the `#` is the last: it takes all
      retry();
      continue;
    }
    const std::string_view rest = pattern.substr(at);
    const char first = rest.front();
    if (first == '#') {
      at = again = at + 2;
      taken = i;
      continue;
    }
    if (i == key.size()) return false;  // with fewer words a `#` cannot help
    const std::string_view word = key[i];
    const std::size_t length = first == '*' ? 1 : word.size();
    const bool same = first == '*' || (rest.starts_with(word) && (rest.size() == length || rest[length] == '.'));
    if (same) {
      at += length + 1;
      ++i;
    } else if (again != none) {
      retry();
    } else {
      return false;
    }
  }
}

}  // namespace troupe::detail
