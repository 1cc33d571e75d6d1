#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <type_traits>

#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

namespace detail {

/// The outermost coroutine of a green thread: owns the callable and its arguments, gives the result to the promise.
struct green_root {
  struct promise_type : pooled_frame {
    green_root get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // the body catches everything
  };
  std::coroutine_handle<> frame;
};

/// What the exception that is being handled says.
std::string current_exception_text();

/// Makes a green thread of `frame`, which owes what `owed` stands for, and schedules it.
void start_green_thread(scheduler& home, std::coroutine_handle<> frame, future_state_base& owed);

template <class T, class F, class Args>
green_root green_body(promise<T> p, F f, Args args) {
  std::optional<error> failure;
  try {
    task<T> body = std::apply(f, std::move(args));
    if constexpr (std::is_void_v<T>) {
      co_await body;
      p.give({});
    } else {
      p.give(co_await body);
    }
  } catch (...) {
    failure.emplace(errc::crashed, current_exception_text());
  }
  if (failure) p.fail(std::move(*failure));
}

}  // namespace detail

/// Starts a green thread on `home` that runs `f(args...)`, which returns a `task<T>`; callable and arguments are kept
/// until it ends. The future gives its result; an exception becomes `errc::crashed` with its text. Dropping the future
/// detaches. Any thread.
template <class F, class... Args>
auto spawn(scheduler& home, F f, Args... args) {
  static_assert(std::is_invocable_v<F&, Args...>,
                "troupe: spawn takes a callable and its arguments: spawn(f, 2), not spawn(f(2))");
  using body = std::invoke_result_t<F&, Args...>;
  static_assert(is_task<body>, "troupe: what spawn is given must return a troupe::task");
  using T = typename body::value_type;
  promise<T> p(home);
  p.report_unread();
  future<T> outcome = p.get_future();
  detail::future_state_base& owed = p.state();
  std::tuple<Args...> kept(std::move(args)...);
  detail::start_green_thread(home, detail::green_body<T>(std::move(p), std::move(f), std::move(kept)).frame, owed);
  return outcome;
}

}  // namespace troupe
