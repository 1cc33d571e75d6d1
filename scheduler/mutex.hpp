#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Mutual exclusion among green threads, handlers and OS threads alike: `co_await m.lock()` suspends, `m.lock().get()`
/// blocks. Those who wait get it in the order of their coming. All functions may be called from any thread; it must
/// outlive every operation on it.
///
/// O1. `owner_` is the party that holds it, or null, with the low bit set while somebody may stand in the line. Without
///     the bit it is taken and given up by one compare-exchange; with it only under the lock of the line.
/// O2. It is handed over: whoever is granted it owns it before he runs again, and nobody can take it in between.
class mutex {
  template <class Result>
  struct request;

public:
  class guard;

  mutex() = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// Waits for it. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile, `deadlock` if it holds it
  /// already.
  auto lock() noexcept;

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `lock`.
  auto try_lock_for(std::chrono::nanoseconds timeout) noexcept;

  /// Takes it if it is free.
  bool try_lock() noexcept;

  /// Hands it to whoever has waited longest. `invalid_argument` if the caller does not hold it.
  result<void> unlock() noexcept;

  /// `lock`, and `unlock` at the end of the scope: `auto held = co_await m.scoped();`
  auto scoped() noexcept;

private:
  static constexpr std::uintptr_t waited_for = 1;

  static std::uintptr_t of(const void* party) noexcept { return reinterpret_cast<std::uintptr_t>(party); }
  bool try_take(const void* party) noexcept;
  bool take_or_queue(detail::wait_node& n) noexcept;
  void hand_over(const void* from) noexcept;

  atomic<std::uintptr_t> owner_{0};  // O1; acquire of the taker pairs with the release of who gives it up
  spin_lock guard_;
  detail::wait_line line_;
};

/// Holds a mutex until it goes. Move only.
class [[nodiscard]] mutex::guard {
public:
  guard() = default;
  guard(guard&& other) noexcept : held_(std::exchange(other.held_, nullptr)), party_(other.party_) {}
  guard& operator=(guard&& other) noexcept {
    guard taken(std::move(other));
    std::swap(held_, taken.held_);
    std::swap(party_, taken.party_);
    return *this;
  }
  ~guard() { unlock(); }

  /// Before the end of the scope; afterwards it holds nothing.
  void unlock() noexcept {
    if (mutex* m = std::exchange(held_, nullptr)) m->hand_over(party_);
  }
  explicit operator bool() const noexcept { return held_ != nullptr; }

private:
  friend class mutex;
  guard(mutex& m, const void* party) noexcept : held_(&m), party_(party) {}

  mutex* held_ = nullptr;
  const void* party_ = nullptr;
};

template <class Result>
struct mutex::request {
  mutex* m;
  const void* party = nullptr;

  spin_lock& guard() noexcept { return m->guard_; }
  bool try_fast(detail::wait_node& n) noexcept {
    party = n.party;
    return m->try_take(party);
  }
  bool try_locked(detail::wait_node& n) noexcept { return m->take_or_queue(n); }
  void give_back() noexcept { m->hand_over(party); }
  void left(detail::wake_list&) noexcept {}
  Result finish(detail::wait_outcome how) {
    if constexpr (std::is_same_v<Result, result<void>>) {
      if (how == detail::wait_outcome::granted) return {};
      return detail::error_of(how, "a mutex");
    } else {
      if (how != detail::wait_outcome::granted) throw troupe_error(detail::error_of(how, "a mutex"));
      if constexpr (!std::is_void_v<Result>) return mutex::guard(*m, party);
    }
  }
};

inline bool mutex::try_take(const void* party) noexcept {
  std::uintptr_t expected = 0;
  return owner_.compare_exchange_strong(expected, of(party), acquire, relaxed);
}

inline auto mutex::lock() noexcept { return operation(request<void>{this}); }
inline auto mutex::try_lock_for(std::chrono::nanoseconds timeout) noexcept {
  return operation(request<result<void>>{this}, timeout);
}
inline auto mutex::scoped() noexcept { return operation(request<guard>{this}); }
inline bool mutex::try_lock() noexcept { return try_take(detail::current_party()); }

}  // namespace troupe
