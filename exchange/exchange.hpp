#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/exchange/delivery.hpp>
#include <troupe/exchange/detail/ack_member.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/detail/publish.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/publisher.hpp>
#include <troupe/exchange/queue.hpp>
#include <troupe/exchange/subscription.hpp>

namespace troupe {

/// A handle on a named exchange of messages of type M: publishers and subscribers that do not know each other meet
/// there. The exchange is made at first use and lives as long as the runtime or a handle. Handles are small and may be
/// copied; all functions may be called from any thread.
template <class M>
class exchange {
public:
  /// What it carries.
  using message_type = M;

  /// The exchange of that name in `rt`. Throws `troupe_error` (`type_mismatch`) if there is one of another kind or
  /// type.
  exchange(runtime& rt, std::string name, exchange_kind kind = fanout{})
      : exchange(rt, std::move(name), kind, static_cast<const queue*>(nullptr)) {}
  /// The queue of that name, with these options. Throws `troupe_error` (`invalid_argument`) if there is one that was
  /// made with others, and as above.
  exchange(runtime& rt, std::string name, const queue& options)
      : exchange(rt, std::move(name), exchange_kind::queue, &options) {}

  /// The exchange of that name if it exists. Errors: `not_found`, `type_mismatch`.
  static result<exchange> find(runtime& rt, std::string_view name) {
    auto state = detail::exchange_registry::of(rt).find(name);
    if (!state) return error(errc::not_found, "no exchange '" + std::string(name) + "'");
    if (state->type() != typeid(M))
      return error(errc::type_mismatch, "exchange '" + std::string(name) + "' carries " + state->type_name() +
                                            ", not " + troupe::type_name<M>());
    return exchange(std::move(state));
  }

  /// Attaches an actor that takes `const M&`; it gets what is published from now on (with a matching key, for kinds
  /// that have keys). Attached twice it still gets each message once; where several of its keys match, through the
  /// binding of one of them. The subscription detaches it when it goes; so does the actor's end. Throws
  /// `troupe_error` (`invalid_argument`) for a malformed pattern, a key that is missing (direct, topic) or one too many
  /// (fanout, work_queue), and an actor of another runtime.
  template <class A>
  subscription attach(const ref<A>& who, std::string key = {}) {
    return connect(who, std::move(key), {}, false);
  }
  /// The same for an address.
  subscription attach(const address<M>& who, std::string key = {}) { return bind(who, std::move(key), {}, false); }

  /// Attaches an actor to a queue: one with a handler for `delivery<M>`, which answers for each message by hand, or for
  /// `const M&`, which does by itself. See `queue`. Throws `troupe_error` (`invalid_argument`) for a prefetch of 0, and
  /// where the exchange is none.
  template <class A>
  subscription attach(const ref<A>& who, const consume_options& how) {
    return connect(who, {}, require_queue(how), false);
  }
  /// The same for an address.
  subscription attach(const address<M>& who, const consume_options& how) {
    return bind(who, {}, require_queue(how), false);
  }

  /// The same as `attach` for an actor that lives from its inputs: once all exchanges that it was attached to in this
  /// way have ended, it is closed.
  template <class A>
  subscription attach_input(const ref<A>& who, std::string key = {}) {
    return connect(who, std::move(key), {}, true);
  }
  template <class A>
  subscription attach_input(const ref<A>& who, const consume_options& how) {
    return connect(who, {}, require_queue(how), true);
  }
  /// The same for an address.
  subscription attach_input(const address<M>& who, std::string key = {}) { return bind(who, std::move(key), {}, true); }
  subscription attach_input(const address<M>& who, const consume_options& how) {
    return bind(who, {}, require_queue(how), true);
  }

  /// Publishes to whoever is attached. Never waits. Returns how many will get it; 0 is counted as unroutable. Throws
  /// `std::bad_alloc`: nobody gets it then, or on a direct or topic exchange only some.
  std::size_t publish(M message) { return detail::publish<M>(*state_, {}, std::move(message)); }
  /// The same with the key that direct and topic exchanges route by; the other kinds ignore it.
  std::size_t publish(std::string_view key, M message) { return detail::publish<M>(*state_, key, std::move(message)); }

