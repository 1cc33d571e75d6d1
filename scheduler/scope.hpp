#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/detail/cancel_region.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>

// Children that end before whoever has begun them goes on.
//
// SC1. The scope, and the frame that it lives in, stay until all children have ended. `pending_` decides who sees that:
//     each child lowers it at its end and touches nothing of the scope later; so does the owner, once, when it joins.
//     Whoever brings it to zero goes on with the owner: the last child wakes it.
// SC2. The owner is killed in a slice of its own, or in the join: then it kills the children, waits for them as in SC1,
//     and only then do its frames go.
// SC3. The list of children, what has failed first and what was asked for are under `lock_`, which is held while nothing
//     foreign runs. A child that is told to stop is kept by a reference meanwhile.

namespace troupe {

class scope;

namespace detail {

class scope_base;

template <class T, class F>
task<T> run_scope(F body);

/// What an exception says.
std::string text_of(const std::exception_ptr& thrown);

/// One child: a green thread that its scope waits for.
class scope_child : public strand, public list_hook<scope_child> {
public:
  void run() noexcept final;
  std::string describe() const final;
  void request_kill() noexcept final;
  bool killed() const noexcept final { return killed_.load(acquire); }

  /// The `task_slot` that it fills, if there is one.
  virtual const void* slot() const noexcept { return nullptr; }

protected:
  explicit scope_child(scheduler& home);
  ~scope_child() = default;

  /// Makes the coroutine that the child is; called in its first slice.
  virtual std::coroutine_handle<> begin() = 0;
  /// What the coroutine threw, which has come to its end; null if nothing.
  virtual std::exception_ptr failure() noexcept = 0;
  /// Destroys the frame and what goes with it, and gives the result. `thrown` comes from `begin` or `failure`.
  virtual void end(const std::exception_ptr& thrown, bool was_killed) noexcept = 0;
  /// Frees the memory.
  virtual void destroy() noexcept = 0;

private:
  friend class scope_base;

  void retain() noexcept { refs_.fetch_add(1, relaxed); }
  void release() noexcept {
    if (refs_.fetch_sub(1, acq_rel) == 1) destroy();
  }
  void finish(std::exception_ptr thrown, bool was_killed) noexcept;

  scope_base* scope_ = nullptr;
  bool begun_ = false;
  atomic<bool> killed_{false};  // false -> true: its release pairs with the acquire of `killed`
};

/// What `scope`, `when_all` and `when_any` have in common. Lives in a coroutine's frame; its owner is the strand of that.
class scope_base : public cancel_region, public wait_point {
public:
  /// Tells the children to stop, those to come too, and the owner while it is in the scope. Any thread, while the scope
  /// is open.
  void cancel() noexcept;

  /// Whether it was told to stop. Any thread, while the scope is open.
  bool cancelled() const noexcept;

protected:
  scope_base() : owner_(inside()) {}
  ~scope_base() = default;

  /// The awaitable of the join: all children have ended.
  auto join() noexcept {
    struct awaiter {
      scope_base* s;
      bool await_ready() const noexcept { return s->pending_.load(acquire) == 1; }  // pairs with each child's end
      void await_suspend(std::coroutine_handle<> h) const noexcept { s->suspend(h); }
      void await_resume() const noexcept {}
    };
    return awaiter{this};
  }

  /// After the join: leaves the region and lets the first exception out.
  void close();

  /// Puts a new child among the others and makes it runnable. Whoever calls is in the scope or one of its children.
  void start(scope_child& c) noexcept;

  /// What a child or the owner threw: the first is kept and calls off the rest, others are logged.
  void fail(std::exception_ptr thrown) noexcept;

  /// Writes what a child threw to the log, in place of `fail`.
  static void log_failure(const std::exception_ptr& thrown) noexcept;

  /// A child has ended, and is counted still. On its thread. `thrown` is null for one that was called off.
  virtual void child_ended(scope_child&, std::exception_ptr thrown, bool was_killed) noexcept;

  scheduler& home() const noexcept { return owner_->home(); }

private:
  friend class scope_child;

  void suspend(std::coroutine_handle<> h) noexcept;
  void cancel_wait() noexcept final;
  bool outlasts_cancel() const noexcept final { return true; }
  std::string describe_wait() const final { return "the children of a scope"; }
  bool strand_killed() noexcept final;
  void stop_children() noexcept;
  void kill_children() noexcept;

