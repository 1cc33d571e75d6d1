#pragma once

#include <type_traits>
#include <utility>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/delegated.hpp>
#include <troupe/actors/ref.hpp>

namespace troupe {

namespace detail {

template <class R, class M, class... Args>
delegated<R> make_delegated(cell& to, const message_ops& ops, Args&&... args) {
  auto* question = make_envelope<ask_envelope<M, R>>(ops, promise<R>(), std::forward<Args>(args)...);
  return delegated<R>(to, *question, question->reply);
}

template <class A, class M, class Message>
auto delegate_to(const ref<A>& to, std::type_identity<M>, Message&& message) {
  static_assert(!loop_actor_class<A>, "troupe: a loop actor has no handlers whose result could be the answer");
  require_handler<A, M>();
  if constexpr (handles<A, M>)
    return make_delegated<reply_of<A, M>, M>(*to.get_cell(), ask_ops<A, M>, std::forward<Message>(message));
}

template <class R, class M, class Message>
delegated<R> delegate_to(const address<R(M)>& to, std::type_identity<M>, Message&& message) {
  return make_delegated<R, M>(*to.get_cell(), to.ops(), std::forward<Message>(message));
}

}  // namespace detail

template <class To, class M>
auto actor::delegate(const To& to, M&& message) {
  return detail::delegate_to(to, std::type_identity<std::remove_cvref_t<M>>{}, std::forward<M>(message));
}

}  // namespace troupe