  /// Registers a publisher: the exchange ends when the last of them has gone.
  troupe::publisher<M> publisher() { return troupe::publisher<M>(state_); }

  /// The name that it was made with.
  const std::string& name() const noexcept { return state_->name(); }
  /// The kind that it was made with.
  exchange_kind kind() const noexcept { return state_->kind(); }
  /// How many actors are attached now, each counted once.
  std::size_t subscribers() const { return state_->subscribers(); }
  /// How many messages have reached nobody since it was made: no key fitted, or nobody was attached.
  std::uint64_t unroutable() const noexcept { return state_->unroutable(); }

private:
  static std::shared_ptr<detail::broadcast_base> make_log() { return std::make_shared<detail::broadcast_log<M>>(); }

  explicit exchange(std::shared_ptr<detail::exchange_state> s) noexcept : state_(std::move(s)) {}

  exchange(runtime& rt, std::string name, exchange_kind kind, const queue* options)
      : state_(detail::exchange_registry::of(rt).open(rt.core(), std::move(name), kind, typeid(M), type_name<M>(),
                                                      &make_log, {&make_queue, options})) {}

  static std::shared_ptr<detail::ack_queue_base> make_queue(detail::core& k, const std::string& name, const queue& q) {
    return std::make_shared<detail::ack_queue_base>(k, name, q, type_name<M>());
  }

  const consume_options& require_queue(const consume_options& how) const {
    if (kind() != exchange_kind::queue)
      throw troupe_error(errc::invalid_argument, "exchange '" + name() +
                                                     "': only a queue{} has consume_options, not a " +
                                                     std::string(to_string(kind())) + " exchange: attach without them");
    if (how.prefetch == 0)
      throw troupe_error(errc::invalid_argument,
                         "queue '" + name() + "': with a prefetch of 0 no message would come: give 1 or more");
    return how;
  }

  template <class A>
  subscription connect(const ref<A>& who, std::string key, const consume_options& how, bool input) {
    if constexpr (handles<A, delivery<M>>) {
      if (kind() == exchange_kind::queue)
        return add(who, std::move(key), input, [&](std::string) -> std::unique_ptr<binding> {
          return std::make_unique<detail::manual_member<M>>(who, state_->acknowledged(), how.prefetch);
        });
      if constexpr (!handles_shared<A, M>)
        throw troupe_error(errc::type_mismatch, "exchange '" + name() + "': actor " + who.name() + " takes delivery<" +
                                                    type_name<M>() + ">, which only a queue{} gives; this is a " +
                                                    std::string(to_string(kind())) + " exchange: let it take const " +
                                                    type_name<M>() + "&");
      else
        return bind(address<M>(who), std::move(key), how, input);
    } else {
      detail::require_shared_handler<A, M>();
      return bind(address<M>(who), std::move(key), how, input);
    }
  }

  subscription bind(const address<M>& who, std::string key, const consume_options& how, bool input) {
    if (!who.takes_shared())
      throw troupe_error(errc::type_mismatch, "exchange '" + name() + "': actor " + who.name() +
                                                  " wants to own its messages; an exchange shares them");
    return add(who, std::move(key), input, [&](std::string k) -> std::unique_ptr<binding> {
      if (kind() == exchange_kind::fanout)
        return std::make_unique<typename detail::broadcast_log<M>::reader>(who, std::move(k));
      if (kind() == exchange_kind::work_queue) return std::make_unique<detail::work_binding<M>>(who, state_);
      if (kind() == exchange_kind::queue)
        return std::make_unique<detail::auto_member<M>>(who, state_->acknowledged(), how.prefetch);
      return std::make_unique<detail::typed_binding<M>>(who, std::move(k));
    });
  }

  template <class Make>
  subscription add(const any_ref& who, std::string key, bool input, Make make) {
    const binding* b = state_->attach(who, std::move(key), input, make);
    return subscription(state_, who, b, input);
  }

  std::shared_ptr<detail::exchange_state> state_;
};

}  // namespace troupe