  strand* owner_;
  mutable spin_lock lock_;                             // SC3
  intrusive_list<scope_child, scope_child> children_;  // that have not been told to stop
  intrusive_list<scope_child, scope_child> told_;      // and those that have
  std::exception_ptr failure_;
  bool stopped_ = false;
  bool killed_ = false;
  bool joined_ = false;             // the owner has lowered `pending_`; its own
  atomic<std::size_t> pending_{1};  // SC1: children, and one for the owner until it joins
};

/// True for what a coroutine throws whose wait was called off.
bool is_cancellation(const std::exception_ptr& thrown) noexcept;

/// Memory for a child comes from the pool, and goes back by its `destroy`.
template <class Child, class... Args>
Child* make_child(Args&&... args) {
  void* memory = pool_allocate(sizeof(Child), alignof(Child));
  try {
    return new (memory) Child(std::forward<Args>(args)...);
  } catch (...) {
    pool_free(memory, sizeof(Child), alignof(Child));
    throw;
  }
}

template <class T, class F, class... Args>
class called_child final : public scope_child {
public:
  called_child(scheduler& home, promise<T> owed, F f, Args... args)
      : scope_child(home), owed_(std::move(owed)), kept_(std::in_place, std::move(f), std::move(args)...) {
    owed_.state().set_owner(static_cast<strand*>(this));
  }

private:
  std::coroutine_handle<> begin() override {
    body_ = std::apply([](F& f, Args&... args) { return std::invoke(f, std::move(args)...); }, *kept_);
    return body_.frame();
  }
  std::exception_ptr failure() noexcept override { return body_.frame().promise().failure; }
  void end(const std::exception_ptr& thrown, bool was_killed) noexcept override {
    std::optional<result<T>> outcome;
    if (was_killed)
      outcome.emplace(error(errc::cancelled, "the green thread was killed"));
    else if (thrown)
      outcome.emplace(error(errc::crashed, text_of(thrown)));
    else if constexpr (std::is_void_v<T>)
      outcome.emplace();
    else
      outcome.emplace(body_.frame().promise().take());
    body_ = {};
    kept_.reset();
    owed_.give(std::move(*outcome));
  }
  void destroy() noexcept override {
    this->~called_child();
    pool_free(this, sizeof(called_child), alignof(called_child));
  }

  promise<T> owed_;
  std::optional<std::tuple<F, Args...>> kept_;
  task<T> body_;
};

}  // namespace detail

/// Children that end before whoever has begun them goes on, made by `with_scope`. Passed by reference to the body and to
/// children that spawn more.
class scope final : detail::scope_base {
public:
  /// Starts a child on the scheduler of whoever opened the scope: a green thread that runs `f(args...)`, as `spawn` does.
  /// The future gives its result, and may be dropped. Called by the body of the scope and by children.
  template <class F, class... Args>
  auto spawn(F f, Args... args) {
    static_assert(std::is_invocable_v<F&, Args...>,
                  "troupe: spawn takes a callable and its arguments: spawn(f, 2), not spawn(f(2))");
    using body = std::invoke_result_t<F&, Args...>;
    static_assert(is_task<body>, "troupe: what spawn is given must return a troupe::task");
    using T = typename body::value_type;
    using child = detail::called_child<T, F, Args...>;
    promise<T> owed(home());
    future<T> outcome = owed.get_future();
    start(*detail::make_child<child>(home(), std::move(owed), std::move(f), std::move(args)...));
    return outcome;
  }

  using detail::scope_base::cancel;
  using detail::scope_base::cancelled;

private:
  template <class T, class F>
  friend task<T> detail::run_scope(F body);

  scope() = default;
};

namespace detail {

template <class T, class F>
task<T> run_scope(F body) {
  scope s;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  try {
    task<T> running = body(s);
    if constexpr (std::is_void_v<T>)
      co_await running;
    else
      value.emplace(co_await running);
  } catch (...) {
    s.fail(std::current_exception());
  }
  co_await s.join();
  s.close();
  if constexpr (!std::is_void_v<T>) {
    if (!value) throw troupe_error(errc::cancelled, "the scope was called off before it had a result");
    co_return std::move(*value);
  }
}

}  // namespace detail

/// Runs `body(scope&)`, a coroutine, which spawns children in the scope; goes on when all of them have ended:
///
///     co_await with_scope([&](scope& s) -> task<> {
///       for (auto& url : urls) s.spawn(fetch, url);
///       co_return;
///     });
///
/// Gives what the body gives. If the body or a child throws, the others are told to stop, and when they have ended that
/// exception comes out, as it was thrown; what others throw then is written to the log. Being told to stop, or killed,
/// reaches the children, and they end first. In green threads and in handlers; on OS threads by `sync_wait`. Python's
/// `asyncio.TaskGroup`, Trio's nursery.
template <class F>
auto with_scope(F body) {
  static_assert(std::is_invocable_v<F&, scope&>, "troupe: the body of a scope takes a scope&");
  using running = std::invoke_result_t<F&, scope&>;
  static_assert(is_task<running>, "troupe: the body of a scope is a coroutine that returns a troupe::task");
  return detail::run_scope<typename running::value_type>(std::move(body));
}

}  // namespace troupe
