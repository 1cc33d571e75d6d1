#pragma once

#include <chrono>
#include <cstddef>

#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Counts down once, as `std::latch` does, for green threads, handlers (`co_await l.wait()`) and OS threads
/// (`l.wait().get()`) alike. All functions may be called from any thread; whoever has waited for it may destroy it once
/// no other wait is left.
///
/// LA1. The last step to zero is taken under the lock of the line, and whoever takes it touches nothing after giving up
///     that lock: who finds zero goes through the lock once, and so knows that the countdown is over.
class latch {
  template <class Result>
  struct request;

public:
  /// Throws `troupe_error` (`invalid_argument`) for a count above PTRDIFF_MAX, as a negative number is that was
  /// converted.
  explicit latch(std::size_t count) : count_(count) { detail::check_count(count, "the count of a latch"); }
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  /// Counts down by `n`; the last lets all go on that wait. `invalid_argument`, and nothing happens, if less than `n`
  /// is left.
  result<void> count_down(std::size_t n = 1);

  /// True if it has come to zero.
  bool try_wait() const noexcept { return count_.load(acquire) == 0; }

  /// Waits until it has come to zero. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile.
  auto wait() noexcept;

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `wait`.
  auto wait_for(std::chrono::nanoseconds timeout) noexcept;

  /// Counts down by one and waits. Throws what `wait` does, and `invalid_argument` if it was at zero before. Counted is
  /// counted: also if the wait is called off.
  auto arrive_and_wait() noexcept;

private:
  bool take(std::size_t n) noexcept;

  atomic<std::size_t> count_;  // what is left; the release of each step pairs with the acquire of who finds zero
  spin_lock guard_;
  detail::wait_line line_;
};

template <class Result>
struct latch::request {
  latch* l;
  bool arrives = false;
  bool refused = false;

  spin_lock& guard() noexcept { return l->guard_; }
  bool try_fast(const void*) noexcept {
    if (arrives && !l->take(1)) return refused = true;
    if (!l->try_wait()) return false;
    std::lock_guard after_the_last(l->guard_);  // LA1
    return true;
  }
  bool try_locked(detail::wait_node& n) noexcept {
    if (l->try_wait()) return true;
    l->line_.push(n);
    return false;
  }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept {}
  Result finish(const detail::wait_end& how) {
    if (refused) throw troupe_error(errc::invalid_argument, "a latch was counted down that is at zero already");
    return detail::ended<Result>(how, "a latch");
  }
};

inline auto latch::wait() noexcept { return operation(request<void>{this}); }
inline auto latch::wait_for(std::chrono::nanoseconds timeout) noexcept {
  return operation(request<result<void>>{this}, timeout);
}
inline auto latch::arrive_and_wait() noexcept { return operation(request<void>{this, true}); }

}  // namespace troupe
