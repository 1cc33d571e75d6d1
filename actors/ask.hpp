#pragma once

#include <type_traits>
#include <utility>

#include <troupe/base/await_temporary_bug.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe {

/// What `ask` gives: the future of the reply to a message of type M. Has all that `future` has.
template <class R, class M>
class [[nodiscard]] pending_reply : public future<R> {
public:
  /// Internal.
  explicit pending_reply(future<R> f) noexcept : future<R>(std::move(f)) {}

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
