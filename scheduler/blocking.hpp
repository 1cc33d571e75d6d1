#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/detail/local_binding.hpp>
#include <troupe/scheduler/detail/submitted.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/sender.hpp>

namespace troupe {

namespace detail {

/// The threads of `home` for blocking calls, made at the first use. Throws `troupe_error` (`shutdown`). Held by the
/// caller: the end of the scheduler, which may come at any moment, lets go of them.
std::shared_ptr<crew> blocking_crew(scheduler& home);

/// The scheduler that the caller is run by. Throws `troupe_error` (`invalid_argument`) on other threads.
scheduler& scheduler_of_caller();

/// `current_sender`.
const void* sender_of_call() noexcept;

/// A callable that sees the task-local values of whoever has made this, and sends for him.
template <class F>
class on_behalf {
public:
  explicit on_behalf(F f) : f_(std::move(f)), caller_(sender_of_call()) {}

  template <class... Args>
  decltype(auto) operator()(Args&&... args) {
    const sends_for him(caller_);
    return f_(std::forward<Args>(args)...);
  }

private:
  with_locals<F> f_;
  const void* caller_;
};

template <class F, class... Args>
call_future<F, Args...> call_blocking(scheduler& home, F&& f, Args&&... args) {
  using R = std::invoke_result_t<F&, Args...>;
  static_assert(!is_task<R>, "troupe: blocking is for plain functions; a coroutine suspends instead, and is awaited");
  using submitted = detail::submitted<R, on_behalf<F>, Args...>;
  const std::shared_ptr<crew> threads = blocking_crew(home);
  submitted* const made = submitted::make(home, on_behalf<F>(std::move(f)), std::move(args)...);
  call_future<F, Args...> outcome(made);
  try {
    threads->add(*made);
  } catch (const troupe_error&) {
    made->refuse(error(errc::shutdown));
    throw;
  }
  return outcome;
}

}  // namespace detail

/// Calls `f(args...)`, which may block as it likes, on a thread that is there for such calls, so that no worker is
/// held: `auto text = co_await troupe::blocking(read_file, path);` in green threads and handlers. It begins at once, or
/// when one of as many threads as `blocking_limits` allows is free. The future gives what `f` returns; an exception
/// becomes `crashed` with its text, and is its `cause()`.
///
/// Where the caller is told to stop, or the future is cancelled, before `f` has begun, it never will. One that has
/// begun goes on to its end, and its result is dropped. In a deterministic runtime it is a job of the loop. `f` sees
/// the task-local values of the caller.
///
/// From green threads, handlers and jobs; throws `troupe_error`: `invalid_argument` elsewhere, `shutdown` once the
/// runtime has been shut down.
template <class F, class... Args>
requires std::invocable<F&, Args...>
[[nodiscard]] auto blocking(F f, Args... args) {
  return detail::call_blocking(detail::scheduler_of_caller(), std::move(f), std::move(args)...);
}

/// The same with the threads of `home`, from any thread.
template <class F, class... Args>
requires std::invocable<F&, Args...>
[[nodiscard]] auto blocking(scheduler& home, F f, Args... args) {
  return detail::call_blocking(home, std::move(f), std::move(args)...);
}
template <detail::has_scheduler Runtime, class F, class... Args>
requires std::invocable<F&, Args...>
[[nodiscard]] auto blocking(Runtime& rt, F f, Args... args) {
  return detail::call_blocking(rt.scheduler(), std::move(f), std::move(args)...);
}

}  // namespace troupe
