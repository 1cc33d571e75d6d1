#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

class condition_variable;

namespace detail {

/// A wait for a notification: gives up the mutex, waits, takes the mutex again.
///
/// CV1. The node is linked before the mutex is given up, both under the lock of the line: whoever takes the mutex,
///     changes what is waited for and notifies finds the node.
/// CV2. A strand whose wait has ended, in whatever way, is moved to the line of the mutex and runs once it holds it. An
///     OS thread is woken, and then takes the mutex itself: it may have to drive a loop meanwhile.
class condition_wait_base : public line_wait {
public:
  /// `m` is null if `held` is empty.
  condition_wait_base(condition_variable& c, mutex* m, mutex::guard* held, std::chrono::nanoseconds timeout) noexcept;

protected:
  ~condition_wait_base() { settle(); }

  /// False if the caller does not hold the mutex.
  bool begin();
  void suspend(std::coroutine_handle<> h);
  void block();
  void end_suspension() noexcept;

  /// Why the wait failed; nothing if it was notified.
  std::optional<error> failure() const;

private:
  /// A place in the line of the mutex (CV2): this wait cannot be called off.
  class regain final : public wait_node {
  public:
    explicit regain(condition_wait_base& w) noexcept : wait_(&w) {}
    void resume() noexcept override { wait_->line_wait::resume(); }

  private:
    condition_wait_base* wait_;
  };

  void resume() noexcept override;
  void left(wake_list&) noexcept override {}
  bool publish(wait_node*& next) noexcept;

  condition_variable* condition_;
  mutex* mutex_;
  mutex::guard* held_;
  std::chrono::nanoseconds timeout_;
  bool for_strand_ = false;
  bool refused_ = false;
  std::optional<error> lost_;  // why an OS thread could not take the mutex again
  regain regain_;
};

template <class Result>
class [[nodiscard]] condition_wait final : condition_wait_base {
public:
  using condition_wait_base::condition_wait_base;

  /// Blocks the calling OS thread.
  Result get() {
    if (begin()) block();
    return finish();
  }
  bool await_ready() { return !begin(); }
  void await_suspend(std::coroutine_handle<> h) { suspend(h); }
  Result await_resume() {
    end_suspension();
    return finish();
  }

private:
  Result finish() {
    std::optional<error> e = failure();
    if constexpr (std::is_void_v<Result>) {
      if (e) throw troupe_error(std::move(*e));
    } else {
      if (e) return std::move(*e);
      return {};
    }
  }
};

template <class Held, class Predicate>
class condition_until;
template <class Held, class Predicate>
class condition_until_for;

}  // namespace detail

/// Waits, with a `mutex` given up meanwhile, until somebody says that something has changed; for green threads,
/// handlers (`co_await c.wait(held)`) and OS threads (`c.wait(held).get()`) alike. `held` is the mutex, which the
/// caller holds, or its guard. All functions may be called from any thread; it must outlive every operation on it.
///
/// When a wait ends the mutex is held again, whatever the outcome; with one exception: an OS thread that could not take
/// it again without a deadlock gets `deadlock` or `would_deadlock`, and its guard is then empty. There are no spurious
/// wake-ups, but others may have been quicker: the forms with a predicate look again after each notification.
class condition_variable {
public:
  condition_variable() = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  /// Waits for a notification. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile,
  /// `invalid_argument` if it does not hold the mutex.
  auto wait(mutex& held) noexcept { return detail::condition_wait<void>(*this, &held, nullptr, forever); }
  auto wait(mutex::guard& held) noexcept { return detail::condition_wait<void>(*this, held.held_, &held, forever); }

  /// Waits at most that long; gives a `result<void>`, with `timeout` or the errors of `wait`.
  auto wait_for(mutex& held, std::chrono::nanoseconds timeout) noexcept {
    return detail::condition_wait<result<void>>(*this, &held, nullptr, timeout);
  }
  auto wait_for(mutex::guard& held, std::chrono::nanoseconds timeout) noexcept {
    return detail::condition_wait<result<void>>(*this, held.held_, &held, timeout);
  }

