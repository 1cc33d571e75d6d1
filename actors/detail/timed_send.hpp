#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/timed_call.hpp>

namespace troupe::detail {

/// Sends once; `To` is a `ref` or an `address`.
template <class To, class M>
timer_handle send_later(const To& to, std::chrono::nanoseconds delay, M message) {
  return call_later(to.get_cell()->core().scheduler(), delay,
                    [to, m = std::move(message)]() mutable { to.send(std::move(m)); });
}

/// The handle of a periodic send, for the send itself.
struct own_timer {
  timer_handle handle;
  atomic<bool> known{false};  // the release of whoever has set the handle pairs with the acquire of the send
};

/// Sends a copy each time, as long as the actor lives.
template <class To, class M>
timer_handle send_every(const To& to, std::chrono::nanoseconds period, const M& message) {
  auto own = std::make_shared<own_timer>();
  own->handle = call_every(to.get_cell()->core().scheduler(), period, [to, m = message, own] {
    if (to.alive())
      to.send(M(m));
    else if (own->known.load(acquire))
      own->handle.cancel();
  });
  timer_handle handle = own->handle;
  own->known.store(true, release);
  return handle;
}

}  // namespace troupe::detail
