#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

/// How many elements a parallel loop handles at a time, and when it splits what is left.
///
/// Without a grain of the caller's, the number doubles while the elements handled at a time take less than `short_time`
/// and is halved above `long_time`: a look at the deque and at the clock is then about a hundredth of the work.
class pace {
public:
  pace(std::size_t grain, bool one_by_one) noexcept
      : grain_(std::max<std::size_t>(grain, 1)), fixed_(grain != 0 || one_by_one) {}

  /// Whether `n` elements should be split: nobody would find anything to steal. Called within a slice.
  bool wants_split(std::size_t n) noexcept;

  /// How many of `n` elements come next.
  std::size_t begin(std::size_t n) noexcept {
    if (!fixed_) begun_ = now();
    return std::min(n, grain_);
  }

  /// That many have been handled.
  void end(std::size_t handled) noexcept {
    if (fixed_) return;
    const std::int64_t took = now() - begun_;
    if (took < short_time && handled == grain_)
      grain_ *= 2;
    else if (took > long_time && grain_ != 1)
      grain_ /= 2;
  }

private:
  static constexpr std::int64_t short_time = 4'000;  // nanoseconds
  static constexpr std::int64_t long_time = 16'000;
  static constexpr unsigned deepest = 3;  // splits where children are jobs like others

  static std::int64_t now() noexcept;

  std::size_t grain_;
  std::int64_t begun_ = 0;
  unsigned depth_ = 0;
  bool fixed_;
};

/// Lets others run when the slice is over; a loop awaits it after each handful of elements.
struct breath {
  static constexpr unsigned cost = trampoline::share / 8;

  bool await_ready() const noexcept {
    trampoline& t = current_trampoline();
    if (t.left < cost) return false;
    t.left -= cost;
    return true;
  }
  void await_suspend(std::coroutine_handle<> h) const noexcept {
    trampoline& t = current_trampoline();
    t.left = 0;
    t.next = h;
  }
  void await_resume() const noexcept {}
};

}  // namespace troupe::detail
