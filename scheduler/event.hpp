#pragma once

#include <chrono>

#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Something that has happened, or not yet: `set` lets all go on who wait, and whoever comes later, until `clear`. For
/// green threads, handlers (`co_await e.wait()`) and OS threads (`e.wait().get()`) alike. All functions may be called
/// from any thread; whoever has waited for it may destroy it once no other wait is left.
///
/// EV1. `set_` changes under the lock of the line only, and `set` touches nothing after it gives up that lock: who
///     finds it set goes through the lock once, and so knows that `set` is over.
class event {
  template <class Result>
  struct request;

public:
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Lets all go on that wait, in the order of their coming. Nothing if it is set already.
  void set() noexcept;

  /// From now on one has to wait again.
  void clear() noexcept;

  bool is_set() const noexcept { return set_.load(acquire); }

  /// Waits until it is set. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile.
  auto wait() noexcept;

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `wait`.
  auto wait_for(std::chrono::nanoseconds timeout) noexcept;

private:
  atomic<bool> set_{false};  // the release of `set` pairs with the acquire of who finds it set
  spin_lock guard_;
  detail::wait_line line_;
};

template <class Result>
struct event::request {
  event* e;

  spin_lock& guard() noexcept { return e->guard_; }
  bool try_fast(const void*) noexcept {
    if (!e->is_set()) return false;
    std::lock_guard after_set(e->guard_);  // EV1
    return true;
  }
  bool try_locked(detail::wait_node& n) noexcept {
    if (e->set_.load(relaxed)) return true;
    e->line_.push(n);
    return false;
  }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept {}
  Result finish(const detail::wait_end& how) { return detail::ended<Result>(how, "an event"); }
};

inline auto event::wait() noexcept { return operation(request<void>{this}); }
inline auto event::wait_for(std::chrono::nanoseconds timeout) noexcept {
  return operation(request<result<void>>{this}, timeout);
}

}  // namespace troupe
