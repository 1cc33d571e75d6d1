#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

#include <troupe/scheduler/task.hpp>

namespace troupe {

/// Several locks of any kinds, held until this goes, or until `unlock`. Move only; stays with the party that took them.
template <class... Locks>
class [[nodiscard]] held_locks {
public:
  /// Gives all up.
  void unlock() noexcept {
    std::apply([](auto&... g) { (g.unlock(), ...); }, guards_);
  }

private:
  template <class...>
  friend class locks_operation;

  std::tuple<typename Locks::guard...> guards_;
};

/// What `lock_all` gives: `co_await` it in green threads and handlers, `get()` it on OS threads.
template <class... Locks>
class [[nodiscard]] locks_operation {
  using held = held_locks<Locks...>;

public:
  explicit locks_operation(Locks&... locks) noexcept : locks_(&locks...) {}

  /// Blocks the calling OS thread.
  held get() {
    held all;
    for (const step& s : steps()) s.take(locks_, all);
    return all;
  }
  auto operator co_await() {
    work_ = run(locks_);
    return work_.operator co_await();
  }

private:
  using pointers = std::tuple<Locks*...>;

  struct step {
    const void* address;
    void (*take)(const pointers&, held&);
    task<> (*await)(const pointers&, held&);
  };

  template <std::size_t I>
  static void take(const pointers& locks, held& all) {
    std::get<I>(all.guards_) = std::get<I>(locks)->scoped().get();
  }
  // The guard is put in its place before the coroutine can be suspended again: a kill finds it there.
  template <std::size_t I>
  static task<> await(const pointers& locks, held& all) {
    auto guard = co_await std::get<I>(locks)->scoped();
    std::get<I>(all.guards_) = std::move(guard);
  }

  auto steps() const noexcept { return steps(locks_, std::index_sequence_for<Locks...>()); }
  template <std::size_t... I>
  static std::array<step, sizeof...(Locks)> steps(const pointers& locks, std::index_sequence<I...>) noexcept {
    std::array<step, sizeof...(Locks)> all{step{std::get<I>(locks), &take<I>, &await<I>}...};
    std::sort(all.begin(), all.end(),
              [](const step& a, const step& b) { return std::less<const void*>()(a.address, b.address); });
    return all;
  }

  static task<held> run(pointers locks) {
    held all;
    const auto order = steps(locks, std::index_sequence_for<Locks...>());
    for (const step& s : order) {
      task<> one = s.await(locks, all);
      co_await one;
    }
    co_return std::move(all);
  }

  pointers locks_;
  task<held> work_;
};

/// Takes all of these locks, of any kinds (shared ones alone), in one order for the whole process, that of their
/// addresses: `auto held = co_await lock_all(from, to);`. So two of these never wait for each other. Throws what `lock`
/// throws, `deadlock` also if one lock is named twice; then none is held.
template <class... Locks>
locks_operation<Locks...> lock_all(Locks&... locks) noexcept {
  return locks_operation<Locks...>(locks...);
}

}  // namespace troupe
