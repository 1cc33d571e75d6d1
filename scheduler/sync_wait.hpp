#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/green_thread.hpp>

namespace troupe {

/// Runs a task as a green thread of `home` and blocks the calling OS thread until it has ended; gives what the task
/// gives, and throws what it throws, as it was thrown:
///
///     auto [a, b] = sync_wait(rt.scheduler(), when_all(load(1), load(2)));
///
/// Throws `troupe_error` as well: `cancelled` if it was killed; `shutdown` once `home` has been shut down; `deadlock`
/// and `would_deadlock` as `future::get`. cppcoro's name; Python's `asyncio.run`.
template <class T>
T sync_wait(scheduler& home, task<T> body) {
  auto ended = spawn(
      home, [](task<T> t) -> task<T> { co_return co_await t; }, std::move(body));
  result<T> outcome = ended.get();
  if (!outcome) {
    if (const std::exception_ptr thrown = outcome.error().cause()) std::rethrow_exception(thrown);
    throw troupe_error(outcome.error());
  }
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

}  // namespace troupe
