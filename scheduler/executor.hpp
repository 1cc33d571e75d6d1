#pragma once

#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/crew.hpp>
#include <troupe/scheduler/detail/submitted.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/map_results.hpp>

namespace troupe {

/// How an executor is made.
struct executor_options {
  /// Jobs that run at the same time. 0: one for each worker of the scheduler; of an executor with threads of its own,
  /// four more than that, but at most 32. Throws `troupe_error` (`invalid_argument`) above 1,024.
  unsigned max_workers = 0;
  /// In errors and reports; threads of its own are called name-0, name-1, ...
  std::string name = "executor";
  /// Whether jobs have threads of their own, which are started when they are wanted and may block as they like; else
  /// the workers of the scheduler run them between actors and green threads.
  bool own_threads = false;
  /// Run by each of its own threads before its first job, to make what is `thread_local` there. If it throws, the
  /// executor is broken: all that has not begun ends with `crashed` and says so, and `submit` throws.
  std::function<void()> initializer = {};
};

/// What `executor::shutdown` does beyond taking no more jobs.
struct executor_shutdown {
  bool wait = true;             ///< whether it returns only when all jobs have ended
  bool cancel_pending = false;  ///< whether jobs that have not begun end with `cancelled`
};

/// How `executor::map` goes about it.
struct map_options {
  std::size_t chunk_size = 1;  ///< elements that make one job; more of them for short ones
  /// From the call of `map` until the last result is wanted.
  std::chrono::nanoseconds timeout = forever;
};

/// Runs plain callables, up to so many at a time, and gives their results: `concurrent.futures.Executor`. Jobs begin in
/// the order submitted.
///
/// All functions may be called from any thread, of jobs as well; it is destroyed by one, after which nobody submits. In
/// a deterministic runtime all jobs are jobs of its loop, whatever the options say, and are run in an order drawn from
/// the seed. A job that waits by `get` for another one of the same executor may wait for ever, if all are at that;
/// green threads do not have the problem.
class executor {
public:
  /// Throws `troupe_error`: `invalid_argument` for options out of range, among them an initializer without own threads;
  /// `shutdown` if the scheduler has ended.
  explicit executor(scheduler& home, executor_options options = {});

  /// The same on what has a scheduler, such as a runtime.
  template <detail::has_scheduler Runtime>
  explicit executor(Runtime& rt, executor_options options = {}) : executor(rt.scheduler(), std::move(options)) {}

  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;

  /// `shutdown()`. Where it cannot wait, in one of its own jobs or on the thread of a run loop that would have to run
  /// them, it leaves them to themselves.
  ~executor();

  /// Has `f(args...)` called by a worker; both are kept until it has ended. The future gives what it returns; an
  /// exception becomes `crashed` with its text, and is its `cause()`. A job whose future is cancelled before it begins
  /// never runs. Throws `troupe_error` (`shutdown`, or what broke the executor) if it takes no more.
  template <class F, class... Args>
  auto submit(F f, Args... args) {
    static_assert(std::is_invocable_v<F&, Args...>,
                  "troupe: submit takes a callable and its arguments: submit(f, 2), not submit(f(2))");
    using R = std::invoke_result_t<F&, Args...>;
    static_assert(!is_task<R>, "troupe: an executor runs plain functions; a coroutine is for spawn");
    return detail::call_future<F, Args...>(add<R>(std::move(f), std::move(args)...));
  }

  /// The same for whoever wants no result: an exception is logged, and so is a job that is refused later.
  template <class F>
  void post(F f) {
    static_assert(std::is_invocable_v<F&>, "troupe: post takes something that can be called without arguments");
    auto posted = std::make_unique<detail::posted<F>>(std::move(f));
    crew_->add(*posted);
    (void)posted.release();  // destroys itself
  }

  /// Calls `f` for each element of `range`, all of which are submitted at once; gives the results in the order of the
  /// elements. Each job has its own copy of `f`. The elements of a temporary that is no view are moved.
  template <std::ranges::input_range Range, class F>
  auto map(F f, Range&& range, map_options options = {}) {
    using element = std::ranges::range_value_t<Range>;
    using R = std::invoke_result_t<F&, element>;
    static_assert(!std::is_void_v<R>,
                  "troupe: map gives results; use submit, or parallel::for_each, where there are none");
    if (options.chunk_size == 0) throw troupe_error(errc::invalid_argument, "map: a chunk has at least one element");
    map_results<R> results(crew_->home(), options.timeout);
    using chunk_results = std::vector<result<R>>;
    std::vector<element> chunk;
    const auto submit_chunk = [&] {
      if (!chunk.empty())
        results.add(add<chunk_results>(detail::map_chunk<R, F, element>, F(f), std::exchange(chunk, {})));
    };
    constexpr bool ours = !std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>;
    for (auto&& e : range) {
      if constexpr (ours)
        chunk.push_back(std::move(e));
      else
        chunk.emplace_back(std::forward<decltype(e)>(e));
      if (chunk.size() == options.chunk_size) submit_chunk();
    }
    submit_chunk();
    return results;
  }

  /// Takes no more jobs: `submit` throws `shutdown` from now on, whatever became of those before. `would_deadlock`,
  /// without waiting, in one of its own jobs or on the thread of a run loop that runs them. May be called again.
  result<void> shutdown(executor_shutdown how = {});

  /// Waits until all jobs have ended after a `shutdown` that did not wait: `co_await` it, or `get()` it on an OS
  /// thread. Gives a `result<void>`.
  auto ended(std::chrono::nanoseconds timeout = forever) { return crew_->ended(timeout); }

private:
  template <class R, class F, class... Args>
  detail::future_state<R>* add(F f, Args... args) {
    using submitted = detail::submitted<R, F, Args...>;
    submitted* const made = submitted::make(crew_->home(), std::move(f), std::move(args)...);
    try {
      crew_->add(*made);
    } catch (const troupe_error&) {
      future<R> dropped(made);
      made->refuse(error(errc::cancelled));
      throw;
    }
    return made;
  }

  std::shared_ptr<detail::crew> crew_;
};

}  // namespace troupe
