#pragma once

#include <cstdint>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/timer_wheel.hpp>

namespace troupe {

/// Something to call once at a point in time. The owner keeps it alive until it has fired or `timers::cancel` has
/// returned true.
class timer : public timer_node {
public:
  /// Called once, outside all locks, on a thread of the scheduler; must not block.
  virtual void fire() noexcept = 0;

  /// Called in place of `fire` when the scheduler ends before that. By then whatever owns most timers has gone.
  virtual void dropped() noexcept {}

protected:
  ~timer() = default;
};

/// The timers of one scheduler: a wheel behind a spin lock, which two threads that set and cancel timers all the time
/// share far better than a mutex (docs/decisions/016-timers.md). All functions may be called from any thread. Times are
/// nanoseconds of the scheduler's clock.
///
/// T1. `next()` is never later than the earliest armed timer; it may be earlier after a cancellation, which costs the
///     sleeper one needless wake and saves each short-lived timer (the timeout of a request that is answered) one; and
///     where the wheel has many timers to move before their time, which each call of `fire_due` does for a bounded
///     number.
class timers {
public:
  /// No point in time.
  static constexpr std::int64_t never = INT64_MAX;

  /// Arms `t` for `deadline`. Returns true if that is earlier than `next()` was: the caller then tells whoever sleeps.
  bool arm(timer& t, std::int64_t deadline);

  /// True if `t` was armed and will not fire; false if it has fired, is about to, or was never armed.
  bool cancel(timer& t) noexcept;

  /// When the next timer may be due.
  std::int64_t next() const noexcept { return next_.load(seq_cst); }

  /// Fires those that are due at `now`, the earliest first and at most `limit`; returns how many. If more are due, or
  /// the wheel has more to do, `next()` says so.
  std::size_t fire_due(std::int64_t now, std::size_t limit = SIZE_MAX);

  /// The scheduler has ended: drops all that are armed, and those that will be.
  void drop_all() noexcept;

  /// True if none is armed.
  bool empty() const;
  /// True if none is due by then but those in the background; `never`: none is armed but those.
  bool none_awaited(std::int64_t until = never) const;

private:
  mutable spin_lock lock_;
  timer_wheel wheel_;
  bool dropping_ = false;  // the scheduler has ended
  // The bound of T1. Written under the lock; its seq_cst pairs with the sleeper's: a sleeper announces itself, then
  // reads it; `arm` writes it, then looks for the sleeper.
  atomic<std::int64_t> next_{never};
};

}  // namespace troupe
