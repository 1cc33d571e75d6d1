#pragma once

#include <type_traits>
#include <utility>

#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/envelope.hpp>
#include <troupe/actors/handlers.hpp>
#include <troupe/actors/mailbox.hpp>
#include <troupe/scheduler/future.hpp>

/// How an envelope comes to the handler of its type. Internal.
namespace troupe::detail {

template <class M>
struct own_envelope : envelope {
  template <class... Args>
  explicit own_envelope(const message_ops& o, Args&&... args) : envelope(o), message(std::forward<Args>(args)...) {}
  M message;
};

template <class M, class R>
struct ask_envelope : own_envelope<M> {
  template <class... Args>
  explicit ask_envelope(const message_ops& o, promise<R> p, Args&&... args)
      : own_envelope<M>(o, std::forward<Args>(args)...), reply(std::move(p)) {}
  promise<R> reply;
};

/// One message for many receivers. Freed with the last reference.
template <class M>
struct shared_message : pooled {
  shared_message(M m, std::uint32_t receivers) : message(std::move(m)), refs(receivers) {}
  const M message;
  atomic<std::uint32_t> refs;

  void release() noexcept {
    if (refs.fetch_sub(1, acq_rel) == 1) delete this;
  }
};

template <class M>
struct shared_envelope : envelope {
  shared_envelope(const message_ops& o, shared_message<M>& s, delivery_gate* g) noexcept
      : envelope(o), shared(&s), gate(g) {}
  shared_message<M>* shared;
  delivery_gate* gate;  ///< outlives the envelope; null: none
};

/// Calls the handler of A for M with a message that may be consumed.
template <class A, class M>
decltype(auto) call_owned(A& a, M& m) {
  if constexpr (loop_takes<A, M>)
    a.accept(std::move(m));
  else if constexpr (has_const_ref_handler<A, M>)
    return (a.*pick_const_ref<M>(&A::on))(m);
  else if constexpr (has_value_handler<A, M>)
    return (a.*pick_value<M>(&A::on))(std::move(m));
  else
    return (a.*pick_rvalue<M>(&A::on))(std::move(m));
}

/// The same with a message that others read too.
template <class A, class M>
decltype(auto) call_shared(A& a, const M& m) {
  if constexpr (loop_takes<A, M>)
    a.accept(M(m));
  else if constexpr (has_const_ref_handler<A, M>)
    return (a.*pick_const_ref<M>(&A::on))(m);
  else
    return (a.*pick_value<M>(&A::on))(m);
}

template <class A>
A& object_of(cell& c) noexcept {
  return *static_cast<A*>(c.object());
}

// --- coroutines as handlers ----------------------------------------------------------------------------------------

template <class T>
root finish(task<T> body) {
  co_await body;
}

/// Gives whatever the handler returned as the reply.
template <class R, class T>
bool give(promise<R>& reply, T&& value) {
  return reply.give(result<R>(std::forward<T>(value)));
}

template <class R, class T>
root finish_and_reply(task<T> body, cell& c, promise<R>& reply) {
  bool in_time = false;
  if constexpr (std::is_void_v<T>) {
    co_await body;
    in_time = reply.give({});
  } else {
    T value = co_await body;
    in_time = give<R>(reply, std::move(value));
  }
  if (!in_time) c.core().count(&core::counters::late_replies);
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

template <class A, class M>
root_handle handle_own(cell& c, envelope& e) {
  auto& own = static_cast<own_envelope<M>&>(e);
  if constexpr (is_task<handler_result_t<A, M>>) {
    return finish(call_owned(object_of<A>(c), own.message)).handle;
  } else {
    (void)call_owned(object_of<A>(c), own.message);
    return {};
  }
}

template <class A, class M>
inline constexpr message_ops own_ops{&handle_own<A, M>,
                                     nullptr,
                                     nullptr,
                                     &destroy_own<M>,
                                     sizeof(own_envelope<M>),
                                     alignof(own_envelope<M>),
                                     type_name<M>(),
                                     false,
                                     nullptr,
                                     &typeid(M),
                                     &payload_of_own<M>,
                                     &urgency_of_own<M>,
                                     false,
                                     has_const_ref_handler<A, M>};

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

template <class A, class M>
root_handle handle_ask(cell& c, envelope& e) {
  using R = reply_of<A, M>;
  using result_type = handler_result_t<A, M>;
  auto& asked = static_cast<ask_envelope<M, R>&>(e);
  A& a = object_of<A>(c);
  bool in_time = false;
  if constexpr (is_task<result_type>) {
    return finish_and_reply<R>(call_owned(a, asked.message), c, asked.reply).handle;
  } else if constexpr (std::is_void_v<result_type>) {
    call_owned(a, asked.message);
    in_time = asked.reply.give({});
  } else {
    in_time = give<R>(asked.reply, call_owned(a, asked.message));
  }
  if (!in_time) c.core().count(&core::counters::late_replies);
  return {};
}

template <class A, class M>
inline constexpr message_ops ask_ops{&handle_ask<A, M>,
                                     nullptr,
                                     &refuse_ask<M, reply_of<A, M>>,
                                     &destroy_ask<M, reply_of<A, M>>,
                                     sizeof(ask_envelope<M, reply_of<A, M>>),
                                     alignof(ask_envelope<M, reply_of<A, M>>),
                                     type_name<M>(),
                                     false,
                                     nullptr,
                                     &typeid(M),
                                     &payload_of_own<M>,
                                     &urgency_of_own<M>,
                                     false,
                                     has_const_ref_handler<A, M>};

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

template <class A, class M>
root_handle call_with_shared(cell& c, const M& message) {
  if constexpr (is_task<handler_result_t<A, M>>) {
    return finish(call_shared(object_of<A>(c), message)).handle;
  } else {
    (void)call_shared(object_of<A>(c), message);
    return {};
  }
}

template <class A, class M>
root_handle handle_shared(cell& c, envelope& e) {
  return call_with_shared<A, M>(c, static_cast<shared_envelope<M>&>(e).shared->message);
}

template <class A, class M>
inline constexpr message_ops shared_ops{&handle_shared<A, M>,
                                        &gate_of<M>,
                                        nullptr,
                                        &destroy_shared<M>,
                                        sizeof(shared_envelope<M>),
                                        alignof(shared_envelope<M>),
                                        type_name<M>(),
                                        false,
                                        nullptr,
                                        &typeid(M),
                                        &payload_of_shared<M>,
                                        &urgency_of_shared<M>};

}  // namespace troupe::detail