  /// Waits until `predicate()` holds, which is only called with the mutex held. `held` is a mutex or a guard.
  template <class Held, class Predicate>
  auto wait(Held& held, Predicate predicate) {
    return detail::condition_until<Held, Predicate>(*this, held, std::move(predicate));
  }

  /// The same, at most that long in all: `timeout` only if the predicate does not hold at the end either.
  template <class Held, class Predicate>
  auto wait_for(Held& held, std::chrono::nanoseconds timeout, Predicate predicate) {
    return detail::condition_until_for<Held, Predicate>(*this, held, timeout, std::move(predicate));
  }

  /// Ends the wait of whoever has waited longest. With or without the mutex held.
  void notify_one() noexcept;

  /// Ends all waits.
  void notify_all() noexcept;

private:
  friend class detail::condition_wait_base;

  // True while somebody may wait. Written under the lock of the line, and set with the mutex held: who has taken that
  // mutex since sees it. Who has not has changed nothing that a waiter could be waiting for.
  atomic<bool> waited_for_{false};
  spin_lock guard_;
  detail::wait_line line_;
};

namespace detail {

/// `wait` with a predicate.
template <class Held, class Predicate>
class [[nodiscard]] condition_until {
public:
  condition_until(condition_variable& c, Held& held, Predicate predicate)
      : condition_(&c), held_(&held), predicate_(std::move(predicate)) {}

  /// Blocks the calling OS thread.
  void get() {
    while (!predicate_()) condition_->wait(*held_).get();
  }
  auto operator co_await() {
    loop_ = run(*condition_, *held_, predicate_);
    return loop_.operator co_await();
  }

private:
  static task<> run(condition_variable& c, Held& held, Predicate& predicate) {
    while (!predicate()) co_await c.wait(held);
  }

  condition_variable* condition_;
  Held* held_;
  Predicate predicate_;
  task<> loop_;
};

/// `wait_for` with a predicate.
template <class Held, class Predicate>
class [[nodiscard]] condition_until_for {
public:
  condition_until_for(condition_variable& c, Held& held, std::chrono::nanoseconds timeout, Predicate predicate)
      : condition_(&c), held_(&held), timeout_(timeout), predicate_(std::move(predicate)) {}

  /// Blocks the calling OS thread.
  result<void> get() {
    const std::int64_t deadline = deadline_after(party_now(), timeout_);
    while (!predicate_()) {
      const result<void> r = condition_->wait_for(*held_, left(deadline)).get();
      if (!r) return verdict(r, predicate_);
    }
    return {};
  }
  auto operator co_await() {
    loop_ = run(*condition_, *held_, timeout_, predicate_);
    return loop_.operator co_await();
  }

private:
  static std::chrono::nanoseconds left(std::int64_t deadline) {
    if (deadline == timers::never) return forever;
    return std::chrono::nanoseconds(std::max<std::int64_t>(0, deadline - party_now()));
  }
  static result<void> verdict(const result<void>& r, Predicate& predicate) {
    if (r.error() == errc::timeout && predicate()) return {};
    return r;
  }
  static task<result<void>> run(condition_variable& c, Held& held, std::chrono::nanoseconds timeout,
                                Predicate& predicate) {
    const std::int64_t deadline = deadline_after(party_now(), timeout);
    while (!predicate()) {
      const result<void> r = co_await c.wait_for(held, left(deadline));
      if (!r) co_return verdict(r, predicate);
    }
    co_return result<void>();
  }

  condition_variable* condition_;
  Held* held_;
  std::chrono::nanoseconds timeout_;
  Predicate predicate_;
  task<result<void>> loop_;
};

}  // namespace detail
}  // namespace troupe
