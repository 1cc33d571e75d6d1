#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <troupe/scheduler/detail/lock_request.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Held by one party, or shared by many, for green threads, handlers and OS threads alike. Those who wait get it in the
/// order of their coming, those who come for a share one after the other together: neither writers nor readers starve.
/// All functions may be called from any thread; it must outlive every operation on it.
///
/// SM1. `state_` is zero, the party that holds it, or a number of shares with the bit `shared`. The low bit is set
///     while somebody may stand in the line; then `state_` changes under the lock of the line only.
/// SM2. It is handed over: whoever is granted it holds it before he runs again.
class shared_mutex : public detail::exclusive_lock<shared_mutex> {
public:
  /// Shares it until the end of the scope.
  using shared_guard = detail::held_lock<shared_mutex, true>;

  shared_mutex() noexcept : shared_mutex(std::string()) {}

  /// `name` is what errors and reports call it.
  explicit shared_mutex(std::string name) noexcept : exclusive_lock("shared mutex", std::move(name)) {}

  /// The same for a share. Shares have no known owner: who holds one and waits to have it alone waits for himself, and
  /// nobody notices.
  auto lock_shared() noexcept { return operation(share_request<void>{this}); }
  auto try_lock_shared_for(std::chrono::nanoseconds timeout) noexcept {
    return operation(share_request<result<void>>{this}, timeout);
  }

  /// Takes a share if nobody has it alone and nobody waits.
  bool try_lock_shared();

  /// Gives up a share. `invalid_argument` if nobody has one.
  result<void> unlock_shared();

  /// `lock_shared`, and `unlock_shared` at the end of the scope.
  auto scoped_shared() noexcept { return operation(share_request<shared_guard>{this}); }

  /// Internal: as that of `mutex` (MX3). Shares have no owner.
  void disown(const void* party) noexcept;

private:
  friend class detail::exclusive_lock<shared_mutex>;
  template <class Result>
  using share_request = detail::lock_request<shared_mutex, Result, true>;
  template <class, class, bool>
  friend struct detail::lock_request;
  friend guard;
  friend shared_guard;

  static constexpr std::uintptr_t waited_for = 1;
  static constexpr std::uintptr_t shared = 2;
  static constexpr std::uintptr_t one_share = 4;
  enum : unsigned { wants_all, wants_share };  // `want` of a node

  static std::uintptr_t of(const void* party) noexcept { return reinterpret_cast<std::uintptr_t>(party); }
  static const void* owner_in(std::uintptr_t state) noexcept {
    return state & shared ? nullptr : reinterpret_cast<const void*>(state & ~waited_for);
  }
  spin_lock& line_guard() noexcept { return guard_; }
  const void* owner() const noexcept { return owner_in(state_.load(relaxed)); }

  bool try_take(const void* party) noexcept;
  bool try_share(const void* party) noexcept;
  bool share(std::uintptr_t& state) noexcept;
  bool take_or_queue(detail::wait_node& n) noexcept;
  bool share_or_queue(detail::wait_node& n) noexcept;
  bool queue(detail::wait_node& n, std::uintptr_t& state) noexcept;
  void hand_over(const void* from) noexcept;
  bool release_shared() noexcept;
  void pass_on(detail::wake_list& woken) noexcept;
  std::uintptr_t let_readers_in(std::uintptr_t state, detail::wake_list& woken) noexcept;
  void left(detail::wake_list& woken) noexcept;

  atomic<std::uintptr_t> state_{0};  // SM1; acquire of the taker pairs with the release of who gives it up
  spin_lock guard_;
  detail::wait_line line_;
};

}  // namespace troupe
