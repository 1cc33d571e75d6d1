#pragma once

#include <memory>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/actors/dispatch.hpp>
#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

/// A member of a work queue.
///
/// Y1. A message that its member will not handle, because that has been closed, has ended, has crashed or is detached,
///     goes to another that is alive; it counts as sent once. It is lost only when there is none, and when a kill
///     overtakes it (C4). Its place behind what was published after it is the price: C1 exempts it.
template <class M>
struct work_binding final : binding {
  work_binding(const address<M>& a, std::weak_ptr<exchange_state> x) : binding(a, {}), to(a), exchange(std::move(x)) {}
  const address<M> to;
  const std::weak_ptr<exchange_state> exchange;
};

/// A message of a work queue on its way to one member. The binding outlives it, until it is stashed: then it stays with
/// that member.
template <class M>
struct work_envelope : envelope {
  work_envelope(const message_ops& o, work_binding<M>& to, M&& m)
      : envelope(o), member(&to), call(to.to.shared_call()), message(std::move(m)) {}
  work_binding<M>* member;
  shared_call<M> call;
  M message;
};

template <class M>
bool pass_on_work(envelope& e) noexcept;

template <class M>
inline constexpr message_ops work_ops{
    .handle = [](cell& c, envelope& e) -> root_handle {
      auto& w = static_cast<work_envelope<M>&>(e);
      return w.call(c, w.message);
    },
    .gate = [](envelope& e) -> delivery_gate* {
      auto& w = static_cast<work_envelope<M>&>(e);
      return w.member ? &w.member->gate : nullptr;
    },
    .destroy = [](envelope& e) noexcept { static_cast<work_envelope<M>&>(e).~work_envelope(); },
    .size = sizeof(work_envelope<M>),
    .alignment = alignof(work_envelope<M>),
    .name = type_name<M>(),
    .pass_on = &pass_on_work<M>,
    .type = &typeid(M),
    .payload = [](const envelope& e) noexcept -> const void* {
      return &static_cast<const work_envelope<M>&>(e).message;
    },
    .urgency = [](const envelope& e) noexcept { return priority_for(static_cast<const work_envelope<M>&>(e).message); },
    .stashed = [](envelope& e) noexcept { static_cast<work_envelope<M>&>(e).member = nullptr; },
    .gone = &gone_ops<work_envelope<M>>};

/// Gives the message to the next member that is alive; false, and the message untouched, if there is none. A member
/// that ends before it comes to the message passes it on itself. `enqueue` counts it as sent, or not.
template <class M>
bool hand_out(const exchange_state& exchange, M& message, bool (cell::*enqueue)(envelope&) noexcept) {
  epoch_guard pinned;
  borrowed_route found;
  exchange.routes().find({}, *found);
  bool taken = false;
  (*found).finish([&](std::size_t n) { taken = n != 0; },
                  [&](binding& b) {
                    auto& member = static_cast<work_binding<M>&>(b);
                    auto* e = make_envelope<work_envelope<M>>(work_ops<M>, member, std::move(message));
                    (void)(b.subscriber.get_cell()->*enqueue)(*e);
                  });
  return taken;
}

template <class M>
bool pass_on_work(envelope& e) noexcept {
  auto& w = static_cast<work_envelope<M>&>(e);
  if (!w.member) return false;
  const std::shared_ptr<exchange_state> exchange = w.member->exchange.lock();
  try {
    return exchange && hand_out(*exchange, w.message, &cell::enqueue_again);
  } catch (...) {
    return false;  // moving it, or no memory: it is lost as where there is no other member
  }
}

}  // namespace troupe::detail
