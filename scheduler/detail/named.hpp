#pragma once

#include <type_traits>
#include <utility>

#include <troupe/scheduler/task.hpp>

namespace troupe::detail {

/// What a call gives whose callable or arguments some compilers destroy twice if they are made inside the `co_await`
/// expression (GCC PR 99576): it must not be awaited as a temporary.
template <class Awaitable>
class named final : public Awaitable {
public:
  using Awaitable::Awaitable;
  explicit named(Awaitable&& a) noexcept : Awaitable(std::move(a)) {}

  auto operator co_await() & noexcept { return Awaitable::operator co_await(); }

  template <bool Called = true>
  auto operator co_await() && noexcept {
    static_assert(!Called,
                  "troupe: this compiler destroys a callable with captures that is made in such an expression twice; "
                  "name what is awaited: `auto r = blocking(f); co_await r;`, `auto child = spawn(home, f); co_await "
                  "child;`; or name the body of a scope: `auto body = [..](scope& s) ..; co_await with_scope(body);`");
    return Awaitable::operator co_await();
  }
};

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
/// Closures cannot be told from other classes.
template <class F, class... Args>
inline constexpr bool call_dies_twice = !std::is_trivially_destructible_v<F> ||
                                        ((std::is_aggregate_v<Args> && !std::is_trivially_destructible_v<Args>) || ...);
#else
template <class F, class... Args>
inline constexpr bool call_dies_twice = false;
#endif

/// What a call with such arguments gives.
template <class Awaitable, class F, class... Args>
using call_outcome = std::conditional_t<call_dies_twice<F, Args...>, named<Awaitable>, Awaitable>;

}  // namespace troupe::detail

namespace troupe {
template <class T>
inline constexpr bool is_task<detail::named<task<T>>> = true;
}  // namespace troupe
