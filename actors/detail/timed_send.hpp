#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/base/type_name.hpp>
#include <troupe/scheduler/timed_call.hpp>

namespace troupe::detail {

/// A message on its way to be sent; `To` is a `ref` or an `address`.
template <class To, class M>
struct delayed_send {
  To to;
  M message;

  void operator()() { to.send(std::move(message)); }
  std::string what() const { return std::string("a ") + type_name<M>() + " for " + to.name(); }
};

/// Sends once.
template <class To, class M>
timer_handle send_later(const To& to, std::chrono::nanoseconds delay, M message) {
  return call_later(to.get_cell()->core().scheduler(), delay, delayed_send<To, M>{to, std::move(message)});
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
