#pragma once

#include <type_traits>
#include <utility>

#include <troupe/base/await_temporary_bug.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe {

namespace detail {
/// In place of a message that was made where it lies.
struct built_in_place {};
}  // namespace detail

/// What `ask` gives: the future of the reply to a message of type M. Has all that `future` has.
template <class R, class M>
class [[nodiscard]] pending_reply : public future<R> {
public:
  /// Internal.
  explicit pending_reply(future<R> f) noexcept : future<R>(std::move(f)) {}

  using future<R>::then;

  /// For an actor that goes on meanwhile: calls `f(result<R>)` in its own slice, between its messages, when the reply
  /// has come or the time is over, which runs from here. `f` may return a `task<>`, but in a loop actor. What it throws
  /// crashes the actor. A reply that comes after the end of the actor is counted as late.
  ///
  ///     m.ask(get_mean{}, 1s).then(this, [this](troupe::result<double> r) { mean_ = r.value_or(0); });
  ///
  /// Called by the actor itself: its constructor, handlers and `on_start`.
  template <class A, class F>
  void then(A* me, F f) &&;

  /// `auto r = m.ask(x, 1s); co_await r;`
  auto operator co_await() & noexcept { return future<R>::operator co_await(); }

  /// `co_await m.ask(x, 1s)`
  auto operator co_await() && noexcept {
#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
    static_assert(std::is_trivially_destructible_v<M> || !std::is_aggregate_v<M>,
                  "troupe: this compiler destroys the message of such an expression twice; write "
                  "`auto r = m.ask(message, timeout); co_await r;` or `co_await m.ask<message>(timeout, ...)`");
#endif
    return future<R>::operator co_await();
  }
};

}  // namespace troupe
