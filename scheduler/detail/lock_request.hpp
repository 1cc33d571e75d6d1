#pragma once

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {
class condition_variable;
}

namespace troupe::detail {

class condition_wait_base;

/// Holds a lock until it goes. Move only; stays with the party that took the lock.
template <class Lock, bool Shared = false>
class [[nodiscard]] held_lock {
public:
  held_lock() = default;
  held_lock(held_lock&& other) noexcept : held_(std::exchange(other.held_, nullptr)), party_(other.party_) {}
  held_lock& operator=(held_lock&& other) noexcept {
    held_lock taken(std::move(other));
    std::swap(held_, taken.held_);
    std::swap(party_, taken.party_);
    return *this;
  }
  ~held_lock() { unlock(); }

  /// Before the end of the scope; afterwards it holds nothing.
  void unlock() noexcept {
    Lock* l = std::exchange(held_, nullptr);
    if (!l) return;
    unlocking(*l, party_);
    if constexpr (Shared)
      l->release_shared();
    else
      l->hand_over(party_);
  }
  explicit operator bool() const noexcept { return held_ != nullptr; }

private:
  friend Lock;
  friend class troupe::condition_variable;
  friend class condition_wait_base;
  template <class, class, bool>
  friend struct lock_request;
  held_lock(Lock& l, const void* party) noexcept : held_(&l), party_(party) {}

  Lock* held_ = nullptr;
  const void* party_ = nullptr;
};

/// The request for a lock with an owner, or for a share of one.
template <class Lock, class Result, bool Shared = false>
struct lock_request {
  using guard_type = held_lock<Lock, Shared>;

  Lock* lock;
  const void* party = nullptr;

  spin_lock& guard() noexcept { return lock->line_guard(); }
  bool try_fast(const void* who) {
    party = who;
    about_to_lock(*lock, party);
    if constexpr (Shared)
      return lock->try_share(party);
    else
      return lock->try_take(party);
  }
  bool try_locked(wait_node& n) noexcept {
    if constexpr (Shared)
      return lock->share_or_queue(n);
    else
      return lock->take_or_queue(n);
  }
  void give_back() noexcept {
    if constexpr (Shared)
      lock->release_shared();
    else
      lock->hand_over(party);
  }
  void left(wake_list& woken) noexcept { lock->left(woken); }
  const void* owner() const noexcept { return lock->owner(); }
  std::string what() const { return lock->describe(); }

  Result finish(const wait_end& how, const std::string* story) {
    if (how == wait_outcome::granted) {
      locked(*lock, party);
      if constexpr (std::is_same_v<Result, guard_type>)
        return guard_type(*lock, party);
      else
        return Result();
    }
    error e = why(how, story);
    if constexpr (std::is_same_v<Result, result<void>>)
      return e;
    else
      throw troupe_error(std::move(e));
  }

private:
  error why(const wait_end& how, const std::string* story) const {
    if (how == wait_outcome::deadlock) {
      if (story) return error(errc::deadlock, *story);
      if (lock->owner() == party)
        return error(errc::deadlock, lock->describe() + " is held already by the one that waits for it");
    }
    return error_of(how, lock->describe() + (how == wait_outcome::timeout ? holder_of(*lock) : ""));
  }
};

/// What every lock offers that one party can hold alone. `Lock` derives from it and says how it is taken, queued for
/// and handed over; who holds it alone is its `owner()`.
template <class Lock>
class exclusive_lock : public lock_base {
public:
  /// Holds it until the end of the scope.
  using guard = held_lock<Lock>;

  /// Waits until the caller has it alone. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile,
  /// `deadlock` if it has it already (a recursive mutex is had again), or if whoever has it alone waits, directly or
  /// not, for the caller.
  auto lock() noexcept { return operation(lock_request<Lock, void>{self()}); }

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `lock`.
  auto try_lock_for(std::chrono::nanoseconds timeout) noexcept {
    return operation(lock_request<Lock, result<void>>{self()}, timeout);
  }

  /// Takes it if that is possible at once.
  bool try_lock() {
    const void* party = current_party();
    if (!self()->try_take(party)) return false;
    locked(*self(), party);
    return true;
  }

  /// Hands it to whoever has waited longest; of a recursive mutex the unlock that undoes the first `lock` does.
  /// `invalid_argument` if the caller does not have it alone.
  result<void> unlock() {
    const void* party = current_party();
    if (self()->owner() != party)
      return error(errc::invalid_argument, describe() + " was unlocked by somebody who does not hold it alone");
    unlocking(*this, party);
    self()->hand_over(party);
    return {};
  }

  /// `lock`, and `unlock` at the end of the scope: `auto held = co_await m.scoped();`
  auto scoped() noexcept { return operation(lock_request<Lock, guard>{self()}); }

protected:
  using lock_base::lock_base;
  ~exclusive_lock() = default;

private:
  Lock* self() noexcept { return static_cast<Lock*>(this); }
};

}  // namespace troupe::detail
