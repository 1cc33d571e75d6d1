#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// A number of permits, for green threads, handlers (`co_await s.acquire()`) and OS threads (`s.acquire().get()`)
/// alike. Those who wait get them in the order of their coming, and nobody overtakes them. Permits have no owner:
/// whoever likes may release. All functions may be called from any thread; it must outlive every operation on it.
///
/// SP1. `state_` is twice the number of free permits, plus one while somebody may stand in the line. With the bit set
///     it changes under the lock of the line only, and no permit is free.
class semaphore {
  template <class Result>
  struct request;

public:
  /// Throws `troupe_error` (`invalid_argument`) for more than `max`, as a negative number is that was converted.
  explicit semaphore(std::size_t permits) : semaphore(permits, max) {
    detail::check_count(permits, "the number of permits of a semaphore");
  }
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// The greatest number of permits that any can hold.
  static constexpr std::size_t max = SIZE_MAX / 2;

  /// Waits for a permit. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile.
  auto acquire() noexcept;

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `acquire`.
  auto try_acquire_for(std::chrono::nanoseconds timeout) noexcept;

  /// Takes a permit if one is free and nobody waits for it.
  bool try_acquire() noexcept;

  /// Adds `n` permits, and gives them to those who wait. `invalid_argument`, and nothing happens, if more would then be
  /// free than can be.
  result<void> release(std::size_t n = 1);

  /// How many permits are free; a moment's truth.
  std::size_t available() const noexcept { return state_.load(troupe::acquire) >> 1; }

protected:
  semaphore(std::size_t permits, std::size_t bound) noexcept : state_(permits << 1), bound_(bound) {}

private:
  static constexpr std::size_t waited_for = 1;

  bool take_or_queue(detail::wait_node& n) noexcept;
  bool add(std::size_t n) noexcept;

  atomic<std::size_t> state_;  // SP1; acquire of the taker pairs with the release of who adds
  std::size_t bound_;
  spin_lock guard_;
  detail::wait_line line_;
};

/// A semaphore that never has more than `bound` permits free: releasing what was not acquired is an error.
class bounded_semaphore : public semaphore {
public:
  /// Throws `invalid_argument` if there are more permits than the bound allows.
  explicit bounded_semaphore(std::size_t bound) : bounded_semaphore(bound, bound) {}
  bounded_semaphore(std::size_t permits, std::size_t bound) : semaphore(permits, bound) {
    detail::check_count(bound, "the bound of a semaphore");
    if (permits > bound)
      throw troupe_error(errc::invalid_argument, "a bounded semaphore starts with more permits than its bound");
  }
};

template <class Result>
struct semaphore::request {
  semaphore* s;

  spin_lock& guard() noexcept { return s->guard_; }
  bool try_fast(const void*) noexcept { return s->try_acquire(); }
  bool try_locked(detail::wait_node& n) noexcept { return s->take_or_queue(n); }
  void give_back() noexcept { s->add(1); }
  void left(detail::wake_list&) noexcept {}
  Result finish(const detail::wait_end& how) { return detail::ended<Result>(how, "a permit of a semaphore"); }
};

inline auto semaphore::acquire() noexcept { return operation(request<void>{this}); }
inline auto semaphore::try_acquire_for(std::chrono::nanoseconds timeout) noexcept {
  return operation(request<result<void>>{this}, timeout);
}

inline bool semaphore::try_acquire() noexcept {
  std::size_t state = state_.load(relaxed);
  while (state > waited_for && !(state & waited_for))
    if (state_.compare_exchange_weak(state, state - 2, troupe::acquire, relaxed)) return true;
  return false;
}

}  // namespace troupe
