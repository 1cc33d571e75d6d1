#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/scheduler/scope.hpp>

namespace troupe {

namespace detail {

template <class T>
using task_value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A task that a child runs, in the frame of whoever waits for it. Its result stays in it.
template <class T>
struct task_slot {
  explicit task_slot(task<T>&& t) noexcept : body(std::move(t)) {}

  /// What it gave; throws what it threw, and `cancelled` if it was killed.
  task_value<T> take() {
    if (!ended) throw troupe_error(errc::cancelled, "a task was killed before it had a result");
    if constexpr (std::is_void_v<T>) {
      body.frame().promise().take();
      return {};
    } else {
      return body.frame().promise().take();
    }
  }

  task<T> body;
  bool ended = false;  // it came to its end, by itself; written by the child, read after the join
};

template <class T>
class slot_child final : public scope_child {
public:
  static slot_child* make(scheduler& home, task_slot<T>& slot) {
    void* const memory = pool_allocate(sizeof(slot_child), alignof(slot_child));
    try {
      return new (memory) slot_child(home, slot);
    } catch (...) {
      pool_free(memory, sizeof(slot_child), alignof(slot_child));
      throw;
    }
  }

  const void* slot() const noexcept override { return slot_; }
  std::coroutine_handle<> first_coroutine() noexcept override { return slot_->body.frame(); }

private:
  slot_child(scheduler& home, task_slot<T>& slot) : scope_child(home), slot_(&slot) {}

  void end() noexcept override {
    slot_->ended = slot_->body && slot_->body.frame().done();
    std::exception_ptr thrown;
    if (slot_->ended)
      thrown = slot_->body.frame().promise().failure;
    else
      slot_->body = {};  // it was killed
    home().strands().remove(*this);
    if (leave_scope(std::move(thrown))) finish();
  }
  void finish() noexcept override {
    scope_base& in = enclosing();
    this->~slot_child();
    pool_free(this, sizeof(slot_child), alignof(slot_child));
    let_go_on(in);
  }

  task_slot<T>* slot_;
};

/// The scope of `when_all`.
class all_scope final : public scope_base {
public:
  template <class T>
  void run(task_slot<T>& slot) {
    start(*slot_child<T>::make(home(), slot));
  }
  void fail_with_current() noexcept { fail(std::current_exception()); }
  using scope_base::close;
  using scope_base::join;
};

}  // namespace detail

/// Runs the tasks at the same time, each as a green thread, and gives their results in order when all have ended:
///
///     auto [user, orders] = co_await when_all(load_user(id), load_orders(id));
///
/// A task that gives nothing counts as `std::monostate`. If one throws, the others are told to stop, and when all have
/// ended its exception comes out; so does `cancelled` if one was killed. Throws `invalid_argument`, and begins none,
/// for a task that was moved from or has run before. In green threads and handlers; on OS threads by
/// `sync_wait`. `asyncio.gather`, but that no task is left behind. For computations, `fork_join` costs less.
template <class... Ts>
task<std::tuple<detail::task_value<Ts>...>> when_all(task<Ts>... tasks) {
  [[maybe_unused]] std::size_t place = 0;
  (detail::require_task(tasks, place++), ...);
  std::tuple<detail::task_slot<Ts>...> slots(std::move(tasks)...);
  detail::all_scope s;
  try {
    std::apply([&s](auto&... slot) { (s.run(slot), ...); }, slots);
  } catch (...) {
    s.fail_with_current();
  }
  co_await s.join();
  s.close();
  co_return std::apply([](auto&... slot) { return std::tuple<detail::task_value<Ts>...>{slot.take()...}; }, slots);
}

/// The same for tasks whose number is known only at run time: gives a vector, or nothing.
template <class T>
auto when_all(std::vector<task<T>> tasks)
    -> task<std::conditional_t<std::is_void_v<T>, void, std::vector<detail::task_value<T>>>> {
  for (std::size_t i = 0; i != tasks.size(); ++i) detail::require_task(tasks[i], i);
  std::vector<detail::task_slot<T>> slots;
  detail::all_scope s;
  try {
    slots.reserve(tasks.size());
    for (task<T>& t : tasks) s.run(slots.emplace_back(std::move(t)));
  } catch (...) {
    s.fail_with_current();
  }
  co_await s.join();
  s.close();
  if constexpr (std::is_void_v<T>) {
    for (auto& slot : slots) slot.take();
  } else {
    std::vector<T> results;
    results.reserve(slots.size());
    for (auto& slot : slots) results.push_back(slot.take());
    co_return results;
  }
}

}  // namespace troupe
