#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/actors/core.hpp>
#include <troupe/base/histogram.hpp>

namespace troupe {

/// What the actors of one class are doing and have done.
struct class_statistics {
  std::string name;               ///< of the class
  std::size_t alive = 0;          ///< actors, at the moment of looking
  std::size_t queued = 0;         ///< messages in their mailboxes then, as far as those know
  std::size_t longest_queue = 0;  ///< in one of these
  bool queues_known = true;       ///< all of them know: see `runtime_options::count_queues`; an empty one always does
  std::uint64_t ended = 0;        ///< actors
  std::uint64_t handled = 0;      ///< messages; without `runtime_options::measure` by those that are alive alone
  std::uint64_t failed = 0;       ///< messages whose handler threw
  std::uint64_t restarts = 0;     ///< times that one was made anew by its supervisor
  std::array<std::uint64_t, loss_kinds> lost{};  ///< messages, by `loss`
  /// How long handlers took, of one message in 1,024; of a coroutine up to its first wait.
  histogram times{};

  std::uint64_t lost_for(loss why) const noexcept { return lost[static_cast<std::size_t>(why)]; }
};

/// What the actors of a runtime are doing and have done: of the whole run, or between two looks. Live figures may lag
/// (C3).
struct runtime_statistics {
  std::chrono::nanoseconds span{};          ///< since the runtime was made, or between the two looks
  std::size_t alive = 0;                    ///< actors, at the moment of looking
  message_counts counts{};                  ///< of all messages
  std::vector<class_statistics> classes{};  ///< in the order of their names

  /// The class of that name; null if no actor of it was seen.
  const class_statistics* find(std::string_view name) const noexcept;

  /// What has come since `before`, an earlier look at the same runtime. What is of a moment stays that of this look.
  runtime_statistics since(const runtime_statistics& before) const;
};

/// How many a second, over a span.
double per_second(std::uint64_t n, std::chrono::nanoseconds span) noexcept;

/// A table for people, as `top` shows processes: a line with what became of all messages of the run (C3), and one for
/// each class. Rates and times are those of the interval, sums those of the run.
std::string to_table(const runtime_statistics& run, const runtime_statistics& interval);

/// The same on one line as a JSON object without a newline, for programs.
std::string to_json(const runtime_statistics& run, const runtime_statistics& interval);

}  // namespace troupe
