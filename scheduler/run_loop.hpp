#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include <troupe/scheduler/detail/chooser.hpp>
#include <troupe/scheduler/schedule_strategy.hpp>
#include <troupe/scheduler/scheduler.hpp>

namespace troupe {

/// How a run loop is made.
struct run_loop_options {
  /// With a seed the loop is deterministic: it picks the next job by a generator that starts there, gives it a slice of
  /// random length, and time is virtual: a slice takes a microsecond, and when nothing can run it jumps to the next
  /// deadline. Without, jobs run in strict rotation, one message or one step each, by the steady clock.
  std::optional<std::uint64_t> seed;
  /// How a loop with a seed picks.
  schedule_strategy strategy{};
  /// Whether a loop with a seed keeps its choices for `recording`.
  bool record = false;
};

/// A scheduler on one thread: whoever calls `run`, or waits for a future, runs the jobs.
///
/// L1. Only one thread drives at a time.
/// L2. With a seed the loop belongs to the thread that made it: a job that comes from another one would make the order
///     depend on chance, so it ends the program with a message (C12).
class run_loop final : public scheduler, private strand_watcher {
public:
  /// Throws `troupe_error` (`invalid_argument`) for a strategy out of range or a malformed recording.
  explicit run_loop(run_loop_options options = {});
  ~run_loop() override;

  /// Runs until nothing is queued or due. On a deterministic loop only from its own thread; must not be called by a
  /// job.
  void run() { wait_quiescent(timers::never); }

  /// Runs what comes, on the calling thread, until `stop`. Sleeps while there is nothing to do; a deterministic loop
  /// then returns, as nothing could ever come. Throws `troupe_error` (`invalid_argument`) in a job of this loop or
  /// while another thread drives it.
  void run_forever();

  /// Ends `run_forever` after the present slice; if nobody is in there, the next one at once. Any thread.
  void stop() noexcept;

  /// One number that stands for all that has happened: which job of how many ran when, and what it handled. Two runs
  /// with the same seed have the same (C12).
  std::uint64_t trace() const noexcept { return trace_; }

  /// Ends the program with a message if the loop is deterministic and the calling thread is not its own (L2).
  void require_owner() const noexcept;

  /// Adds to the trace. Called by the thread that drives.
  void record(std::uint64_t event) noexcept;

  // --- deterministic loops, by their own thread ---------------------------------------------------------------------

  /// What replays the run from its beginning. Not for loops without a seed; nor are the next three.
  const seeded_schedule& schedule() const noexcept { return chooser_->schedule(); }

  /// The choices so far as one word for `schedule_strategy::replay`; empty unless the loop records.
  std::string recording() const { return chooser_->recording(); }

  /// Where the program first departed from the recording that is replayed, as a sentence; empty if it has not.
  const std::string& divergence() const noexcept { return chooser_->divergence(); }

  /// Number of slices so far.
  std::uint64_t steps() const noexcept { return chooser_->steps(); }

  /// From that many slices or that point in virtual time on, all waits end as if their deadlines had come.
  void limit(std::uint64_t steps, std::int64_t time) noexcept { step_limit_ = steps, time_limit_ = time; }
  /// True once a limit has been reached.
  bool exhausted() const noexcept { return deterministic() && (steps() >= step_limit_ || now() >= time_limit_); }

  /// Who waited for what when first a thread waited here while nothing could run and nothing was due, a line each;
  /// empty if none did. A wait without a deadline is a deadlock then, and logged as one.
  const std::string& stall() const noexcept { return stall_; }
  bool deadlocked() const noexcept { return deadlocked_; }
  void forget_stall() noexcept { stall_.clear(), deadlocked_ = false; }

  std::int64_t now() const noexcept override;
  void arm(timer& t, std::int64_t deadline) override;
  waited wait(wait_condition& condition, std::int64_t deadline) override;
  bool wait_quiescent(std::int64_t deadline, std::int64_t horizon = timers::never) override;
  bool begin_blocking() noexcept override { return false; }
  void end_blocking() noexcept override {}
  bool stop(std::int64_t deadline) override;
  bool deterministic() const noexcept override { return chooser_.has_value(); }
  unsigned size() const noexcept override { return 1; }
  std::string label(const strand& s) const override;
  std::vector<worker_info> inspect_workers() const override;

private:
  /// Makes the calling thread the one that drives (L1), for as long as it lives.
  class driving;

  /// What reports say of a strand of a deterministic loop.
  struct strand_notes {
    std::uint64_t number;          // in the order of making
    const char* doing = nullptr;   // the message that it handled last
    std::uint64_t last_woken = 0;  // the number of the strand that it woke last
  };

  void inject(job& j) noexcept override;
  void strand_added(const strand& s) noexcept override;
  void strand_removed(const strand& s) noexcept override;
  job* take() noexcept;
  void run_slice(job& j) noexcept;
  bool advance_time(std::int64_t deadline);
  void note_stall(std::int64_t deadline);
  std::string who_waits();

  std::optional<detail::chooser> chooser_;  // of a deterministic loop
  std::uint64_t trace_ = 0;
  atomic<std::int64_t> virtual_now_{0};
  std::thread::id owner_;

  std::uint64_t step_limit_ = UINT64_MAX;
  std::int64_t time_limit_ = timers::never;
  std::string stall_;
  bool deadlocked_ = false;
  std::unordered_map<const job*, strand_notes> notes_;  // of a deterministic loop
  std::uint64_t strands_made_ = 0;
  const job* running_ = nullptr;  // of a deterministic loop; only to compare: it may have gone

  worker self_;
  parker parker_;
  std::mutex mutex_;
  std::deque<job*> runnable_;   // under mutex_
  bool ended_ = false;          // nobody runs jobs any more; under mutex_
  atomic<bool> driven_{false};  // L1: true from acquire to release
  // false -> true (`stop`) -> false (`run_forever`, which returns). The release pairs with the acquire.
  atomic<bool> stop_asked_{false};
};

}  // namespace troupe
