#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/detail/message_facts.hpp>
#include <troupe/exchange/detail/tap_binding.hpp>
#include <troupe/exchange/detail/work_queue.hpp>
#include <troupe/exchange/publish_result.hpp>

namespace troupe::detail {

template <class M>
struct typed_binding final : binding {
  typed_binding(const address<M>& a, std::string k) : binding(a, std::move(k)), ops(a.shared_ops()) {}
  ~typed_binding() override {
    if (backlog) backlog->binding_gone();
  }
  const message_ops* const ops;  // of a shared message for its subscriber

  /// Takes over one reference to the message, unless it throws `std::bad_alloc`. False if the subscriber does not get
  /// it: it has ended, or its mailbox has no room.
  bool send(shared_message<M>& shared) {
    return subscriber.get_cell()->enqueue(*make_envelope<shared_envelope<M>>(*ops, shared, &gate));
  }

  void left(cell& c) noexcept override {
    if (backlog) backlog->binding_left(c);
  }
};

/// One message into a queue. `confirm` is told what becomes of it, if it is accepted. `died`: as of `routing_facts`.
template <class M>
ack_queue_base::pushed push_to_queue(exchange_state& exchange, M&& message, confirmation* confirm,
                                     const deaths* died = nullptr) {
  if (exchange.over()) {
    exchange.count_unroutable();
    return ack_queue_base::pushed::closed;
  }
  auto* n = died ? new letter_node_of<M>(std::move(message), *died) : new ack_node_of<M>(std::move(message));
  n->confirm = confirm;
  const auto outcome = exchange.acknowledged()->push(*n);
  if (outcome == ack_queue_base::pushed::closed) exchange.count_unroutable();
  return outcome;
}

/// For who wants to know whether anybody gets a message, and then to have it back.
template <class M>
struct unrouted_message {
  const bool wanted;      ///< not only to be counted
  bool is_there = false;  ///< nobody gets it
  std::optional<M> message{};

  /// Of one that is to be put into a box.
  std::optional<M> copy_of(const M& m) const {
    std::optional<M> copy;
    if constexpr (std::is_copy_constructible_v<M>) {
      if (wanted) copy.emplace(m);
    }
    return copy;
  }
};

/// It is counted, or given back.
template <class M>
void nobody_gets(exchange_state& exchange, unrouted_message<M>* unrouted, std::optional<M>&& message) {
  if (!unrouted) return exchange.count_unroutable();
  unrouted->is_there = true;
  if (message) unrouted->message.emplace(std::move(*message));
}
template <class M>
void nobody_gets(exchange_state& exchange, unrouted_message<M>* unrouted, M&& message) {
  if (!unrouted) return exchange.count_unroutable();
  unrouted->is_there = true;
  if (unrouted->wanted) unrouted->message.emplace(std::move(message));
}

/// Counts one message that is published, and to how many it goes, when that is done.
struct published_once {
  explicit published_once(exchange_state& e) noexcept : exchange(e) {}
  published_once(const published_once&) = delete;
  published_once& operator=(const published_once&) = delete;
  ~published_once() {
    if (reached != 0)
      exchange.account().published(exchange.home(), routed);
    else
      exchange.account().published_to_nobody();
  }
  exchange_state& exchange;
  std::size_t reached = 0;
  std::size_t routed = 0;  // of these, in envelopes: backlogs count theirs
};

/// A message with a reference for each of those that are still to get it.
template <class M>
struct unsent_message {
  unsent_message() = default;
  unsent_message(const unsent_message&) = delete;
  unsent_message& operator=(const unsent_message&) = delete;
  ~unsent_message() {
    for (; left != 0; --left) box->release();  // no memory to send it with
  }
  shared_message<M>* box = nullptr;
  std::size_t left = 0;
};

/// What backlogs ask of a message. What users' functions say of it is found out before anybody gets it, or some would
/// get it and the others not where they throw.
template <class M>
struct message_weight {
  static constexpr bool by_users = has_bytes_of<M> || has_conflation_key<M>;

  std::size_t bytes = 0;
  std::optional<std::string> conflated_by{};

