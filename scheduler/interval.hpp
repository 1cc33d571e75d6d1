#pragma once

#include <chrono>
#include <cstdint>

#include <troupe/base/result.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// What becomes of the ticks of a rhythm whose time has passed before they could be had. The names are Tokio's
/// (`tokio::time::MissedTickBehavior`).
enum class missed_tick : std::uint8_t {
  burst,  ///< they come at once, one after the other, until the rhythm is caught up with: none is lost
  delay,  ///< the rhythm starts anew: the next tick comes a period after the late one
  skip,   ///< they are left out: the next tick comes when one was due anyway
};

/// When the tick after the one that was due at `due` comes, had at `now`. Nanoseconds of one clock. A tick that is late
/// by less than a period leaves the rhythm as it is: there is no drift.
/// Saturates where time ends.
constexpr std::int64_t next_tick(std::int64_t due, std::int64_t now, std::int64_t period, missed_tick policy) noexcept {
  const auto after = [](std::int64_t start, std::int64_t time) {
    std::int64_t sum = 0;
    return __builtin_add_overflow(start, time, &sum) ? INT64_MAX : sum;
  };
  if (now - due < period || policy == missed_tick::burst) return after(due, period);
  return policy == missed_tick::delay ? after(now, period) : after(now - (now - due) % period, period);
}

class interval;

namespace detail {

/// The request for the next tick: nobody grants it but the time.
struct tick_request {
  interval* of;
  bool due;

  spin_lock& guard() noexcept;
  bool try_fast(const void*) noexcept { return due; }
  bool try_locked(wait_node& n) noexcept;
  void give_back() noexcept {}
  void left(wake_list&) noexcept {}
  result<std::chrono::steady_clock::time_point> finish(const wait_end& how);
};

}  // namespace detail

/// A rhythm without drift, for one green thread, handler or OS thread at a time: `interval beat(10ms);`, then
/// `while (auto at = co_await beat.tick()) ...`; on OS threads `beat.tick().get()`. A tick may stand in a `select`.
class interval {
public:
  /// The first tick comes at once, each other a `period` after the one before. Throws `troupe_error`
  /// (`invalid_argument`) if that is not positive.
  explicit interval(std::chrono::nanoseconds period, missed_tick policy = missed_tick::burst);

  interval(const interval&) = delete;
  interval& operator=(const interval&) = delete;

  /// The period.
  std::chrono::nanoseconds period() const noexcept { return std::chrono::nanoseconds(period_); }

  /// Waits for the next tick: to be awaited at once. Gives a `result` with the time at which it was due: of the steady
  /// clock, or of virtual time. Error: `cancelled` if the caller is told to stop meanwhile.
  operation<detail::tick_request> tick();

  /// The next tick comes a period from now, whatever was due.
  void reset() { due_ = next_tick(detail::party_now(), detail::party_now(), period_, missed_tick::delay); }

private:
  friend struct detail::tick_request;

  static constexpr std::int64_t not_begun = INT64_MIN;

  std::int64_t period_;
  missed_tick policy_;
  std::int64_t due_ = not_begun;
  spin_lock guard_;
  detail::wait_line line_;
};

}  // namespace troupe
