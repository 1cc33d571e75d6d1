#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/strand_extras.hpp>
#include <troupe/scheduler/strand_registry.hpp>

namespace troupe {

namespace detail {
class cancel_region;
}

/// A wait that can be called off from outside. Implemented by awaitables.
class wait_point {
public:
  /// Ends the wait if nothing else has ended it yet, and then schedules the strand that waits. Any thread; also while
  /// `await_suspend` is still publishing the wait.
  virtual void cancel_wait() noexcept = 0;

  /// True if the wait goes on after `cancel_wait`, which has only passed the word on: a join with children.
  virtual bool outlasts_cancel() const noexcept { return false; }

  /// What is waited for, for reports; empty: its type says enough.
  virtual std::string describe_wait() const { return {}; }

  /// What sort of wait it is, for reports.
  enum class kind : std::uint8_t { other, sleep, receive };
  virtual kind wait_kind() const noexcept { return kind::other; }

protected:
  ~wait_point() = default;
};

/// A line of execution that coroutines run on: a green thread, or an actor whose handler is a coroutine. One slice at a
/// time, on any worker.
///
/// S1. While a strand is suspended in a wait, exactly one party owns the right to schedule it: whoever wins the wait.
/// S2. `waiting_` names the wait from before it is published until it is over. Whoever calls it off or describes it takes
///     the pointer out; the strand that finds it taken waits (a few instructions) for him to let go before it destroys
///     the wait. Who has described a wait puts it back, and then looks whether it is to be called off.
/// S3. `cancelled_` says whether waits are called off now: because the whole strand was told to stop, or one of the
///     regions that it is in (`detail/cancel_region.hpp`). It changes under `cancel_lock_`, and so does the taking of a
///     wait that is called off: a strand that has left a region waits in peace.
class strand : public job {
public:
  explicit strand(scheduler& home) noexcept : home_(&home) {}

  /// What runs it. Any thread.
  scheduler& home() const noexcept { return *home_; }

  /// What the list of live strands shows.
  virtual std::string describe() const = 0;

  /// The name that it was given; else what `describe` says. Any thread.
  virtual std::string name() const;

  /// The green thread or actor that it belongs to: itself, but for children of forks.
  virtual strand& root() noexcept { return *this; }

  /// Whether it is an actor that has nothing to do; a moment's truth. Any thread.
  virtual bool waits_for_message() const noexcept { return false; }

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

  /// Calls off the present wait, and all to come but those that are shielded. Any thread.
  void cancel_waits() noexcept;

  /// Tells it to stop: the same, and requests a stop of its token, whose callbacks run in this call. Any thread, which
  /// holds no lock.
  void request_stop() noexcept;

  /// The token of `request_stop`. Throws `std::bad_alloc`. Any thread.
  std::stop_token stop_token();

  /// True while it waits for something other than a message or the end of an actor; a moment's truth.
  bool waits() const noexcept { return waiting_.load(acquire) != nullptr && holds_up_.load(relaxed); }

  /// What it waits for, null if nothing. Only while nothing runs: for the report of a deadlock.
  const wait_point* present_wait() const noexcept { return waiting_.load(acquire); }

  /// What the present wait says of itself, or nothing if there is none at this moment. Any thread that keeps the strand
  /// from ending (R1).
  template <class Describe>
  bool describe_present_wait(Describe describe);

  /// True while its waits are called off: it was told to stop. Any thread.
  bool waits_cancelled() const noexcept { return cancelled_.load(acquire); }

  /// Where to go on, set by `suspend_current`; null: at `first_coroutine`; or, marked by its low bit, the innermost fork
  /// that it is in, which knows.
  std::coroutine_handle<> resume_at;

  /// What to resume in the first slice, for a strand that had no coroutine when it was made; called in that slice. Null:
  /// it is over.
  virtual std::coroutine_handle<> first_coroutine() noexcept { return {}; }

protected:
  ~strand() = default;

  /// Ends what it has forked and the scopes that it is in; called in a slice once it has been killed, before its frames
  /// go. False if children still run: the last of them wakes it.
  bool abandon_forks() noexcept;

private:
  friend class strand_registry;
  friend class detail::cancel_region;

  wait_point* taken() const noexcept;
  bool to_be_cancelled() const noexcept;
  wait_point* take_wait() noexcept;
  void call_off(wait_point* w) noexcept;
  void call_off_again() noexcept;

  scheduler* home_;
  // null: no wait; a wait: S2; the mark `taken()`: somebody is at it.
  atomic<wait_point*> waiting_{nullptr};
  strand* previous_ = nullptr;  // the registry's links, under its lock
  strand* following_ = nullptr;

protected:
  atomic<bool> holds_up_{true};    // of the present wait
  atomic<bool> cancelled_{false};  // S3
  bool told_to_stop_ = false;      // the whole strand; under cancel_lock_
  spin_lock cancel_lock_;

public:
  /// Whether it has task-local values, in its extras. Its own.
  bool has_locals = false;
};

template <class Describe>
bool strand::describe_present_wait(Describe describe) {
  wait_point* w = waiting_.load(acquire);
  do {
    if (!w || w == taken()) return false;
  } while (!waiting_.compare_exchange_weak(w, taken(), acq_rel, acquire));
  struct put_back {
    ~put_back() {
      // seq_cst on both sides, as in `begin_wait`: a canceller that found the wait taken has set `cancelled_` before.
      self->waiting_.store(wait, seq_cst);
      if (self->cancelled_.load(seq_cst)) self->call_off_again();
    }
    strand* self;
    wait_point* wait;
  } const at_the_end{this, w};
  describe(static_cast<const wait_point&>(*w));
  return true;
}

template <class Visit>
void strand_registry::for_each(Visit visit) {
  for (shard& s : shards_) {
    std::lock_guard guard(s.lock);
    for (strand* i = s.first; i; i = i->following_) visit(*i);
  }
}

}  // namespace troupe
