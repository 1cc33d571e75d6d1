#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/actors/actor.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/task.hpp>

/// Which messages an actor class takes, found from its `on` overloads alone.
namespace troupe {

namespace detail {

// An overload set as argument: deduction succeeds if exactly one of its members fits the parameter. So each of these is
// callable with `&A::on` if A has a handler of exactly that form; what it returns names the handler's result.
template <class M, class R, class A>
std::type_identity<R> on_const_ref(R (A::*)(const M&));
template <class M, class R, class A>
std::type_identity<R> on_const_ref(R (A::*)(const M&) const);
template <class M, class R, class A>
std::type_identity<R> on_value(R (A::*)(M));
template <class M, class R, class A>
std::type_identity<R> on_value(R (A::*)(M) const);
template <class M, class R, class A>
std::type_identity<R> on_rvalue(R (A::*)(M&&));
template <class M, class R, class A>
std::type_identity<R> on_rvalue(R (A::*)(M&&) const);

// The handler itself: calling it by name could be ambiguous between overloads that differ in const.
template <class M, class R, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&)) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_const_ref(R (A::*handler)(const M&) const) noexcept {
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
template <class M, class R, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&)) noexcept {
  return handler;
}
template <class M, class R, class A>
constexpr auto pick_rvalue(R (A::*handler)(M&&) const) noexcept {
  return handler;
}

template <class A, class M>
concept has_const_ref_handler = requires {
  on_const_ref<M>(&A::on);
};
template <class A, class M>
concept has_value_handler = requires {
  on_value<M>(&A::on);
};
template <class A, class M>
concept has_rvalue_handler = requires {
  on_rvalue<M>(&A::on);
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

/// What a handler returns, and what the one who asks gets.
template <class R>
struct reply_type {
  using type = R;
};
template <class T>
struct reply_type<result<T>> {
  using type = T;
};
template <class T>
struct reply_type<task<T>> : reply_type<T> {};

template <class A, class M>
constexpr auto handler_result() noexcept {
  if constexpr (has_const_ref_handler<A, M>)
    return decltype(on_const_ref<M>(&A::on)){};
  else if constexpr (has_value_handler<A, M>)
    return decltype(on_value<M>(&A::on)){};
  else if constexpr (has_rvalue_handler<A, M>)
    return decltype(on_rvalue<M>(&A::on)){};
  else
    return std::type_identity<void>{};
}

template <class A, class M>
using handler_result_t = typename decltype(handler_result<A, M>())::type;

}  // namespace detail

/// True if A has a handler for exactly M (or, as a loop actor, declares M).
template <class A, class M>
concept handles = detail::loop_takes<A, M> || detail::has_const_ref_handler<A, M> || detail::has_value_handler<A, M> ||
    detail::has_rvalue_handler<A, M>;

/// True if A can take an M that others take too: not if its handler wants to own the message by `M&&`.
template <class A, class M>
concept handles_shared =
    (detail::loop_takes<A, M> && std::is_copy_constructible_v<M>) || detail::has_const_ref_handler<A, M> ||
    (detail::has_value_handler<A, M> && std::is_copy_constructible_v<M>);

/// What `ask` gives for this message: the handler's result without `task` and `result` around it.
template <class A, class M>
using reply_of = typename detail::reply_type<detail::handler_result_t<A, M>>::type;

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
