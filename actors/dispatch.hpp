#pragma once

#include <type_traits>
#include <utility>

#include <troupe/actors/delegated.hpp>
#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/detail/message_envelopes.hpp>
#include <troupe/actors/detail/question.hpp>
#include <troupe/actors/envelope.hpp>
#include <troupe/actors/handlers.hpp>
#include <troupe/actors/mailbox.hpp>
#include <troupe/scheduler/future.hpp>

/// How an envelope comes to the handler of its type. Internal.
namespace troupe::detail {

/// Calls the handler of A for M with a message that may be consumed, and with the promise of its reply if it wants
/// that.
template <class A, class M, class... Reply>
decltype(auto) call_owned(A& a, M& m, Reply&&... reply) {
  if constexpr (loop_takes<A, M>)
    a.accept(m);
  else if constexpr (has_const_ref_handler<A, M>)
    return (a.*pick_const_ref<M>(&A::on))(m, std::move(reply)...);
  else if constexpr (has_value_handler<A, M>)
    return (a.*pick_value<M>(&A::on))(std::move(m), std::move(reply)...);
  else
    return (a.*pick_rvalue<M>(&A::on))(std::move(m), std::move(reply)...);
}

/// The same with a message that others read too.
template <class A, class M, class... Reply>
decltype(auto) call_shared(A& a, const M& m, Reply&&... reply) {
  if constexpr (loop_takes<A, M>) {
    M copy(m);
    a.accept(copy);
  } else if constexpr (has_const_ref_handler<A, M>) {
    return (a.*pick_const_ref<M>(&A::on))(m, std::move(reply)...);
  } else {
    return (a.*pick_value<M>(&A::on))(m, std::move(reply)...);
  }
}

template <class A>
A& object_of(cell& c) noexcept {
  return *c.template object<A>();
}

/// Whether a stashed message is what it was: its handler does not get it, or the promise of its reply, to keep.
template <class A, class M, bool asked>
inline constexpr bool consumes =
    !loop_takes<A, M> && takes_itself<A, M> && (!has_const_ref_handler<A, M> || (asked && defers_reply<A, M>));
template <class A, class M, bool asked>
requires has_states<A>
inline constexpr bool consumes<A, M, asked> = []<class... S>(std::type_identity<states<S...>>) {
  return ((takes_itself<S, M> && !has_const_ref_handler<S, M>) || ...) ||
         (takes_itself<A, M> && !has_const_ref_handler<A, M>) || (asked && defers_reply<A, M>);
}(std::type_identity<typename A::states>{});

/// Calls `visit` with whoever of A is to handle an M: the object, or the innermost of its states that has a handler; or
/// calls `nobody`.
template <class A, class M, class Visit, class Nobody>
root_handle with_receiver(cell& c, Visit visit, Nobody nobody) {
  if constexpr (!has_states<A>) {
    return visit(object_of<A>(c));
  } else {
    return [&]<class... S>(std::type_identity<states<S...>>) -> root_handle {
      for (const active_state* s = c.innermost_state(); s; s = s->outer) {
        root_handle handler;
        const auto is_it = [&]<class State>(std::type_identity<State>) {
          if constexpr (takes_itself<State, M>) {
            static_assert(std::is_same_v<typename decltype(own_form<State, M>())::reply, reply_of<A, M>>,
                          "troupe: the handlers of one message in the states of an actor have different replies");
            if (s->tag != &state_tag<State>) return false;
            handler = visit(*static_cast<State*>(s->object));
            return true;
          } else {
            return false;
          }
        };
        if ((is_it(std::type_identity<S>{}) || ...)) return handler;
      }
      if constexpr (takes_itself<A, M>)
        return visit(object_of<A>(c));
      else
        return nobody();
    }(std::type_identity<typename A::states>{});
  }
}

// --- what becomes of what a handler returns ------------------------------------------------------------------------

/// Nobody has asked: only what is delegated has somewhere to go.
template <class T>
void let_go(T&&) noexcept {}
template <class R>
void let_go(delegated<R>&& d) {
  std::move(d).send();
}

template <class T>
root finish(task<T> body) {
  if constexpr (std::is_void_v<T>) {
    co_await body;
  } else {
    T value = co_await body;
    let_go(std::move(value));
  }
}

/// Gives whatever the handler returned as the reply. False if it comes late.
template <class R, class T>
bool give(promise<R>& reply, T&& value) {
  return reply.give(result<R>(std::forward<T>(value)));
}
template <class R>
bool give(promise<R>& reply, delegated<R>&& d) {
  std::move(d).ask(std::move(reply));
  return true;
}
template <class R>
bool give(promise<R>& reply) {
  return reply.give({});
}

/// Answers with what the handler returned, unless it has stashed the question.
template <class M, class R, class... T>
void answer(cell& c, ask_envelope<M, R>& asked, T&&... value) {
  if (asked.is_stashed()) return;
  const bool wanted = static_cast<bool>(asked.reply);
  if (!give<R>(asked.reply, std::forward<T>(value)...) && wanted) c.core().count(&core::counters::late_replies);
}

template <class T, class M, class R>
root finish_and_reply(task<T> body, cell& c, ask_envelope<M, R>& asked) {
  question_of<R> at_hand(c.core(), asked.reply);
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body;
      at_hand.over();
      answer(c, asked);
    } else {
      T value = co_await body;
      at_hand.over();
      answer(c, asked, std::move(value));
    }
  } catch (const troupe_error& e) {
    if (!at_hand.ends_with(e)) throw;
  }
}

