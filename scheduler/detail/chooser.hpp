#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/schedule_strategy.hpp>

namespace troupe::detail {

/// The choices of a deterministic loop. Belongs to the thread of the loop.
///
/// H1. What is chosen depends on the seed, the strategy, how many jobs can run and in which order jobs and strands
///     came; never on an address. So a strand that goes is forgotten before its memory can serve another.
class chooser {
public:
  /// Which of the jobs that can run, and how many messages or steps it may take.
  struct choice {
    std::size_t index;
    unsigned budget;
  };

  /// Throws `troupe_error` (`invalid_argument`) for a strategy out of range or a malformed recording.
  chooser(seeded_schedule schedule, bool record);

  const seeded_schedule& schedule() const noexcept { return schedule_; }

  /// A strand has come, or gone.
  void added(const job& j);
  void removed(const job& j) noexcept { ranks_.erase(&j); }

  /// The next step; `runnable` is not empty.
  choice choose(const std::deque<job*>& runnable);

  std::uint64_t steps() const noexcept { return steps_; }

  /// The choices so far as one word, if they are recorded.
  std::string recording() const;

  /// Where and how the program first departed from the recording that is replayed; empty if it has not.
  const std::string& divergence() const noexcept { return divergence_; }

private:
  /// One choice, taken `times` in a row.
  struct entry {
    std::size_t index;
    std::size_t runnable;
    unsigned budget;
    std::uint64_t times;
  };

  struct rank {
    std::uint64_t priority;
    bool strand;  // lives until `removed`; any other job is ranked anew each time
  };

  static std::vector<entry> parse(std::string_view recording);

  std::uint64_t random() noexcept;
  choice at_random(std::size_t runnable) noexcept;
  choice by_priority(const std::deque<job*>& runnable);
  choice as_recorded(std::size_t runnable);
  void remember(choice made, std::size_t runnable);

  seeded_schedule schedule_;
  std::uint64_t random_state_;
  std::uint64_t steps_ = 0;

  std::unordered_map<const job*, rank> ranks_;  // pct
  std::vector<std::uint64_t> changes_;          // pct: at the i-th of these steps the priority i + 1 is given

  std::vector<entry> given_;  // replay, and how far it has come
  std::size_t at_ = 0;
  std::string divergence_;

  bool record_;
  std::vector<entry> made_;
};

}  // namespace troupe::detail
