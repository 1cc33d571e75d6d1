#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/strand_extras.hpp>
#include <troupe/scheduler/strand_registry.hpp>

namespace troupe {

/// A wait that can be called off from outside. Implemented by awaitables.
class wait_point {
public:
  /// Ends the wait if nothing else has ended it yet, and then schedules the strand that waits. Any thread; also while
  /// `await_suspend` is still publishing the wait.
  virtual void cancel_wait() noexcept = 0;

  /// What is waited for, for reports; empty: its type says enough.
  virtual std::string describe_wait() const { return {}; }

protected:
  ~wait_point() = default;
};

/// A line of execution that coroutines run on: a green thread, or an actor whose handler is a coroutine. One slice at a
/// time, on any worker.
///
/// S1. While a strand is suspended in a wait, exactly one party owns the right to schedule it: whoever wins the wait.
/// S2. `waiting_` names the wait from before it is published until it is over. A canceller takes the pointer out; the
///     strand that finds it taken waits (a few instructions) for the canceller to let go before it destroys the wait.
class strand : public job {
public:
  explicit strand(scheduler& home) noexcept : home_(&home) {}

  /// What runs it. Any thread.
  scheduler& home() const noexcept { return *home_; }

  /// What the list of live strands shows.
  virtual std::string describe() const = 0;

  /// Ends this strand as soon as it comes to a point where it can be ended. Any thread.
  virtual void request_kill() noexcept = 0;

  /// True once it has been told to end. Any thread.
  virtual bool killed() const noexcept = 0;

  /// Gives it its next slice; only for whoever owns the right to (S1).
  void wake() noexcept { home_->schedule(*this); }

  /// Tells it from all others of its kind, for as long as the process lives. Any thread. Throws `std::bad_alloc`.
  virtual std::uint64_t id() const = 0;

  /// What only some strands have; made now if it was not. Any thread that may touch the strand. Throws
  /// `std::bad_alloc`.
  virtual strand_extras& extras() = 0;

  /// The same, null if it was never asked for.
  virtual strand_extras* extras_if_any() const noexcept = 0;

  // --- for awaitables -------------------------------------------------------------------------------------------

  /// Announces a wait that can be cancelled; called before the wait is published. Cancels it at once if the strand has
  /// been told to stop.
  /// `holds_up`: whether a shutdown waits for this wait to end by itself.
  void begin_wait(wait_point& w, bool holds_up = true) noexcept;

  /// The wait is over; called when the strand is given its next slice, before anything of the wait is destroyed.
  void end_wait() noexcept;

  /// Calls off the present wait, and all to come. Any thread.
  void cancel_waits() noexcept;

  /// True while it waits for something other than a message or the end of an actor; a moment's truth.
  bool waits() const noexcept { return waiting_.load(acquire) != nullptr && holds_up_.load(relaxed); }

  /// What it waits for, null if nothing. Only while nothing runs: for the report of a deadlock.
  const wait_point* present_wait() const noexcept { return waiting_.load(acquire); }

  /// True once it has been told to stop. Any thread.
  bool waits_cancelled() const noexcept { return cancelled_.load(acquire); }

  /// Where to go on, set by `suspend_current`; null: at `first_coroutine`; or, marked by its low bit, the innermost fork
  /// that it is in, which knows.
  std::coroutine_handle<> resume_at;

  /// What to resume in the first slice, for a strand that had no coroutine when it was made; called in that slice. Null:
  /// it is over.
  virtual std::coroutine_handle<> first_coroutine() noexcept { return {}; }

protected:
  ~strand() = default;

  /// Ends what it has forked; called in a slice once it has been killed, before its frames go. False if children still
  /// run: the last of them wakes it.
  bool abandon_forks() noexcept;

private:
  friend class strand_registry;

  wait_point* taken() const noexcept;

  scheduler* home_;
  // null: no wait; a wait: S2; the mark `taken()`: a canceller is at it.
  atomic<wait_point*> waiting_{nullptr};
  strand* previous_ = nullptr;  // the registry's links, under its lock
  strand* following_ = nullptr;

protected:
  atomic<bool> holds_up_{true};    // of the present wait
  atomic<bool> cancelled_{false};  // waits are called off from now on
};

template <class Visit>
void strand_registry::for_each(Visit visit) {
  for (shard& s : shards_) {
    std::lock_guard guard(s.lock);
    for (strand* i = s.first; i; i = i->following_) visit(*i);
  }
}

}  // namespace troupe
