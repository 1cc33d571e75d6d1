#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/base/result.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/retention.hpp>
#include <troupe/pipeline/detail/wiring.hpp>

namespace troupe::pipeline::detail {

/// The kinds of exchanges with which an option makes sense.
struct kind_set {
  std::string_view text;  // for people
  bool (*has)(const exchange_kind&);
};

/// A word of the file that stands for a member of `Settings`: reading, checking, suggesting and the manual's tables all
/// come from these.
template <class Settings>
struct option_word {
  std::string_view word;
  kind_set kinds;
  std::string_view form;     // how its value is written, for the manual
  std::string_view meaning;  // for the manual
  bool names_exchange;       // the value is the name of an exchange of the file
  /// Reads the value; `invalid_argument` with a whole sentence.
  result<void> (*read)(Settings& to, std::string_view word, std::string_view text);
};

/// Of an exchange, of what it retains, and of an attachment, in the order of the manual.
const std::vector<option_word<exchange_settings>>& exchange_words();
const std::vector<option_word<retention>>& retain_words();
const std::vector<option_word<attach_settings>>& attach_words();

/// The words of a table.
template <class Settings>
std::vector<std::string> words_of(const std::vector<option_word<Settings>>& table) {
  std::vector<std::string> words;
  for (const auto& each : table) words.emplace_back(each.word);
  return words;
}

/// The row of a table, or null.
template <class Settings>
const option_word<Settings>* find_word(const std::vector<option_word<Settings>>& table, std::string_view word) {
  for (const auto& each : table)
    if (each.word == word) return &each;
  return nullptr;
}

/// Reads a time such as "500ms", "30s", "1.5h".
result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// Reads a number of bytes such as "4096", "64KiB".
result<std::size_t> parse_bytes(std::string_view text);

}  // namespace troupe::pipeline::detail