/// Calls the handler with what `call` is given: nothing, or the promise of its reply.
template <class A, class M, class Call>
root_handle start_unasked(Call call) {
  using result_type = handler_result_t<A, M>;
  const auto begin = [&]() -> result_type {
    if constexpr (defers_reply<A, M>)
      return call(promise<reply_of<A, M>>());
    else
      return call();
  };
  if constexpr (is_task<result_type>) {
    return finish(begin()).handle;
  } else if constexpr (std::is_void_v<result_type>) {
    begin();
    return {};
  } else {
    let_go(begin());
    return {};
  }
}

// --- a message of one's own ----------------------------------------------------------------------------------------

template <class M>
void destroy_own(envelope& e) noexcept {
  auto& own = static_cast<own_envelope<M>&>(e);
  own.~own_envelope();
}

template <class M>
const void* payload_of_own(const envelope& e) noexcept {
  return &static_cast<const own_envelope<M>&>(e).message;
}

template <class M>
priority urgency_of_own(const envelope& e) noexcept {
  return priority_for(static_cast<const own_envelope<M>&>(e).message);
}

/// Of a message that has had its fate already.
template <class Envelope>
inline constexpr message_ops gone_ops{.size = sizeof(Envelope), .alignment = alignof(Envelope), .system = true};

template <class A, class M>
root_handle handle_own(cell& c, envelope& e) {
  auto& own = static_cast<own_envelope<M>&>(e);
  return with_receiver<A, M>(
      c,
      [&]<class T>(T& receiver) {
        return start_unasked<T, M>(
            [&](auto... reply) -> decltype(auto) { return call_owned(receiver, own.message, std::move(reply)...); });
      },
      [&] { return c.refuse_unhandled(e, gone_ops<own_envelope<M>>); });
}

template <class A, class M>
inline constexpr message_ops own_ops{.handle = &handle_own<A, M>,
                                     .destroy = &destroy_own<M>,
                                     .size = sizeof(own_envelope<M>),
                                     .alignment = alignof(own_envelope<M>),
                                     .name = type_name<M>(),
                                     .type = &typeid(M),
                                     .payload = &payload_of_own<M>,
                                     .urgency = &urgency_of_own<M>,
                                     .kept = has_const_ref_handler<A, M>,
                                     .consumed = consumes<A, M, false>};

// --- a question ----------------------------------------------------------------------------------------------------

template <class M, class R>
void refuse_ask(envelope& e, const error& why) noexcept {
  auto& asked = static_cast<ask_envelope<M, R>&>(e);
  if (asked.reply) asked.reply.fail(why);
}

template <class M, class R>
void destroy_ask(envelope& e) noexcept {
  auto& asked = static_cast<ask_envelope<M, R>&>(e);
  asked.~ask_envelope();
}

template <class M, class R>
bool ask_unwanted(const envelope& e) noexcept {
  return static_cast<const ask_envelope<M, R>&>(e).reply.unwanted();
}

