#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/detail/pace.hpp>
#include <troupe/scheduler/fork_join.hpp>

/// Loops over ranges by fork and join. A range is split only where a worker would find nothing to steal ("lazy binary
/// splitting": Tzannes, Caragea, Barua and Vishkin, PPoPP 2010), so that a loop costs next to nothing more than a plain
/// one while all are busy, and spreads over the workers when they are not.
namespace troupe::parallel {

struct options {
  /// Elements handled one after the other between two looks for idle workers; 0: as many as take some microseconds.
  std::size_t grain = 0;
};

/// What the loops take: elements reached by their number.
template <class R>
concept range = std::ranges::random_access_range<R> && std::ranges::sized_range<R> && std::ranges::viewable_range<R>;

namespace detail {

using troupe::detail::breath;
using troupe::detail::pace;

template <class It>
It advanced(It it, std::size_t by) {
  return it + static_cast<std::iter_difference_t<It>>(by);
}

template <class It, class F>
inline constexpr bool is_coroutine = is_task<std::remove_cvref_t<std::invoke_result_t<F&, std::iter_reference_t<It>>>>;

// The inner loops are functions: a variable of a coroutine lives in memory, one of a function in a register.
template <class It, class F>
It visit(It first, std::size_t n, F& f) {
  for (; n != 0; --n, ++first) f(*first);
  return first;
}

template <class It, class T, class Op>
T fold(It first, std::size_t n, T sum, Op& op) {
  for (; n != 0; --n, ++first) sum = op(std::move(sum), *first);
  return sum;
}

template <class It, class F>
task<> for_each_part(It first, std::size_t n, F& f, pace p) {
  while (n != 0) {
    if (p.wants_split(n)) {
      const std::size_t half = n / 2;
      co_await fork_join(for_each_part(first, half, f, p), for_each_part(advanced(first, half), n - half, f, p));
      co_return;
    }
    const std::size_t m = p.begin(n);
    if constexpr (is_coroutine<It, F>) {
      for (std::size_t i = 0; i != m; ++i, ++first) {
        auto step = f(*first);
        co_await step;
      }
    } else {
      first = visit(first, m, f);
      p.end(m);
    }
    n -= m;
    co_await breath();
  }
}

template <class V, class F>
task<> for_each_whole(V range, F f, pace p) {
  task<> all = for_each_part(std::ranges::begin(range), static_cast<std::size_t>(std::ranges::size(range)), f, p);
  co_await all;
}

/// `sum` is what has been added up in front of `first`; nothing where another part stands in front.
template <class T, class It, class Op>
task<T> reduce_part(It first, std::size_t n, std::optional<T> sum, Op& op, pace p) {
  while (n != 0) {
    if (p.wants_split(n)) {
      const std::size_t half = n / 2;
      auto left = reduce_part<T>(first, half, std::move(sum), op, p);
      auto right = reduce_part<T>(advanced(first, half), n - half, std::optional<T>(), op, p);
      auto [a, b] = co_await fork_join(std::move(left), std::move(right));
      co_return op(std::move(a), std::move(b));
    }
    std::size_t m = p.begin(n);
    n -= m;
    const std::size_t handled = m;
    if (!sum) {
      sum.emplace(*first);
      ++first;
      --m;
    }
    sum.emplace(fold(first, m, std::move(*sum), op));
    first = advanced(first, m);
    p.end(handled);
    co_await breath();
  }
  co_return std::move(*sum);
}

template <class V, class T, class Op>
task<T> reduce_whole(V range, T init, Op op, pace p) {
  auto all = reduce_part<T>(std::ranges::begin(range), static_cast<std::size_t>(std::ranges::size(range)),
                            std::optional<T>(std::move(init)), op, p);
  co_return co_await all;
}

}  // namespace detail

/// Calls `f(element)` for each element, on as many workers as have nothing else to do: `f` must bear being called at
/// the same time for different elements. `f` may return a `task<>`, which is awaited.
///
/// Awaited in green threads and in handlers of actors. A range that is an lvalue must live as long. The order is not
/// fixed. If `f` throws, some elements are not visited, and the exception of the first part of the range that failed
/// comes out when all parts have ended.
template <range R, class F>
task<> for_each(R&& r, F f, options o = {}) {
  using it = std::ranges::iterator_t<std::views::all_t<R>>;
  return detail::for_each_whole(std::views::all(std::forward<R>(r)), std::move(f),
                                detail::pace(o.grain, detail::is_coroutine<it, F>));
}

/// `op(... op(op(init, e1), e2) ..., en)`: the elements keep their order, but may be grouped in any way, so `op` must
/// be associative and need not be commutative. `op` takes two `T`, or a `T` and an element, on several workers at a
/// time; a `T` can be made of an element. Gives `init` for an empty range. The rest is as with `for_each`.
template <range R, class T, class Op>
task<T> reduce(R&& r, T init, Op op, options o = {}) {
  return detail::reduce_whole(std::views::all(std::forward<R>(r)), std::move(init), std::move(op),
                              detail::pace(o.grain, false));
}

}  // namespace troupe::parallel
