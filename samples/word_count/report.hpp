#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages.hpp"

namespace word_count {

/// Visits the words of all shards in the order of output, at most `limit` of them.
void merge_best(std::span<const shard_totals> shards, std::size_t limit,
                const std::function<void(const counted_word&)>& visit);

/// What the report says besides the words.
struct run_totals {
  scan_report scan;
  std::uint64_t words = 0;
  std::uint64_t distinct = 0;
  std::uint64_t messages = 0;
  std::chrono::duration<double> elapsed{};
};

/// One line of the list of words, for people: a word that is too long for a line is cut.
std::string top_line(const counted_word& word);

/// The totals, for people.
std::string totals_text(const run_totals& totals);

/// One line that shows how far the work is, at most `width` columns wide.
std::string progress_text(const scan_report& sum, std::size_t width);

/// Writes a text to standard error.
void write_note(std::string_view text);

/// Draws the progress on standard error if that is a terminal, at most ten times a second.
class progress_bar {
public:
  progress_bar();
  ~progress_bar() { clear(); }
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  void show(const scan_report& sum);
  void clear();

private:
  using clock = std::chrono::steady_clock;
  bool enabled_;
  bool drawn_ = false;
  clock::time_point next_{};
};

}  // namespace word_count
