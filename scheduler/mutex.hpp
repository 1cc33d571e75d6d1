#pragma once

#include <cstdint>
#include <string>

#include <troupe/scheduler/detail/lock_request.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Mutual exclusion among green threads, handlers and OS threads alike: `co_await m.lock()` suspends, `m.lock().get()`
/// blocks. Those who wait get it in the order of their coming. All functions may be called from any thread; it must
/// outlive every operation on it.
///
/// MX1. `owner_` is the party that holds it, or null, with the low bit set while somebody may stand in the line.
///     Without the bit it is taken and given up by one compare-exchange; with it only under the lock of the line.
/// MX2. It is handed over: whoever is granted it owns it before he runs again, and nobody can take it in between.
/// MX3. A holder that has ended is replaced, where that is known (LO2): until its guard goes, if there is one, nobody
///     has it.
class mutex : public detail::exclusive_lock<mutex> {
public:
  mutex() noexcept : mutex(std::string()) {}

  /// `name` is what errors and reports call it.
  explicit mutex(std::string name) noexcept : exclusive_lock("mutex", std::move(name)) {}

  /// Internal: MX3.
  void disown(const void* party) noexcept;

private:
  friend class detail::exclusive_lock<mutex>;
  template <class, class, bool>
  friend struct detail::lock_request;
  friend guard;
  friend class recursive_mutex;
  friend class detail::condition_wait_base;

  static constexpr std::uintptr_t waited_for = 1;

  mutex(const char* kind, std::string name) noexcept : exclusive_lock(kind, std::move(name)) {}

  static std::uintptr_t of(const void* party) noexcept { return reinterpret_cast<std::uintptr_t>(party); }
  spin_lock& line_guard() noexcept { return guard_; }
  const void* owner() const noexcept { return reinterpret_cast<const void*>(owner_.load(relaxed) & ~waited_for); }
  bool try_take(const void* party) noexcept {
    std::uintptr_t expected = 0;
    return owner_.compare_exchange_strong(expected, of(party), acquire, relaxed);
  }
  bool take_or_queue(detail::wait_node& n) noexcept;

  /// Gives it up for `from`, who holds it; who is then to be resumed, if anybody.
  [[nodiscard]] detail::wait_node* pass_on(const void* from) noexcept;
  void hand_over(const void* from) noexcept {
    if (detail::wait_node* next = pass_on(from)) next->resume();
  }
  void left(detail::wake_list&) noexcept {}

  atomic<std::uintptr_t> owner_{0};  // MX1; acquire of the taker pairs with the release of who gives it up
  spin_lock guard_;
  detail::wait_line line_;
};

}  // namespace troupe
