#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>

#include <troupe/base/type_name.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe::detail {

/// A queue of messages of type M: what it does with its dead letters.
template <class M>
class ack_queue final : public ack_queue_base {
public:
  ack_queue(core& k, const std::string& name, const queue& options)
      : ack_queue_base(k, name, options, troupe::type_name<M>(), has_priority<M>) {}

  std::size_t message_size() const noexcept override { return sizeof(M); }

  bool has_letters_for(std::type_index t) const noexcept override {
    return t == typeid(M) || t == typeid(dead_lettered<M>);
  }

private:
  bool send_dead_letter(ack_node& base, const deaths& died) override {
    auto& n = static_cast<ack_node_of<M>&>(base);
    const auto all = exchanges();
    const auto to = all ? all->find(options().dead_letters) : nullptr;
    if (!to) {
      say_once("there is no exchange '" + options().dead_letters + "': dead letters are lost until somebody makes it");
      return false;
    }
    routing_facts given(name());
    given.died = &died;
    if (to->type() == typeid(M)) {
      M message(take(n));
      return to->publish(given, &message) != 0;
    }
    dead_lettered<M> letter{take(n), n.reason, n.returned.load(relaxed), name()};
    return to->publish(given, &letter) != 0;
  }

  /// A copy where others may still read it: a `delivery`, or a handler whose message was taken back.
  static M take(ack_node_of<M>& n) {
    if constexpr (std::is_copy_constructible_v<M>)
      if (n.refs.load(acquire) != 1) return n.message;
    return std::move(n.message);
  }
};

/// Gives the future of `publish_confirmed`.
class promised_confirmation final : public pooled, public confirmation {
public:
  explicit promised_confirmation(promise<void> p) noexcept : promise_(std::move(p)) {}
  void settled(std::size_t, const error* why) noexcept override {
    if (why)
      promise_.fail(*why);
    else
      promise_.give({});
    delete this;
  }

private:
  promise<void> promise_;
};

}  // namespace troupe::detail
