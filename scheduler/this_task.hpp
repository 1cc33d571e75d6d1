#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <stop_token>
#include <string>

#include <troupe/scheduler/trampoline.hpp>

namespace troupe::this_task {

namespace detail {

struct [[nodiscard]] yield_awaiter {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const noexcept { troupe::detail::yield_current(h); }
  void await_resume() const noexcept {}
};

/// What a sleep adds to its timer. A base of its own, so that it lies in the padding of the timer.
class sleep_timer : public timer {
protected:
  ~sleep_timer() = default;

  // arming -> armed (the sleeper) -> over (timer or canceller, whoever is first), or arming -> over: then the sleeper
  // finds it and goes on at once.
  enum class gate : std::uint8_t { arming, armed, over };
  atomic<gate> gate_{gate::arming};
  bool relative_ = false;
  bool cancelled_ = false;
};

class [[nodiscard]] sleep_awaiter final : public sleep_timer, public wait_point {
public:
  /// `time` is a deadline or, with `relative`, a duration; both in nanoseconds.
  sleep_awaiter(std::int64_t time, bool relative) noexcept {
    deadline_ns = time;
    relative_ = relative;
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h);
  /// False if the sleep was called off.
  bool await_resume() const noexcept { return !cancelled_; }

  void fire() noexcept override { end(); }
  void cancel_wait() noexcept override;
  std::string describe_wait() const override { return "a sleep"; }
  kind wait_kind() const noexcept override { return kind::sleep; }

private:
  void end() noexcept;

  strand* self_ = nullptr;
};

}  // namespace detail

/// Lets the others run first: `co_await this_task::yield();`
inline detail::yield_awaiter yield() noexcept { return {}; }

/// Sleeps without holding a thread: `co_await this_task::sleep_for(10ms);`. Never shorter than asked for; false if the
/// green thread was told to stop meanwhile.
inline detail::sleep_awaiter sleep_for(std::chrono::nanoseconds duration) noexcept { return {duration.count(), true}; }

/// The same until a point of the steady clock (of virtual time in a deterministic runtime).
inline detail::sleep_awaiter sleep_until(std::chrono::steady_clock::time_point time) noexcept {
  return {std::chrono::nanoseconds(time.time_since_epoch()).count(), false};
}

/// The number of the calling green thread or actor, which no other of its kind has or had: what its handle's `id()`
/// says. 0 on an OS thread. Throws `std::bad_alloc`.
std::uint64_t id();

/// Its name: as it was given, else a description. Empty on an OS thread.
std::string name();

/// What is told when somebody calls `request_stop()` of its handle, or in a handler that is a coroutine when whoever
/// has asked gives up. In any handler of an actor on a thread of its own, and in its `on_start`, it is told too when
/// the actor is killed, by the last step of a shutdown, say, or told to end by its supervisor or a link: for what
/// blocks there. Its callbacks run on the thread that does so. Never told on an OS thread, and in other handlers that
/// are no coroutines. Throws `std::bad_alloc`.
std::stop_token stop_token();

/// True while its waits are called off: it was told to stop, or the scope or timeout that it is in, or nobody wants the
/// answer of the handler any more; and where `stop_token` says so. For loops that do not wait. Any thread.
bool stop_requested() noexcept;

}  // namespace troupe::this_task
