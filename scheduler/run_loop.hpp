#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <troupe/scheduler/scheduler.hpp>

namespace troupe {

/// How a run loop is made.
struct run_loop_options {
  /// With a seed the loop is deterministic: it picks the next job by a generator that starts there, gives it a slice of
  /// random length, and time is virtual: a slice takes a microsecond, and when nothing can run it jumps to the next
  /// deadline. Without, jobs run in strict rotation, one message or one step each, by the steady clock.
  std::optional<std::uint64_t> seed;
};

/// A scheduler on one thread: whoever calls `run`, or waits for a future, runs the jobs.
///
/// L1. Only one thread drives at a time.
/// L2. With a seed the loop belongs to the thread that made it: a job that comes from another one would make the order
///     depend on chance, so it ends the program with a message (C12).
class run_loop final : public scheduler {
public:
  explicit run_loop(run_loop_options options = {});
  ~run_loop() override;

  /// Runs until nothing is queued or due. On a deterministic loop only from its own thread; must not be called by a
  /// job.
  void run() { wait_quiescent(timers::never); }

  /// One number that stands for all that has happened: which job of how many ran when, and what it handled. Two runs
  /// with the same seed have the same (C12).
  std::uint64_t trace() const noexcept { return trace_; }

  /// Ends the program with a message if the loop is deterministic and the calling thread is not its own (L2).
  void require_owner() const noexcept;

  /// Adds to the trace. Called by the thread that drives.
  void record(std::uint64_t event) noexcept;

  std::int64_t now() const noexcept override;
  void arm(timer& t, std::int64_t deadline) override;
  waited wait(wait_condition& condition, std::int64_t deadline) override;
  bool wait_quiescent(std::int64_t deadline) override;
  bool begin_blocking() noexcept override { return false; }
  void end_blocking() noexcept override {}
  bool stop(std::int64_t) override { return true; }
  unsigned size() const noexcept override { return 1; }
  std::vector<worker_info> inspect() const override;

private:
  /// Makes the calling thread the one that drives (L1), for as long as it lives.
  class driving;

  void inject(job& j) noexcept override;
  job* take() noexcept;
  void run_slice(job& j) noexcept;
  bool advance_time(std::int64_t deadline);
  std::uint64_t random() noexcept;

  bool deterministic_;
  std::uint64_t random_state_;
  std::uint64_t trace_ = 0;
  atomic<std::int64_t> virtual_now_{0};
  std::thread::id owner_;

  worker self_;
  parker parker_;
  std::mutex mutex_;
  std::deque<job*> runnable_;   // under mutex_
  atomic<bool> driven_{false};  // L1: true from acquire to release
};

}  // namespace troupe
