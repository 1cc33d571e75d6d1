#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/states.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

/// Which messages an actor class takes, found from its `on` overloads alone.
namespace troupe {

template <class R>
class delegated;

namespace detail {

// An overload set as argument: deduction succeeds if exactly one of its members fits the parameter. So each of these is
// callable with `&A::on` if A has a handler of exactly that form, and gives it: calling it by name could be ambiguous
// between overloads that differ in const. Those with a promise answer by it.
template <class M, class R, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&)) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&) const) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&, promise<P>)) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&, promise<P>) const) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_value(R (A::*handler)(M)) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_value(R (A::*handler)(M) const) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_value(R (A::*handler)(M, promise<P>)) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_value(R (A::*handler)(M, promise<P>) const) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&)) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&) const) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&, promise<P>)) noexcept {
  return handler;
}
template <class M, class R, class P, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&, promise<P>) const) noexcept {
  return handler;
}

template <class A, class M>
concept has_const_ref_handler = requires {
  pick_const_ref<M>(&A::on);
};
template <class A, class M>
concept has_value_handler = requires {
  pick_value<M>(&A::on);
};
template <class A, class M>
concept has_rvalue_handler = requires {
  pick_rvalue<M>(&A::on);
};

template <class M, class... Ms>
inline constexpr bool is_one_of = (std::is_same_v<M, Ms> || ...);

template <class A, class M>
inline constexpr bool loop_takes = false;
template <class A, class M>
requires loop_actor_class<A>
inline constexpr bool loop_takes<A, M> = []<class... Ms>(std::type_identity<std::tuple<Ms...>>) {
  return is_one_of<M, Ms...>;
}(std::type_identity<typename A::message_types>{});

/// What the one who asks gets of what a handler returns.
template <class R>
struct reply_type {
  using type = R;
};
template <class T>
struct reply_type<result<T>> {
  using type = T;
};
template <class T>
struct reply_type<delegated<T>> {
  using type = T;
};
template <class T>
struct reply_type<task<T>> : reply_type<T> {};

/// The form of a handler: what it returns, and what it answers by the promise that it takes.
template <class Handler>
struct handler_form;
template <class R, class A, class M>
struct handler_form<R (A::*)(M)> {
  using result = R;
  using reply = typename reply_type<R>::type;
  static constexpr bool defers = false;
};
template <class R, class A, class M, class P>
struct handler_form<R (A::*)(M, promise<P>)> {
  static_assert(std::is_void_v<R> || std::is_same_v<R, task<>>,
                "troupe: a handler that takes the promise of its reply returns nothing: void, or task<>");
  using result = R;
  using reply = P;
  static constexpr bool defers = true;
};
template <class R, class A, class... Args>
struct handler_form<R (A::*)(Args...) const> : handler_form<R (A::*)(Args...)> {};

/// Of what a loop takes.
struct no_form {
  using result = void;
  using reply = void;
  static constexpr bool defers = false;
};

/// Whether the class itself, and not only one of its states, has a handler for exactly M.
template <class A, class M>
concept takes_itself =
    loop_takes<A, M> || has_const_ref_handler<A, M> || has_value_handler<A, M> || has_rvalue_handler<A, M>;

template <class A, class M>
constexpr auto own_form() noexcept {
  if constexpr (has_const_ref_handler<A, M>)
    return handler_form<decltype(pick_const_ref<M>(&A::on))>{};
  else if constexpr (has_value_handler<A, M>)
    return handler_form<decltype(pick_value<M>(&A::on))>{};
  else if constexpr (has_rvalue_handler<A, M>)
    return handler_form<decltype(pick_rvalue<M>(&A::on))>{};
  else
    return no_form{};
}

/// True if one of the states of A fits.
template <class A, class M>
inline constexpr bool in_a_state = false;
template <class A, class M>
requires has_states<A>
inline constexpr bool in_a_state<A, M> = []<class... S>(std::type_identity<states<S...>>) {
  return (takes_itself<S, M> || ...);
}(std::type_identity<typename A::states>{});

template <class A>
bool knows_state(const void* tag) noexcept {
  return [tag]<class... S>(std::type_identity<states<S...>>) {
    return ((tag == &state_tag<S>) || ...);
  }(std::type_identity<typename A::states>{});
}

template <class M, class States>
struct first_form {
  using type = no_form;
};
template <class M, class S, class... Others>
struct first_form<M, states<S, Others...>> {
  using type = typename decltype([] {
    if constexpr (takes_itself<S, M>)
      return std::type_identity<decltype(own_form<S, M>())>{};
    else
      return std::type_identity<typename first_form<M, states<Others...>>::type>{};
  }())::type;
};

/// The form of the handler of A; of its first state that has one where A itself has none.
template <class A, class M>
constexpr auto form_of() noexcept {
  if constexpr (!takes_itself<A, M> && in_a_state<A, M>)
    return typename first_form<M, typename A::states>::type{};
  else
    return own_form<A, M>();
}

template <class A, class M>
using handler_result_t = typename decltype(form_of<A, M>())::result;

/// Whether the handler takes the promise of its reply.
template <class A, class M>
inline constexpr bool defers_reply = decltype(form_of<A, M>())::defers;

}  // namespace detail

/// True if A, or one of its states, has a handler for exactly M (or, as a loop actor, declares M).
template <class A, class M>
concept handles = detail::takes_itself<A, M> || detail::in_a_state<A, M>;

namespace detail {

template <class A, class M>
inline constexpr bool shares = !takes_itself<A, M> || has_const_ref_handler<A, M> ||
                               (!has_rvalue_handler<A, M> && std::is_copy_constructible_v<M>);

template <class A, class M>
inline constexpr bool states_share = true;
template <class A, class M>
requires has_states<A>
inline constexpr bool states_share<A, M> = []<class... S>(std::type_identity<states<S...>>) {
  return (shares<S, M> && ...);
}(std::type_identity<typename A::states>{});

}  // namespace detail

/// True if A can take an M that others take too: not if a handler wants to own the message by `M&&`.
template <class A, class M>
concept handles_shared = handles<A, M> && detail::shares<A, M> && detail::states_share<A, M>;

/// What `ask` gives for this message: the handler's result without `task`, `result` and `delegated` around it, or what
/// the promise is of that it takes.
template <class A, class M>
using reply_of = typename decltype(detail::form_of<A, M>())::reply;

namespace detail {

template <class Actor, class Message>
consteval void require_handler() {
  static_assert(
      handles<Actor, Message>,
      "troupe: this Actor has no handler `on` for exactly this Message (both are named in the line above or below)");
}

template <class Actor, class Message>
consteval void require_shared_handler() {
  static_assert(
      handles_shared<Actor, Message>,
      "troupe: an exchange shares its messages, so this Actor needs a handler on(const Message&), or on(Message) "
      "and a Message that can be copied (both are named in the line above or below)");
}

}  // namespace detail
}  // namespace troupe
