#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/strand_registry.hpp>

namespace troupe {

/// A wait that can be called off from outside. Implemented by awaitables.
class wait_point {
public:
  /// Ends the wait if nothing else has ended it yet, and then schedules the strand that waits. Any thread; also while
  /// `await_suspend` is still publishing the wait.
  virtual void cancel_wait() noexcept = 0;

protected:
  ~wait_point() = default;
};

/// A line of execution that coroutines run on: a green thread, or an actor whose handler is a coroutine. One slice at a
/// time, on any worker.
///
/// S1. While a strand is suspended in a wait, exactly one party owns the right to schedule it: whoever wins the wait.
/// S2. `wait_` names the wait from before it is published until it is over. A canceller takes the pointer out and leaves
///     the mark `taken`, which it flips again when it has let go; the strand that finds the mark waits for that (a few
///     instructions) before it destroys the wait.
/// S3. Whoever calls the waits off sets `called_off` in the word that names the wait, and a strand that begins to wait
///     exchanges that very word: one of the two sees the other. Beginning and ending are one exchange each.
class strand : public job {
public:
  explicit strand(scheduler& home) noexcept : home_(&home) {}

  scheduler& home() const noexcept { return *home_; }

  /// What the list of live strands shows.
  virtual std::string describe() const = 0;

  /// Ends this strand as soon as it comes to a point where it can be ended. Any thread.
  virtual void request_kill() noexcept = 0;

  /// Gives it its next slice; only for whoever owns the right to (S1).
  void wake() noexcept { home_->schedule(*this); }

  // --- for awaitables -------------------------------------------------------------------------------------------

  /// Announces a wait that can be cancelled; called before the wait is published. Cancels it at once if the strand has
  /// been told to stop.
  /// `holds_up`: whether a shutdown waits for this wait to end by itself.
  void begin_wait(wait_point& w, bool holds_up = true) noexcept {
    holds_up_.store(holds_up, relaxed);
    if (wait_.exchange(reinterpret_cast<std::uintptr_t>(&w), acq_rel) != 0) [[unlikely]]
      cancel_waits();
  }

  /// The wait is over; called when the strand is given its next slice, before anything of the wait is destroyed.
  void end_wait() noexcept {
    // Only the strand itself begins a wait. The acquire pairs with the release of a canceller that has let go.
    if (wait_.load(acquire) <= called_off) return;
    if (const std::uintptr_t was = wait_.exchange(0, acq_rel); was & (called_off | taken)) [[unlikely]]
      await_canceller(was);
  }

  /// Calls off the present wait, and all to come. Any thread.
  void cancel_waits() noexcept;

  /// True while it waits for something other than a message or the end of an actor; a moment's truth.
  bool waits() const noexcept { return (wait_.load(acquire) & ~called_off) != 0 && holds_up_.load(relaxed); }

  /// Whether it has been told to stop; asked by the strand itself.
  bool waits_cancelled() const noexcept { return (wait_.load(acquire) & called_off) != 0; }

  std::coroutine_handle<> resume_at;  ///< where to go on; set by `suspend_current`

protected:
  ~strand() = default;

private:
  friend class strand_registry;

  static constexpr std::uintptr_t called_off = 1;  // the present wait and all to come
  static constexpr std::uintptr_t taken = 2;       // a canceller is at the wait

  void await_canceller(std::uintptr_t was) noexcept;

  scheduler* home_;
  // The two bits above and the address of the present wait, 0 for none. Each change of one party is an acq_rel
  // operation that pairs with those of the other: S2, S3.
  atomic<std::uintptr_t> wait_{0};
  strand* previous_ = nullptr;  // the registry's links, under its lock
  strand* following_ = nullptr;

protected:
  atomic<std::uint32_t> refs_{1};  // references to the memory of the strand
  atomic<bool> holds_up_{true};    // of the present wait
};

template <class Visit>
void strand_registry::for_each(Visit visit) {
  for (shard& s : shards_) {
    std::lock_guard guard(s.lock);
    for (strand* i = s.first; i; i = i->following_) visit(*i);
  }
}

}  // namespace troupe