  void find_out(const M& m, std::string_view key, bool conflates) {
    if (bytes == 0) bytes = bytes_for(m);
    if (conflates && !conflated_by) conflated_by = conflation_key(m, key);
  }
  const std::string* key() const noexcept { return conflated_by ? &*conflated_by : nullptr; }
};

/// One message to all whom a router finds: one copy, and for each of them a small envelope or a place in its backlog.
template <class M>
publish_result route_and_publish(exchange_state& exchange, const routing_facts& given, M&& message,
                                 unrouted_message<M>* unrouted) {
  borrowed_route found;
  const message_facts<M> facts(exchange.kind(), given, message);
  exchange.routes().find(*facts, *found);
  message_weight<M> weight;
  if constexpr (message_weight<M>::by_users)
    (*found).each([&](const binding& b) {
      if (b.backlog) weight.find_out(message, given.key, b.backlog->conflates());
    });
  publish_aftermath after;
  unsent_message<M> rest;
  std::size_t receivers = 0;
  published_once once(exchange);
  (*found).finish(
      [&](std::size_t n) {
        receivers = once.reached = n;
        if (n == 0) return nobody_gets(exchange, unrouted, std::move(message));
        rest.box = new shared_message<M>(std::forward<M>(message), static_cast<std::uint32_t>(n));
        rest.left = n;
      },
      [&](binding& b) {
        if (!b.backlog) [[likely]] {
          if (!static_cast<typed_binding<M>&>(b).send(*rest.box)) --receivers;
          --rest.left;
          return void(++once.routed);
        }
        // The message is not ours once the last has got it, so this is asked while it is.
        weight.find_out(rest.box->message, given.key, b.backlog->conflates());
        boxed_message boxed{.box = rest.box};
        --rest.left;
        if (!b.backlog->push(boxed, b, weight.bytes, weight.key(), after)) --receivers;
      });
  return {receivers, after.refused};
}

/// The same where messages are kept, in one with keeping it (RT1). Those without a backlog begin with what is published
/// after they have been attached, so they get theirs without the lock.
template <class M>
publish_result keep_and_publish(exchange_state& exchange, const routing_facts& given, M&& message,
                                unrouted_message<M>* unrouted) {
  const message_facts<M> facts(exchange.kind(), given, message);
  const std::string_view key = (*facts).key;
  if (exchange.over()) {
    nobody_gets(exchange, unrouted, std::move(message));
    return {};
  }
  retained& kept = *exchange.kept();
  const std::size_t bytes = bytes_for(message);
  const std::string conflated_by = conflation_key(message, key);
  const std::int64_t now = exchange.home().scheduler().now();
  publish_aftermath after;
  std::optional<M> spare = unrouted ? unrouted->copy_of(message) : std::nullopt;
  struct hold {
    shared_message<M>* shared;
    ~hold() { shared->release(); }
    /// For one more who gets it.
    shared_message<M>& one_more() noexcept {
      shared->refs.fetch_add(1, relaxed);
      return *shared;
    }
  } held{new shared_message<M>(std::move(message), 1)};
  std::vector<binding*> plain;
  published_once once(exchange);
  std::size_t receivers = 0;
  {
    std::lock_guard lock(kept.mutex());
    borrowed_route found;
    exchange.routes().find(*facts, *found);
    try {
      kept.add(&held.one_more(), key, conflated_by, bytes, now, after);
    } catch (...) {
      held.shared->release();
      throw;
    }
    (*found).finish(
        [&](std::size_t n) {
          once.reached = n;
          if (n == 0) nobody_gets(exchange, unrouted, std::move(spare));
        },
        [&](binding& b) {
          if (!b.backlog) return plain.push_back(&b);
          boxed_message boxed{.box = &held.one_more()};
          if (b.backlog->push(boxed, b, bytes, &conflated_by, after)) ++receivers;
        });
  }
  for (binding* b : plain) {
    shared_message<M>& one = held.one_more();
    try {
      if (static_cast<typed_binding<M>&>(*b).send(one)) ++receivers;
    } catch (...) {
      one.release();
      throw;
    }
    ++once.routed;
  }
  return {receivers, after.refused};
}

/// One message to all actors whom the key reaches: in the log that they read and in their backlogs, in the queue that
/// they take it from, in an envelope for the one member of a work queue, or as `route_and_publish` does it.
template <class M>
publish_result publish_here(exchange_state& exchange, const routing_facts& given, M&& message,
                            unrouted_message<M>* unrouted) {
  if (exchange.kind() == exchange_kind::queue) {
    using pushed = ack_queue_base::pushed;
    const pushed how = push_to_queue<M>(exchange, std::move(message), nullptr, given.died);
    return {how == pushed::accepted ? 1u : 0u, how == pushed::refused ? 1u : 0u};
  }
  epoch_guard pinned;
  if (exchange.kind() == exchange_kind::fanout) {
    auto& log = static_cast<broadcast_log<M>&>(exchange.log());
    if (!log.has_backlogs()) [[likely]] {
      const std::size_t readers = log.append(exchange.home(), std::move(message));
      if (readers == 0) nobody_gets(exchange, unrouted, std::move(message));
      return {readers};
    }
    if (exchange.over()) {
      nobody_gets(exchange, unrouted, std::move(message));
      return {};
    }
    if (publish_result past; log.append_past(exchange.home(), message, given.key, past)) return past;
    std::optional<M> spare = unrouted ? unrouted->copy_of(message) : std::nullopt;
    const auto [outcome, reached] = log.append_for_all(exchange.home(), std::move(message), given.key);
    if (reached == 0) nobody_gets(exchange, unrouted, std::move(spare));
    return outcome;
  }
  if (exchange.kind() == exchange_kind::work_queue) {
    published_once once(exchange);
    if (hand_out<M>(exchange, message, &cell::enqueue)) return {.receivers = once.reached = once.routed = 1};
    nobody_gets(exchange, unrouted, std::move(message));
    return {};
  }
  if (exchange.kept()) [[unlikely]]
    return keep_and_publish<M>(exchange, given, std::move(message), unrouted);
  return route_and_publish<M>(exchange, given, std::move(message), unrouted);
}

template <class M>
publish_result publish(exchange_state& exchange, const routing_facts& given, M&& message);

/// Shows a message to those who tap the exchange. What happens then is nobody else's affair.
template <class M>
void show_to_taps(const exchange_state& exchange, const outlets& out, const routing_facts& given,
                  const M& message) noexcept {
  const epoch_guard pinned;
  publish_aftermath after;
  try {
    const message_facts<M> facts(exchange.kind(), given, message);
    borrowed_route found;
    out.find_taps(*facts, *found);
    (*found).finish([](std::size_t) {},
                    [&](binding& b) { static_cast<tap_binding<M>&>(b).take(message, (*facts).key, after); });
  } catch (...) {
    // Where there is no memory to find them, they miss one; what users' functions throw, the publish throws too.
  }
}

/// The same where exchanges are attached, or there is an alternate for what nobody gets, or a tap.
template <class M>
publish_result publish_beyond(exchange_state& exchange, const outlets& out, const routing_facts& given, M&& message) {
  publish_result all;
  const auto add = [&](const publish_result& more) {
    all.receivers += more.receivers;
    all.refused += more.refused;
  };
  if (out.tapped()) show_to_taps(exchange, out, given, message);
  bool passed_on = false;
  if constexpr (std::is_copy_constructible_v<M>) {
    const message_facts<M> facts(exchange.kind(), given, message);
    const entered_bindings targets(out, *facts);
    for (exchange_binding* to : targets) {
      add(publish<M>(*to->target, given, M(message)));
      to->count_passage();
    }
    passed_on = !targets.empty();
  }
  exchange_state* const alternate = passed_on ? nullptr : out.alternate();
  unrouted_message<M> unrouted{.wanted = alternate != nullptr};
  add(publish_here<M>(exchange, given, std::move(message), &unrouted));
  if (!unrouted.is_there || passed_on) return all;
  exchange.count_unroutable();
  if (unrouted.message) add(publish<M>(*alternate, given, std::move(*unrouted.message)));
  return all;
}

/// Publishes to all whom the key reaches.
template <class M>
publish_result publish(exchange_state& exchange, const routing_facts& given, M&& message) {
  if (const outlets* const out = exchange.elsewhere()) [[unlikely]]
    return publish_beyond<M>(exchange, *out, given, std::move(message));
  return publish_here<M>(exchange, given, std::move(message), nullptr);
}

}  // namespace troupe::detail