template <class A, class M, class R>
root_handle start_asked(A& a, cell& c, ask_envelope<M, R>& asked) {
  using result_type = handler_result_t<A, M>;
  if constexpr (defers_reply<A, M>) {
    asked.reply.hand_on(nullptr);
    if constexpr (is_task<result_type>)
      return finish(call_owned(a, asked.message, std::move(asked.reply))).handle;
    else
      call_owned(a, asked.message, std::move(asked.reply));
  } else if constexpr (is_task<result_type>) {
    return finish_and_reply(call_owned(a, asked.message), c, asked).handle;
  } else if constexpr (std::is_void_v<result_type>) {
    call_owned(a, asked.message);
    answer(c, asked);
  } else {
    answer(c, asked, call_owned(a, asked.message));
  }
  return {};
}

template <class A, class M>
root_handle handle_ask(cell& c, envelope& e) {
  using asked_type = ask_envelope<M, reply_of<A, M>>;
  auto& asked = static_cast<asked_type&>(e);
  if (asked.reply.unwanted()) [[unlikely]]
    return c.skip_unwanted(e, gone_ops<asked_type>);
  return with_receiver<A, M>(
      c, [&](auto& receiver) { return start_asked(receiver, c, asked); },
      [&] { return c.refuse_unhandled(e, gone_ops<asked_type>); });
}

template <class A, class M>
inline constexpr message_ops ask_ops{.handle = &handle_ask<A, M>,
                                     .refuse = &refuse_ask<M, reply_of<A, M>>,
                                     .destroy = &destroy_ask<M, reply_of<A, M>>,
                                     .size = sizeof(ask_envelope<M, reply_of<A, M>>),
                                     .alignment = alignof(ask_envelope<M, reply_of<A, M>>),
                                     .name = type_name<M>(),
                                     .type = &typeid(M),
                                     .payload = &payload_of_own<M>,
                                     .urgency = &urgency_of_own<M>,
                                     .kept = has_const_ref_handler<A, M> && !defers_reply<A, M>,
                                     .consumed = consumes<A, M, true>,
                                     .unwanted = &ask_unwanted<M, reply_of<A, M>>};

// --- a message shared with others ----------------------------------------------------------------------------------

template <class M>
void destroy_shared(envelope& e) noexcept {
  auto& s = static_cast<shared_envelope<M>&>(e);
  s.shared->release();
}

template <class M>
const void* payload_of_shared(const envelope& e) noexcept {
  return &static_cast<const shared_envelope<M>&>(e).shared->message;
}

template <class M>
priority urgency_of_shared(const envelope& e) noexcept {
  return priority_for(static_cast<const shared_envelope<M>&>(e).shared->message);
}

template <class M>
delivery_gate* gate_of(envelope& e) {
  return static_cast<shared_envelope<M>&>(e).gate;
}

/// It has passed its gate, and may outlive it now.
template <class M>
void stash_shared(envelope& e) noexcept {
  static_cast<shared_envelope<M>&>(e).gate = nullptr;
}

template <class A, class M>
root_handle call_with_shared(cell& c, const M& message) {
  return with_receiver<A, M>(
      c,
      [&]<class T>(T& receiver) {
        return start_unasked<T, M>(
            [&](auto... reply) -> decltype(auto) { return call_shared(receiver, message, std::move(reply)...); });
      },
      [&] { return c.lose_unhandled(type_name<M>()); });
}

template <class A, class M>
root_handle handle_shared(cell& c, envelope& e) {
  return call_with_shared<A, M>(c, static_cast<shared_envelope<M>&>(e).shared->message);
}

template <class A, class M>
inline constexpr message_ops shared_ops{.handle = &handle_shared<A, M>,
                                        .gate = &gate_of<M>,
                                        .destroy = &destroy_shared<M>,
                                        .size = sizeof(shared_envelope<M>),
                                        .alignment = alignof(shared_envelope<M>),
                                        .name = type_name<M>(),
                                        .type = &typeid(M),
                                        .payload = &payload_of_shared<M>,
                                        .urgency = &urgency_of_shared<M>,
                                        .stashed = &stash_shared<M>,
                                        .gone = &gone_ops<shared_envelope<M>>};

}  // namespace troupe::detail
