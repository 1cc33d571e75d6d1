#pragma once

#include <troupe/actors/ref.hpp>

namespace troupe {

namespace detail {

/// What an address knows of the class behind it.
struct address_ops {
  const message_ops* own;
  const message_ops* shared;  ///< null if the class wants to own its messages
};

/// Calls the handler for a message that others read too, and that lives until the handler is done.
template <class M>
using shared_call = root_handle (*)(cell&, const M&);

template <class A, class M>
constexpr const message_ops* shared_ops_or_null() noexcept {
  if constexpr (handles_shared<A, M>)
    return &shared_ops<A, M>;
  else
    return nullptr;
}

template <class A, class M>
constexpr shared_call<M> shared_call_or_null() noexcept {
  if constexpr (handles_shared<A, M>)
    return &call_with_shared<A, M>;
  else
    return nullptr;
}

template <class M>
struct typed_address_ops : address_ops {
  shared_call<M> call;
};

template <class A, class M>
inline constexpr typed_address_ops<M> address_ops_of{{&own_ops<A, M>, shared_ops_or_null<A, M>()},
                                                     shared_call_or_null<A, M>()};

template <class A, class M>
inline constexpr const message_ops* ask_ops_of = &ask_ops<A, M>;

}  // namespace detail

/// Anything that takes an M: made from a `ref` of any class with a handler for exactly M. Use as `ref`.
///
/// `address<R(M)>` can be asked with an M and answers with an R.
template <class M>
class address : public any_ref {
public:
  address() = default;

  /// Of any actor whose class has a handler for exactly M.
  template <class A>
  requires handles<A, M> address(const ref<A>& r)
  noexcept : any_ref(r), ops_(&detail::address_ops_of<A, M>) {}

  /// Sends a message and returns at once, as `ref::send`. Throws `std::bad_alloc`, and has not sent it then. Any
  /// thread.
  void send(M message) const { (void)get_cell()->enqueue(make_own(std::move(message))); }

  /// The same, and says what became of it; never goes beyond the limit of a mailbox.
  [[nodiscard]] send_status try_send(M message) const { return get_cell()->try_enqueue(make_own(std::move(message))); }

  /// Waits until there is room, as `ref::send_wait`.
  auto send_wait(M message, std::chrono::nanoseconds timeout = forever) const {
    return operation(detail::send_request<M>(*get_cell(), make_own(std::move(message))), timeout);
  }

  /// Later, or again and again, as `ref::send_later` and `ref::send_every`.
  timer_handle send_later(std::chrono::nanoseconds delay, M message) const {
    return detail::send_later(*this, delay, std::move(message));
  }
  timer_handle send_every(std::chrono::nanoseconds period, const M& message) const {
    return detail::send_every(*this, period, message);
  }

  /// True if the actor can take messages that others read too.
  bool takes_shared() const noexcept { return ops_->shared != nullptr; }

  /// Internal: how to call the handler with a message of a stream.
  detail::shared_call<M> shared_call() const noexcept { return ops_->call; }

  /// Internal: sends a message that others get too. Takes over one reference to `shared`; `gate` outlives the delivery.
  bool send_shared(detail::shared_message<M>& shared, detail::delivery_gate* gate) const {
    return get_cell()->enqueue(*detail::make_envelope<detail::shared_envelope<M>>(*ops_->shared, shared, gate));
  }

private:
  detail::envelope& make_own(M message) const {
    return *detail::make_envelope<detail::own_envelope<M>>(*ops_->own, std::move(message));
  }

  const detail::typed_address_ops<M>* ops_ = nullptr;
};

/// Anything that answers an M with an R: made from a `ref` of any class with such a handler.
template <class R, class M>
class address<R(M)> : public any_ref {
public:
  address() = default;

  /// Of any actor whose class answers exactly M with exactly R.
  template <class A>
  requires handles<A, M> && std::is_same_v<reply_of<A, M>, R> address(const ref<A>& r)
  noexcept : any_ref(r), ops_(detail::ask_ops_of<A, M>) {}

  /// Asks, as `ref::ask`. Any thread.
  pending_reply<R, M> ask(M message, std::chrono::nanoseconds timeout = forever) const {
    promise<R> p(get_cell()->home());
    p.name_parties(type_name<M>(), *get_cell());
    future<R> answer = p.get_future(timeout);
    (void)get_cell()->enqueue(
        *detail::make_envelope<detail::ask_envelope<M, R>>(*ops_, std::move(p), std::move(message)));
    return pending_reply<R, M>(std::move(answer));
  }

private:
  const detail::message_ops* ops_ = nullptr;
};

}  // namespace troupe

template <class M>
struct std::hash<troupe::address<M>> : std::hash<troupe::any_ref> {};
