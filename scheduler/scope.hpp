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
#include <troupe/scheduler/detail/named.hpp>
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
// SC3. The list of children, what has failed first and what was asked for are under `lock_`, which is not held while
//     callbacks of a child's stop token run. A child that ends while it is told to stop leaves its last step to who
//     tells it.

namespace troupe {

class scope;

namespace detail {

class scope_base;

template <class T, class F>
task<T> run_scope(F body);

/// One child: a green thread that its scope waits for.
class scope_child : public green_strand, public list_hook<scope_child> {
public:
  /// The `task_slot` that it fills, if there is one.
  virtual const void* slot() const noexcept { return nullptr; }

protected:
  using green_strand::green_strand;
  ~scope_child() = default;

  /// Tells the scope of the end, with what was thrown. False: somebody is telling the child to stop, and calls `finish`
  /// afterwards.
  bool leave_scope(std::exception_ptr thrown) noexcept;

  /// Gives the result, and lets the scope go on (SC1); called once, as the last.
  virtual void finish() noexcept = 0;

  scope_base& enclosing() const noexcept { return *scope_; }

  /// The last that a child does, which may be gone itself.
  static void let_go_on(scope_base& in) noexcept;

private:
  friend class scope_base;

  scope_base* scope_ = nullptr;
  bool being_told_ = false;  // under the scope's lock, as is the next
  bool ended_ = false;
};

/// What `scope`, `when_all` and `when_any` have in common. Lives in a coroutine's frame; its owner is the strand of
/// that.
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

  /// After the join: whether it was the stop of what is around the scope that has ended the children.
  bool called_off() const noexcept;

  /// Puts a new child among the others and makes it runnable. Whoever calls is in the scope or one of its children.
  void start(scope_child& c) noexcept;

  /// What a child, or the owner if that is null, threw: the first is kept and calls off the rest, others are logged.
  void fail(std::exception_ptr thrown, const scope_child* c = nullptr) noexcept;

  /// Writes it to the log, in place of `fail`.
  static void log_failure(const std::exception_ptr& thrown, const scope_child* c) noexcept;

  /// A child has ended, and is counted still. On its thread. `thrown` is null for one that was called off.
  virtual void child_ended(scope_child& c, std::exception_ptr thrown) noexcept;

  scheduler& home() const noexcept { return owner_->home(); }

private:
  friend class scope_child;

  void suspend(std::coroutine_handle<> h) noexcept;
  void cancel_wait() noexcept final;
  bool cancel_takes_time() const noexcept final { return true; }
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
  bool called_off_ = false;  // in the join, by what is around the scope
  bool killed_ = false;
  bool joined_ = false;             // the owner has lowered `pending_`; its own
  atomic<std::size_t> pending_{1};  // SC1: children, and one for the owner until it joins
};

/// Throws `troupe_error` (`invalid_argument`): the task at that place cannot run.
[[noreturn]] void refuse_task(std::size_t place);

/// The same if `t` was moved from or has run before.
template <class T>
void require_task(const task<T>& t, std::size_t place) {
  if (!t || t.frame().done()) refuse_task(place);
}

/// True for what a coroutine throws whose wait was called off.
bool is_cancellation(const std::exception_ptr& thrown) noexcept;

}  // namespace detail

/// Children that end before whoever has begun them goes on, made by `with_scope`. Passed by reference to the body and
/// to children that spawn more.
class scope final : detail::scope_base {
public:
  /// Starts a child on the scheduler of whoever opened the scope: a green thread that runs `f(args...)`, as
  /// `troupe::spawn` does. The handle gives its result, and may be dropped. Called by the body of the scope and by
  /// children. Throws `std::bad_alloc`.
  template <class F, class... Args>
  auto spawn(F f, Args... args) {
    using handle = typename detail::task_call<F, Args...>::handle;
    return handle(begin(*object<F, Args...>::make(home(), std::move(f), std::move(args)...)));
  }

  /// The same with a name: `s.spawn({.name = "reader"}, f, args...)`.
  template <class F, class... Args>
  auto spawn(task_options options, F f, Args... args) {
    using made = object<F, Args...>;
    using handle = typename detail::task_call<F, Args...>::handle_of_named;
    return handle(begin(*made::make_named(home(), std::move(options), std::move(f), std::move(args)...)));
  }

  using detail::scope_base::cancel;
  using detail::scope_base::cancelled;

private:
  template <class T, class F>
  friend task<T> detail::run_scope(F body);

  template <class F, class... Args>
  using object = detail::green_object<detail::scope_child, F, Args...>;

  scope() = default;

  template <class Object>
  auto begin(Object& made) noexcept {
    green_thread<typename Object::value_type> handle(&made);
    start(made);
    return handle;
  }
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
  if (s.called_off()) throw troupe_error(errc::cancelled, "the scope was called off while it waited for its children");
  if constexpr (!std::is_void_v<T>) {
    if (!value) throw troupe_error(errc::cancelled, "the scope was called off before it had a result");
    co_return std::move(*value);
  }
}

}  // namespace detail

/// Runs `body(scope&)`, a coroutine, which spawns children in the scope; goes on when all of them have ended:
///
///     auto body = [&](scope& s) -> task<> {
///       for (auto& url : urls) s.spawn(fetch, url);
///       co_return;
///     };
///     co_await with_scope(body);
///
/// (g++ 12 destroys a closure twice that is made inside the `co_await`, so there it needs the name, unless it captures
/// nothing but references and the like; what would go wrong does not compile.)
///
/// Gives what the body gives. If the body or a child throws, the others are told to stop, and when they have ended that
/// exception comes out, as it was thrown; what others throw then is written to the log. Being told to stop, or killed,
/// reaches the children, and they end first; then `cancelled` is thrown, for they have not done all that they should.
/// Only where the scope's own `cancel` was called first does it end as usual. In green threads and in handlers; on OS
/// threads by `sync_wait`. Python's `asyncio.TaskGroup`, Trio's nursery.
template <class F>
[[nodiscard]] auto with_scope(F&& body) {
  using kept = std::decay_t<F>;
  static_assert(std::is_invocable_v<kept&, scope&>, "troupe: the body of a scope takes a scope&");
  using running = std::invoke_result_t<kept&, scope&>;
  static_assert(is_task<running>, "troupe: the body of a scope is a coroutine that returns a troupe::task");
  using T = typename running::value_type;
  // A body that has a name is not destroyed by the `co_await`.
  using outcome = std::conditional_t<std::is_lvalue_reference_v<F>, task<T>, detail::call_outcome<task<T>, kept>>;
  return outcome(detail::run_scope<T, kept>(std::forward<F>(body)));
}

}  // namespace troupe
