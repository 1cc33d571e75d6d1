#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/detail/work_queue.hpp>

namespace troupe::detail {

template <class M>
struct typed_binding final : binding {
  typed_binding(address<M> a, std::string k) : binding(a, std::move(k)), to(std::move(a)) {}
  const address<M> to;
};

/// One message to all whom the key reaches: in the log that they read, in an envelope for the one member of a work
/// queue, or one copy and a small envelope for each. Returns their number.
template <class M>
std::size_t publish(exchange_state& exchange, std::string_view key, M&& message) {
  if (exchange.kind() == exchange_kind::queue) {
    if (exchange.acknowledged()->push(*new ack_node_of<M>(std::move(message)))) return 1;
    exchange.count_unroutable();
    return 0;
  }
  epoch_guard pinned;
  if (exchange.kind() == exchange_kind::fanout) {
    const std::size_t n = static_cast<broadcast_log<M>&>(exchange.log()).append(exchange.home(), std::move(message));
    if (n == 0) exchange.count_unroutable();
    return n;
  }
  if (exchange.kind() == exchange_kind::work_queue) {
    if (hand_out<M>(exchange, message, &cell::enqueue)) return 1;
    exchange.count_unroutable();
    return 0;
  }
  borrowed_route found;
  exchange.routes().find(key, *found);
  shared_message<M>* shared = nullptr;
  std::size_t receivers = 0;
  (*found).finish(
      [&](std::size_t n) {
        receivers = n;
        if (n == 0) return exchange.count_unroutable();
        shared = new shared_message<M>(std::forward<M>(message), static_cast<std::uint32_t>(n));
      },
      [&](binding& b) { static_cast<typed_binding<M>&>(b).to.send_shared(*shared, &b.gate); });
  return receivers;
}

}  // namespace troupe::detail
