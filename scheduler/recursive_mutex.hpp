#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include <troupe/scheduler/mutex.hpp>

namespace troupe {

/// A mutex that whoever holds it can take again, and gives up when it has unlocked it as often. Otherwise as `mutex`.
///
/// V1. `again_` belongs to the party that holds `base_`.
class recursive_mutex : public detail::lock_base {
public:
  /// Holds it, once, until the end of the scope.
  using guard = detail::held_lock<recursive_mutex>;

  recursive_mutex() noexcept : recursive_mutex(std::string()) {}

  /// `name` is what errors and reports call it.
  explicit recursive_mutex(std::string name) noexcept : lock_base("recursive mutex", std::move(name)) {}

  /// Waits for it. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile, `deadlock` if whoever
  /// holds it waits, directly or not, for the caller.
  auto lock() noexcept { return operation(request<void>{this}); }

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `lock`.
  auto try_lock_for(std::chrono::nanoseconds timeout) noexcept {
    return operation(request<result<void>>{this}, timeout);
  }

  /// Takes it if it is free or the caller holds it.
  bool try_lock();

  /// Undoes one `lock`; the last hands it to whoever has waited longest. `invalid_argument` if the caller does not hold
  /// it.
  result<void> unlock();

  /// `lock`, and `unlock` at the end of the scope: `auto held = co_await m.scoped();`
  auto scoped() noexcept { return operation(request<guard>{this}); }

private:
  template <class Result>
  using request = detail::lock_request<recursive_mutex, Result>;
  template <class, class, bool>
  friend struct detail::lock_request;
  friend guard;

  spin_lock& line_guard() noexcept { return base_.line_guard(); }
  const void* owner() const noexcept { return base_.owner(); }
  bool try_take(const void* party) noexcept {
    if (owner() != party) return base_.try_take(party);
    ++again_;
    return true;
  }
  bool take_or_queue(detail::wait_node& n) noexcept { return base_.take_or_queue(n); }
  void hand_over(const void* from) noexcept {
    if (again_ != 0)
      --again_;
    else
      base_.hand_over(from);
  }
  void left(detail::wake_list&) noexcept {}

  mutex base_;
  std::size_t again_ = 0;  // V1
};

}  // namespace troupe
