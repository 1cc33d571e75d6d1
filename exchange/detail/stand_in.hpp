#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/blocking_queue.hpp>
#include <troupe/scheduler/channel.hpp>

namespace troupe::detail {

/// A callable for messages of type M: what it returns is void or a `task<>`, or not looked at.
template <class F, class M>
concept takes_each = std::invocable < std::decay_t<F>
&, const M& > ;

/// What has a `send` that takes an M: a connection, a queue of one's own.
template <class S, class M>
concept sends_on =
    std::is_lvalue_reference_v<S> && !std::is_const_v<std::remove_reference_t<S>> && requires(S s, const M& m) {
  s.send(M(m));
};

template <class T>
inline constexpr bool is_ref = false;
template <class A>
inline constexpr bool is_ref<ref<A>> = true;

/// A subscriber that is no actor, for which one stands in.
template <class S, class M>
concept subscriber_without_actor =
    !std::derived_from<std::remove_cvref_t<S>, any_ref> && (takes_each<S, M> || sends_on<S, M>);

/// The actor that stands in for a subscriber that is none. It gives that an order (C1), one message at a time (C2), a
/// backlog, and an end (C5).
///
/// It ends by an error when the other side is closed: what was published is not to vanish without a word (C13).
template <class M, class F>
class stand_in_for_function final : public actor {
public:
  explicit stand_in_for_function(F f) : function_(std::move(f)) {}

  auto on(const M& message) {
    if constexpr (std::is_same_v<std::invoke_result_t<F&, const M&>, task<>>)
      return std::invoke(function_, message);
    else
      (void)std::invoke(function_, message);
  }

private:
  F function_;
};

/// Waits while the channel is full: what is published meanwhile waits in the subscription. As an input the channel ends
/// with this one: with the exchange, or when it is detached.
template <class M>
class stand_in_for_channel final : public actor {
public:
  stand_in_for_channel(bool input, channel<M>& to) : to_(&to), input_(input) {}
  ~stand_in_for_channel() {
    if (input_) to_->close();
  }

  task<> on(const M& message) {
    auto sending = to_->send(message);
    const result<void> sent = co_await sending;
    if (!sent) throw troupe_error(sent.error());
  }

private:
  channel<M>* to_;
  const bool input_;
};

/// As for a channel.
template <class M>
class stand_in_for_queue final : public actor {
public:
  stand_in_for_queue(bool input, blocking_queue<M>& to) : to_(&to), producer_(to), input_(input) {}
  ~stand_in_for_queue() {
    if (input_) to_->close();
  }

  void on(const M& message) { producer_.send(message).value(); }

private:
  blocking_queue<M>* to_;
  typename blocking_queue<M>::producer producer_;  // the pool runs this where it likes (C1)
  const bool input_;
};

template <class M, class S>
class stand_in_for_sender final : public actor {
public:
  explicit stand_in_for_sender(S& to) : to_(&to) {}

  void on(const M& message) { (void)to_->send(M(message)); }

private:
  S* to_;
};

/// Whether one that stands in for an S uses that until it ends. What runs users' code may be the one that detaches it,
/// so nobody waits for its end: its gate is closed, and that does.
template <class S>
inline constexpr bool lends_itself = false;
template <class M>
inline constexpr bool lends_itself<channel<M>> = true;
template <class M>
inline constexpr bool lends_itself<blocking_queue<M>> = true;

/// Ends one, and waits until it has: it then uses nothing more.
void end_stand_in(const any_ref& who) noexcept;

template <class A, class... Args>
ref<A> spawn_stand_in(core& k, Args&&... args) {
  k.require_up();
  ref<A> made;
  cell::make(k, class_of<A>, {}, [&](cell& c, void* memory) {
    made = ref<A>(&c);
    new (memory) A(std::forward<Args>(args)...);
  });
  return made;
}

/// Starts the one for `s`. `input`: it is to end with its exchange.
template <class M>
auto stand_in(core& k, bool input, channel<M>& s) {
  return spawn_stand_in<stand_in_for_channel<M>>(k, input, s);
}
template <class M>
auto stand_in(core& k, bool input, blocking_queue<M>& s) {
  return spawn_stand_in<stand_in_for_queue<M>>(k, input, s);
}
template <class M, class S>
auto stand_in(core& k, bool, S&& s) {
  using bare = std::decay_t<S>;
  if constexpr (takes_each<S, M>)
    return spawn_stand_in<stand_in_for_function<M, bare>>(k, std::forward<S>(s));
  else
    return spawn_stand_in<stand_in_for_sender<M, bare>>(k, s);
}

}  // namespace troupe::detail
