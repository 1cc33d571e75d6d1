#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <troupe/base/result.hpp>
#include <troupe/scheduler/detail/cancel_region.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/timers.hpp>

namespace troupe {

namespace detail {

/// A region that is called off by the time.
class timeout_region final : public cancel_region, private timer {
public:
  explicit timeout_region(std::chrono::nanoseconds limit);
  ~timeout_region() { disarm(); }

  /// The strand leaves the region; true if the time was over before.
  bool leave_in_time() noexcept;

private:
  void fire() noexcept override;
  bool strand_killed() noexcept override;
  void disarm() noexcept;

  scheduler* home_;  // null: the timer will not touch this any more
  atomic<bool> fired_{
      false};  // false -> true: `fire` is done with this; its release pairs with the acquire of `disarm`
};

/// True for the exception that is being handled, if it says that a wait was called off.
bool handling_cancellation() noexcept;

template <class T>
struct timed {
  using type = result<T>;
};
template <class T>
struct timed<result<T>> {
  using type = result<T>;
};

}  // namespace detail

/// Runs a task for at most so long:
///
///     result<page> p = co_await with_timeout(fetch(url), 1s);
///
/// When the time is over, the waits of the task are called off, and it is waited for; then the result is `timeout`,
/// whatever the task made of it: who is first decides. Exceptions of the task pass through, but that it was called off
/// by the time. A task that gives a `result` is not wrapped in another one. The time counts from the `co_await`. In
/// green threads and handlers; on OS threads by `sync_wait`.
template <class T>
task<typename detail::timed<T>::type> with_timeout(task<T> body, std::chrono::nanoseconds limit) {
  using outcome = typename detail::timed<T>::type;
  detail::timeout_region region(limit);
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  std::exception_ptr thrown;
  bool called_off = false;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body;
      value.emplace();
    } else {
      value.emplace(co_await body);
    }
  } catch (...) {
    called_off = detail::handling_cancellation();
    thrown = std::current_exception();
  }
  body = {};
  const bool in_time = region.leave_in_time();
  if (thrown && (in_time || !called_off)) std::rethrow_exception(thrown);
  if (!in_time) co_return error(errc::timeout, "the task was called off: its time was over");
  if constexpr (std::is_void_v<T>)
    co_return outcome();
  else
    co_return outcome(std::move(*value));
}

/// Runs a task that is not to be called off, as a clean-up: while it runs, its waits last although the green thread was
/// told to stop, or the scope or timeout around it. Only a kill ends them.
///
///     co_await shield(connection.say_goodbye());
///
/// Trio's shielded cancel scope. In green threads and handlers.
template <class T>
task<T> shield(task<T> body) {
  detail::shield_region region;
  co_return co_await body;
}

}  // namespace troupe
