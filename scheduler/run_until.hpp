#pragma once

#include <type_traits>
#include <utility>

#include <troupe/scheduler/green_thread.hpp>

namespace troupe {

/// Waits for the result on the calling OS thread, as `get` does: a run loop is driven meanwhile, and what else can run
/// there runs too; then it stands still. The name and the three forms are those of asyncio's `run_until_complete`.
template <class T>
result<T> run_until(scheduler&, future<T> f) {
  return f.get();
}

/// The same with a green thread for `t`.
template <class T>
result<T> run_until(scheduler& home, task<T> t) {
  return spawn(
             home, [](task<T> body) { return body; }, std::move(t))
      .get();
}

/// The same with a green thread that runs `f(args...)`.
template <class F, class... Args>
requires std::is_invocable_v<F&, Args...>
auto run_until(scheduler& home, F f, Args... args) { return spawn(home, std::move(f), std::move(args)...).get(); }

}  // namespace troupe
