#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/scheduler/when_all.hpp>

namespace troupe {

namespace detail {

/// The scope of `when_any`: the first child that ends calls off the others.
class any_scope final : public scope_base {
public:
  template <class T>
  void run(task_slot<T>& slot) {
    start(*slot_child<T>::make(home(), slot));
  }
  void fail_with_current() noexcept { fail(std::current_exception()); }
  using scope_base::close;
  using scope_base::join;

  /// Whether this is the slot of the one that ended first; after the join.
  bool won(const void* slot) const noexcept { return first_.load(relaxed) == slot; }

  /// Throws if none has come to its end.
  void require_winner() const {
    if (!first_.load(relaxed)) throw troupe_error(errc::cancelled, "none of the tasks of a when_any came to its end");
  }

private:
  void child_ended(scope_child& c, std::exception_ptr thrown) noexcept override {
    const void* none = nullptr;
    const bool is_first =
        !c.killed() && !cancelled() && first_.compare_exchange_strong(none, c.slot(), relaxed, relaxed);
    if (!is_first && thrown) log_failure(std::exchange(thrown, nullptr), &c);
    scope_base::child_ended(c, std::move(thrown));
    if (is_first) cancel();
  }

  atomic<const void*> first_{nullptr};  // null -> the slot that won; the join orders it before its readers
};

}  // namespace detail

/// Runs the tasks at the same time, each as a green thread, until the first of them ends; the others are told to stop
/// and waited for. Gives a `std::variant` whose `index()` says which one it was, with what it gave (`std::monostate`
/// for nothing). An exception of that one comes out; what the others throw after it is written to the log, unless it is
/// that they were called off. Throws `invalid_argument`, and begins none, for a task that was moved from or has run
/// before.
///
///     auto first = co_await when_any(ask_primary(q), ask_replica(q));
///
/// In green threads and handlers; on OS threads by `sync_wait`. Python's `asyncio.wait(..., FIRST_COMPLETED)` and the
/// cancellation of the rest; for operations of channels and the like, `select` costs less.
template <class... Ts>
task<std::variant<detail::task_value<Ts>...>> when_any(task<Ts>... tasks) {
  static_assert(sizeof...(Ts) != 0, "troupe: when_any takes at least one task");
  std::size_t place = 0;
  (detail::require_task(tasks, place++), ...);
  std::tuple<detail::task_slot<Ts>...> slots(std::move(tasks)...);
  detail::any_scope s;
  try {
    std::apply([&s](auto&... slot) { (s.run(slot), ...); }, slots);
  } catch (...) {
    s.fail_with_current();
  }
  co_await s.join();
  s.close();
  s.require_winner();
  std::optional<std::variant<detail::task_value<Ts>...>> result;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((s.won(&std::get<I>(slots)) ? void(result.emplace(std::in_place_index<I>, std::get<I>(slots).take())) : void()),
     ...);
  }
  (std::index_sequence_for<Ts...>());
  co_return std::move(*result);
}

/// What a `when_any` over a vector gives.
template <class T>
struct first_of {
  std::size_t index;            ///< which task it was
  detail::task_value<T> value;  ///< what it gave
};

/// The same for tasks whose number is known only at run time, at least one; throws `troupe_error` (`invalid_argument`)
/// for none.
template <class T>
task<first_of<T>> when_any(std::vector<task<T>> tasks) {
  if (tasks.empty()) throw troupe_error(errc::invalid_argument, "when_any of no tasks would never end");
  for (std::size_t i = 0; i != tasks.size(); ++i) detail::require_task(tasks[i], i);
  std::vector<detail::task_slot<T>> slots;
  detail::any_scope s;
  try {
    slots.reserve(tasks.size());
    for (task<T>& t : tasks) s.run(slots.emplace_back(std::move(t)));
  } catch (...) {
    s.fail_with_current();
  }
  co_await s.join();
  s.close();
  s.require_winner();
  std::size_t i = 0;
  while (!s.won(&slots[i])) ++i;
  co_return first_of<T>{i, slots[i].take()};
}

}  // namespace troupe
