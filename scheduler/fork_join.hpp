#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

namespace detail {

/// The awaitable of `fork_join`.
template <class... Ts>
class [[nodiscard]] fork_awaiter final : public fork_record {
public:
  explicit fork_awaiter(task<Ts>&&... tasks) noexcept : fork_record(sizeof...(Ts)) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (attach(children_[I], tasks, std::get<I>(outcomes_)), ...); }
    (std::index_sequence_for<Ts...>());
  }
  ~fork_awaiter() { destroy_frames(children_); }

  bool await_ready() const noexcept { return false; }

  void await_suspend(std::coroutine_handle<> h) noexcept {
    if constexpr (sizeof...(Ts) == 2)
      start_two(h, children_.data());
    else
      start(h, children_.data());
  }

  auto await_resume() {
    leave();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      if constexpr ((std::is_void_v<Ts> && ...))
        (std::get<I>(outcomes_).take(), ...);
      else  // the braces give the order
        return std::tuple<std::conditional_t<std::is_void_v<Ts>, std::monostate, Ts>...>{
            take(std::get<I>(outcomes_))...};
    }
    (std::index_sequence_for<Ts...>());
  }

private:
  template <class T>
  static auto take(task_outcome<T>& o) {
    if constexpr (std::is_void_v<T>) {
      o.take();
      return std::monostate();
    } else {
      return o.take();
    }
  }

  std::array<fork_child, sizeof...(Ts)> children_;
  std::tuple<task_outcome<Ts>...> outcomes_;
};

}  // namespace detail

/// Runs two or more tasks at the same time, as far as workers have nothing else to do, and gives their results in
/// order:
///
///     auto [a, b] = co_await fork_join(fib(n - 1), fib(n - 2));
///
/// Ends when all have ended. If tasks fail, the exception of the first of them, in order, comes out then. A task that
/// gives nothing counts as `std::monostate`; if none gives anything the result is void.
///
/// In green threads and in handlers of actors; there the tasks may run at the same time as each other, never at the
/// same time as the handler, and the actor takes no other message meanwhile. A kill of the green thread or the actor
/// reaches the tasks. The first task runs on the calling strand, so do the others that nobody steals: a fork costs some
/// nanoseconds. What a task waits for holds up no other.
template <class... Ts>
auto fork_join(task<Ts>&&... tasks) noexcept {
  static_assert(sizeof...(Ts) >= 2, "troupe: fork_join takes two or more tasks");
  return detail::fork_awaiter<Ts...>(std::move(tasks)...);
}

namespace detail {

/// The awaitable of `fork_group::join`.
template <class T>
class [[nodiscard]] group_awaiter final : public fork_record {
public:
  explicit group_awaiter(std::vector<task<T>> tasks)
      : fork_record(tasks.size()), children_(tasks.size()), outcomes_(tasks.size()) {
    for (std::size_t i = 0; i != tasks.size(); ++i) attach(children_[i], tasks[i], outcomes_[i]);
  }
  ~group_awaiter() { destroy_frames(children_); }

  bool await_ready() const noexcept { return children_.empty(); }

  void await_suspend(std::coroutine_handle<> h) noexcept { start(h, children_.data()); }

  auto await_resume() {
    if (!children_.empty()) leave();
    if constexpr (std::is_void_v<T>) {
      for (task_outcome<T>& o : outcomes_) o.take();
    } else {
      std::vector<T> results;
      results.reserve(outcomes_.size());
      for (task_outcome<T>& o : outcomes_) results.push_back(o.take());
      return results;
    }
  }

private:
  std::vector<fork_child> children_;
  std::vector<task_outcome<T>> outcomes_;
};

}  // namespace detail

/// Children whose number is known only at run time:
///
///     fork_group g;
///     for (const node& child : n.children) g.fork(visit(child));
///     co_await g.join();
///
/// Tasks begin when they are joined, so a group that goes before leaves nothing behind. `fork_group<int>` takes tasks
/// that give an int. Belongs to one coroutine.
template <class T = void>
class fork_group {
public:
  /// Adds a task. Throws `std::bad_alloc`.
  void fork(task<T> t) { tasks_.push_back(std::move(t)); }

  std::size_t size() const noexcept { return tasks_.size(); }

  /// Runs all and ends when all have ended, as `fork_join` does: gives a vector of the results in the order of `fork`,
  /// or nothing. The group is empty afterwards and may be used again.
  auto join() { return detail::group_awaiter<T>(std::exchange(tasks_, {})); }

private:
  std::vector<task<T>> tasks_;
};

}  // namespace troupe
