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

template <class... Ms>
class address;

/// Anything that takes an M: made from a `ref` of any class with a handler for exactly M. Use as `ref`.
///
/// `address<R(M)>` can be asked with an M and answers with an R.
template <class M>
class address<M> : public any_ref {
public:
  address() = default;
  /// Internal.
  address(const any_ref& r, const detail::typed_address_ops<M>* ops) noexcept : any_ref(r), ops_(ops) {}

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

  /// Internal: the same for a message in an envelope.
  const detail::message_ops* shared_ops() const noexcept { return ops_->shared; }

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
  /// Internal.
  address(const any_ref& r, const detail::message_ops* ops) noexcept : any_ref(r), ops_(ops) {}

  /// Of any actor whose class answers exactly M with exactly R.
  template <class A>
  requires handles<A, M> && std::is_same_v<reply_of<A, M>, R> address(const ref<A>& r)
  noexcept : any_ref(r), ops_(detail::ask_ops_of<A, M>) {}

  /// Asks, as `ref::ask`. Any thread.
  pending_reply<R, M> ask(M message, std::chrono::nanoseconds timeout = forever) const {
    promise<R> p(get_cell()->core().scheduler());
    p.name_parties(type_name<M>(), *get_cell());
    if (timeout == forever && detail::this_trampoline) p.owned_by(*get_cell());
    future<R> answer = p.get_future(timeout);
    (void)get_cell()->enqueue(
        *detail::make_envelope<detail::ask_envelope<M, R>>(*ops_, std::move(p), std::move(message)));
    return pending_reply<R, M>(std::move(answer));
  }

  /// Internal: how to ask.
  const detail::message_ops& ops() const noexcept { return *ops_; }

private:
  const detail::message_ops* ops_ = nullptr;
};

namespace detail {

/// What an address of several messages knows of each.
template <class M>
struct address_part {
  using message = M;
  using ops = const typed_address_ops<M>*;
  template <class A>
  static constexpr bool fits = handles<A, M>;
  template <class A>
  static constexpr ops ops_of() noexcept {
    return &address_ops_of<A, M>;
  }
};
template <class R, class M>
struct address_part<R(M)> {
  using message = M;
  using ops = const message_ops*;
  template <class A>
  static constexpr bool fits = handles<A, M>&& std::is_same_v<reply_of<A, M>, R>;
  template <class A>
  static constexpr ops ops_of() noexcept {
    return ask_ops_of<A, M>;
  }
};

template <class Part>
struct address_entry {
  typename address_part<Part>::ops ops = nullptr;
};

/// That of the parts which can be asked with an M; void if there is none.
template <class M, class... Parts>
struct part_asked {
  using type = void;
};
template <class M, class First, class... Others>
struct part_asked<M, First, Others...> : part_asked<M, Others...> {};
template <class M, class R, class... Others>
struct part_asked<M, R(M), Others...> {
  using type = R(M);
};

}  // namespace detail

/// Anything that takes several messages, or can be asked with them: `address<tick, double(get_mean)>`. Made from a
/// `ref` of a class that has all of these handlers, or from an address of these and more; goes where an address of some
/// of them is wanted.
template <class... Ms>
requires(sizeof...(Ms) > 1) class address<Ms...> : public any_ref, private detail::address_entry<Ms>... {
public:
  address() = default;

  /// Of any actor whose class fits.
  template <class A>
  requires(detail::address_part<Ms>::template fits<A>&&...) address(const ref<A>& r)
  noexcept : any_ref(r), detail::address_entry<Ms>{detail::address_part<Ms>::template ops_of<A>()}... {}

  /// Of an address that does the same and more.
  template <class... Others>
  requires(!std::is_same_v<address, address<Others...>> && (detail::is_one_of<Ms, Others...> && ...))
      address(const address<Others...>& other)
  noexcept : any_ref(other), detail::address_entry<Ms>{other.template ops<Ms>()}... {}

  /// The address of one of them.
  template <class Part>
  requires detail::is_one_of<Part, Ms...>
  operator address<Part>() const noexcept { return address<Part>(*this, ops<Part>()); }

  /// As those of the address of that message. Any thread.
  template <class M>
  void send(M message) const {
    require<M>();
    as<M>().send(std::move(message));
  }
  template <class M>
  [[nodiscard]] send_status try_send(M message) const {
    require<M>();
    return as<M>().try_send(std::move(message));
  }
  template <class M>
  auto ask(M message, std::chrono::nanoseconds timeout = forever) const {
    using part = typename detail::part_asked<M, Ms...>::type;
    static_assert(!std::is_void_v<part>,
                  "troupe: this address cannot be asked with that message: it has no R(message)");
    return as<part>().ask(std::move(message), timeout);
  }

  /// Internal.
  template <class Part>
  auto ops() const noexcept {
    return static_cast<const detail::address_entry<Part>&>(*this).ops;
  }

private:
  template <class M>
  static consteval void require() {
    static_assert(detail::is_one_of<M, Ms...>, "troupe: this address does not take that message");
  }
  template <class Part>
  address<Part> as() const noexcept {
    return address<Part>(*this, ops<Part>());
  }
};

/// A reference that can tell whether the actor is still there: `lock()` gives a `ref`, or an empty one once the actor
/// has ended. As every reference it keeps the address of the actor, not the actor.
template <class A>
class weak_ref {
public:
  weak_ref() = default;
  /// Of any reference.
  weak_ref(ref<A> r) noexcept : ref_(std::move(r)) {}

  /// The reference, empty if the actor has ended; a moment's truth. Any thread.
  ref<A> lock() const noexcept { return expired() ? ref<A>() : ref_; }
  /// True once the actor has ended, and for one that stands for nobody.
  bool expired() const noexcept { return !ref_ || !ref_.alive(); }

private:
  ref<A> ref_;
};

}  // namespace troupe

template <class... Ms>
struct std::hash<troupe::address<Ms...>> : std::hash<troupe::any_ref> {};
