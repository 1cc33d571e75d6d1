#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/exchange/delivery.hpp>
#include <troupe/exchange/detail/ack_member.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/detail/publish.hpp>
#include <troupe/exchange/detail/publish_wait.hpp>
#include <troupe/exchange/detail/stand_in.hpp>
#include <troupe/exchange/detail/typed_queue.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/publish_result.hpp>
#include <troupe/exchange/publisher.hpp>
#include <troupe/exchange/queue.hpp>
#include <troupe/exchange/subscribe_options.hpp>
#include <troupe/exchange/subscription.hpp>
#include <troupe/exchange/tap_handle.hpp>

namespace troupe {

/// What a subscriber can be bound with: any text. A constraint and no parameter of type `std::string`, because some
/// compilers also take `{.limit = 100}` for a list of characters.
template <class K>
concept binding_key = std::convertible_to<const K&, std::string_view>;

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
      : exchange(rt.core(), std::move(name), kind, nullptr, nullptr) {}
  /// The same with options, where it is made; one that is there has the same, or `troupe_error` (`invalid_argument`) is
  /// thrown. Without options it is taken as it is.
  exchange(runtime& rt, std::string name, exchange_kind kind, const exchange_options& options)
      : exchange(rt.core(), std::move(name), kind, nullptr, &options) {
    if (!options.alternate.empty()) state_->send_unroutable_to(alternate_of(rt, options.alternate));
  }
  /// A fanout exchange with options: `exchange<tick>(rt, "ticks", {.retention = retain::last(100)})`.
  exchange(runtime& rt, std::string name, const exchange_options& options)
      : exchange(rt, std::move(name), fanout{}, options) {}
  /// The queue of that name, with these options. Throws `troupe_error` (`invalid_argument`) if there is one that was
  /// made with others, and as above; `type_mismatch` also if its dead letters do not fit the exchange that gets them,
  /// which may be made before or after it.
  exchange(runtime& rt, std::string name, const queue& options)
      : exchange(rt.core(), std::move(name), exchange_kind::queue, &options, nullptr) {}

  /// The exchange of that name if it exists. Errors: `not_found`, `type_mismatch`.
  static result<exchange> find(runtime& rt, std::string_view name) {
    auto state = detail::exchange_registry::of(rt.core()).find(name);
    if (!state) return error(errc::not_found, "no exchange '" + std::string(name) + "'");
    if (state->type() != typeid(M))
      return error(errc::type_mismatch, "exchange '" + std::string(name) + "' carries " + state->type_name() +
                                            ", not " + troupe::type_name<M>());
    return exchange(std::move(state));
  }

  /// Attaches a subscriber: it gets what is published from now on (with a matching key, for kinds that have keys).
  /// Attached twice it still gets each message once; where several of its keys match, through the binding of one of
  /// them. The subscription detaches it when it goes; so does the subscriber's end. `who` is
  /// - a `ref` of an actor that takes `const M&`, or, of a queue, `delivery<M>`.
  /// - an address: `address<M>`, or one that can be told more, such as `address<M, lagged, disconnected>`.
  /// - another `exchange<M>`: what matches is published into it too, with its key and headers, before `publish`
  ///   returns; a copy, so the message has to be copyable. A subscriber of both gets it from both.
  /// - what is no actor. An actor stands in for it, so that order, policies and the rest are as for actors, and nothing
  ///   runs on the stack of who publishes. Where it throws, or is closed, it is detached, and the log says so:
  ///   - a callable that takes `const M&`: it runs on the pool, one call at a time; a coroutine, which gives a
  ///     `task<>`, gets the next message when it is done. `detach` waits for the call that runs, unless it comes from
  ///     within it; for a coroutine only until it first waits: what it uses after that has to be its own. The callable
  ///     is destroyed soon after, on the pool.
  ///   - a `channel<M>`, for green threads: while it is full, messages wait in the subscription.
  ///   - a `blocking_queue<M>`, for OS threads.
  ///   - anything with `send(M)`, called on the pool, one call at a time.
  ///   But for callables it must live until `detach` has returned.
  ///
  /// Throws `troupe_error` (`invalid_argument`) for a malformed pattern, a key that is missing (direct, topic) or one
  /// too many (fanout, queues), an actor of another runtime, and an exchange that would close a cycle or is attached to
  /// one that gives each message to one of several; and, of what is no actor, `std::bad_alloc`, and `troupe_error`
  /// (`shutdown`).
  template <class S>
  subscription attach(S&& who) {
    return connect(std::forward<S>(who), {});
  }
  template <class S, binding_key K>
  subscription attach(S&& who, const K& key) {
    return connect(std::forward<S>(who), {.key = text_of(key)});
  }
  /// The same with options for the subscriber: how many messages may wait for it, and what is done with those for which
  /// there is no room. It is told by `lagged` and `disconnected` what it misses, if it has handlers for these. Throws
  /// `troupe_error` (`invalid_argument`) too for options that make no sense, for other ones than it has, and on queues.
  template <class S>
  subscription attach(S&& who, const subscribe_options& options) {
    return connect_with(std::forward<S>(who), {.options = &options});
  }
  template <class S>
  subscription attach(S&& who, std::string key, const subscribe_options& options) {
    return connect_with(std::forward<S>(who), {.key = std::move(key), .options = &options});
  }
  /// The same for a consumer of a queue: see there. Throws `troupe_error` (`invalid_argument`) for a prefetch of 0, and
  /// where the exchange is none.
  template <class S>
  subscription attach(S&& who, const consume_options& how) {
    return connect_with(std::forward<S>(who), {.consume = require_queue(how)});
  }

  /// The same as `attach` for one that lives from its inputs: once all exchanges that it was attached to in this way
  /// have ended, an actor is closed; a channel or blocking queue is closed behind the last message of this one, or when
  /// it is detached; and an exchange counts this one as a publisher until it ends.
  template <class S>
  subscription attach_input(S&& who) {
    return connect(std::forward<S>(who), {.input = true});
  }
  template <class S, binding_key K>
  subscription attach_input(S&& who, const K& key) {
    return connect(std::forward<S>(who), {.key = text_of(key), .input = true});
  }
  template <class S>
  subscription attach_input(S&& who, const subscribe_options& options) {
    return connect_with(std::forward<S>(who), {.input = true, .options = &options});
  }
  template <class S>
  subscription attach_input(S&& who, std::string key, const subscribe_options& options) {
    return connect_with(std::forward<S>(who), {.key = std::move(key), .input = true, .options = &options});
  }
  template <class S>
  subscription attach_input(S&& who, const consume_options& how) {
    return connect_with(std::forward<S>(who), {.input = true, .consume = require_queue(how)});
  }

  /// Publishes to whoever is attached. Never waits; an actor that goes beyond the limit of a subscriber whose policy is
  /// to block handles nothing more until there is room (it is muted, as for a full mailbox). Returns how many will get
  /// it; 0 is counted as unroutable. Throws `std::bad_alloc`: nobody gets it then, or on a direct or topic exchange, or
  /// with subscribers that have options, only some.
  std::size_t publish(M message) { return publish({}, std::move(message)); }
  /// The same with the key that direct and topic exchanges route by; the other kinds ignore it.
  std::size_t publish(std::string_view key, M message) { return try_publish(key, std::move(message)).receivers; }

  /// The same, and says how many subscribers have refused the message: those that had no room for it and whose policy
  /// is `subscription_policy::fail`. Never waits.
  publish_result try_publish(M message) { return try_publish({}, std::move(message)); }
  /// The same with a key.
  publish_result try_publish(std::string_view key, M message) {
    return detail::publish<M>(*state_, key, std::move(message));
  }

  /// The same, but waits while a subscriber who would get the message has no room for it and the policy is
  /// `subscription_policy::block`: `co_await` it in green threads and handlers, `get()` it on OS threads. Gives the
  /// number of receivers, or an error, and has not published it then: `timeout`, `cancelled`, or `deadlock` if that
  /// subscriber waits for the caller; and `full` if all who would have got it have refused it, as a queue without room
  /// does. At the same time as others it may go beyond a limit by a message each.
  auto publish_wait(M message, std::chrono::nanoseconds timeout = forever) {
    return publish_wait({}, std::move(message), timeout);
  }
  /// The same with a key.
  detail::waiting_publish<M> publish_wait(std::string_view key, M message, std::chrono::nanoseconds timeout = forever) {
    return detail::waiting_publish<M>(state_, key, std::move(message), timeout);
  }

  /// Publishes to a queue, and gives what became of it: `confirm::accepted`, which is known at once, or
  /// `confirm::acknowledged` by a consumer. Errors: `full` if the queue has no room; `shutdown` if the runtime has
  /// ended; and, of one that was accepted but became a dead letter, `expired` or `unhandled`; `invalid_argument` if the
  /// exchange is no queue. To wait for many, see `publish_window`. Throws `troupe_error` (`shutdown`) if the runtime
  /// has gone.
  [[nodiscard]] future<void> publish_confirmed(M message, confirm until = confirm::accepted) {
    state_->require_up();
    promise<void> p(state_->home().scheduler());
    p.hold_up_no_shutdown();
    future<void> outcome = p.get_future();
    if (kind() != exchange_kind::queue) {
      p.fail(error(errc::invalid_argument, "exchange '" + name() + "' is a " + std::string(to_string(kind())) +
                                               " exchange: only a queue{} confirms what was published"));
      return outcome;
    }
    using pushed = detail::ack_queue_base::pushed;
    auto told = std::make_unique<detail::promised_confirmation>(std::move(p));
    const bool later = until == confirm::acknowledged;
    const pushed how = detail::push_to_queue<M>(*state_, std::move(message), later ? told.get() : nullptr);
    if (how == pushed::accepted) {
      if (later)
        (void)told.release();
      else
        told.release()->settled(1, nullptr);
    } else {
      const error why = how == pushed::refused ? error(errc::full, "queue '" + name() + "' is full")
                                               : error(errc::shutdown, "queue '" + name() + "': the runtime has ended");
      told.release()->settled(1, &why);
    }
    return outcome;
  }

  /// How the messages of a queue fare; all zero for other kinds. Any thread.
  troupe::queue_counts queue_counts() const noexcept {
    return kind() == exchange_kind::queue ? state_->acknowledged()->counts() : troupe::queue_counts{};
  }

  /// Internal: publishes to a queue; `told` learns what becomes of the message if it is accepted.
  bool publish_watched(M&& message, detail::confirmation& told) {
    return detail::push_to_queue<M>(*state_, std::move(message), &told) == detail::ack_queue_base::pushed::accepted;
  }

  /// The same with the headers that a headers exchange routes by; the other kinds ignore them.
  template <std::same_as<message_headers> H>
  std::size_t publish(const H& headers, M message) {
    return detail::publish<M>(*state_, {std::string_view(), &headers}, std::move(message)).receivers;
  }

  /// Registers a publisher: the exchange ends when the last of them has gone.
  troupe::publisher<M> publisher() { return troupe::publisher<M>(state_); }

  /// The name that it was made with.
  const std::string& name() const noexcept { return state_->name(); }
  /// The kind that it was made with.
  exchange_kind kind() const noexcept { return state_->kind(); }
  /// How many actors are attached now, each counted once.
  std::size_t subscribers() const { return state_->subscribers(); }
  /// The number of the message that is published next, where messages are kept; else 0. See `start_at::offset`.
  std::uint64_t next_offset() const noexcept { return state_->kept() ? state_->kept()->next_offset() : 0; }
  /// How many messages have reached nobody since it was made: no key fitted, or nobody was attached.
  std::uint64_t unroutable() const noexcept { return state_->unroutable(); }

  /// How its messages have fared, and all that there is to see of it; see also `exchanges`. Looks at each binding. Any
  /// thread.
  exchange_counts counts() const { return state_->counts(); }
  exchange_info info() const { return state_->info(); }

  /// Shows what is published from now on, for people: each message as a line `ticks[1]: 'some'` on standard output, the
  /// first with the number 1; on kinds with keys all of them, or only those that `pattern` matches. To use it, include
  /// troupe/exchange/tap.hpp; what a message looks like, `to_text` says.
  ///
  /// A tap is no receiver: a message that only taps see is unroutable. It holds nobody up, though each publish makes a
  /// copy for it: beyond `tap::limit` messages it misses the oldest, and says so (`ticks: ... 12 not shown`). Throws
  /// `troupe_error` (`invalid_argument`) for a malformed pattern, or one that is given where there are none.
  [[nodiscard]] troupe::tap tap(std::string pattern = {}) const;
  /// The same to a stream that nobody else uses meanwhile, and that lives until `tap::stop` has returned.
  [[nodiscard]] troupe::tap tap(std::ostream& to, std::string pattern = {}) const;
  /// The same to a callable, which gets the number and the text of each, on the pool, one call at a time. The numbers
  /// of those that are missed are left out.
  template <tap_function F>
  [[nodiscard]] troupe::tap tap(F show, std::string pattern = {}) const;
  /// The same with all that there is to say.
  [[nodiscard]] troupe::tap tap(tap_output to, std::string pattern = {}) const;

  /// Internal: for the layers on top of it.
  detail::exchange_state& state() const noexcept { return *state_; }

private:
  static std::shared_ptr<detail::broadcast_base> make_log() { return std::make_shared<detail::broadcast_log<M>>(); }

  explicit exchange(std::shared_ptr<detail::exchange_state> s) noexcept : state_(std::move(s)) {}

  exchange(detail::core& k, std::string name, exchange_kind kind, const queue* for_queue,
           const exchange_options* options)
      : state_(detail::exchange_registry::of(k).open(k, std::move(name), kind, typeid(M), type_name<M>(), &make_log,
                                                     {&make_queue, for_queue, &publish_any}, options,
                                                     detail::box_ops_of<M>)) {}

  static std::shared_ptr<detail::ack_queue_base> make_queue(detail::core& k, const std::string& name, const queue& q) {
    return std::make_shared<detail::ack_queue<M>>(k, name, q);
  }

  static std::size_t publish_any(detail::exchange_state& to, const routing_facts& given, void* message) {
    return detail::publish<M>(to, given, std::move(*static_cast<M*>(message))).receivers;
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

  static std::shared_ptr<detail::exchange_state> alternate_of(runtime& rt, const std::string& name) {
    const auto found = find(rt, name);
    if (found) return found->state_;
    if (found.error() == errc::type_mismatch) throw troupe_error(found.error());
    return exchange(rt, name).state_;
  }

  subscription pass_on(const exchange& target, std::string key, bool input) {
    static_assert(std::is_copy_constructible_v<M>,
                  "troupe: an exchange passes on a copy to one that is attached to it: the message has to be copyable");
    const binding* b = state_->attach_exchange(target.state_, std::move(key), input);
    return subscription(state_, any_ref(), {b, nullptr}, input);
  }

  static std::string text_of(std::string_view key) { return std::string(key); }

  using notices = detail::backlog_base::notices;

  template <class A>
  static notices notices_of(const ref<A>& who) {
    notices n;
    if constexpr (handles_shared<A, lagged>) n.lag = address<lagged>(who);
    if constexpr (handles_shared<A, disconnected>) n.end = address<disconnected>(who);
    return n;
  }
  template <class... Ms>
  static notices notices_of(const address<Ms...>& who) {
    notices n;
    if constexpr (detail::is_one_of<lagged, Ms...>) n.lag = address<lagged>(who);
    if constexpr (detail::is_one_of<disconnected, Ms...>) n.end = address<disconnected>(who);
    return n;
  }

  /// What one `attach` asks for.
  struct wish {
    std::string key{};
    bool input = false;
    consume_options consume{};
    const subscribe_options* options = nullptr;
    notices told{};
  };

  template <class S>
  subscription connect_with(S&& who, wish w) {
    static_assert(!std::is_same_v<std::remove_cvref_t<S>, exchange>,
                  "troupe: an exchange that is attached to another keeps nothing back, so it has no options");
    if (w.options && !w.options->group.empty()) return join_group(std::forward<S>(who), std::move(w));
    return connect(std::forward<S>(who), std::move(w));
  }

  template <class S>
  subscription join_group(S&& who, wish w) {
    if constexpr (!std::is_copy_constructible_v<M>)
      throw troupe_error(errc::invalid_argument, "exchange '" + name() +
                                                     "': a group gets a copy of each message, and " + type_name<M>() +
                                                     " cannot be copied");
    const queue shared = detail::group_queue(*state_, *w.options);
    auto place = std::make_shared<detail::group_membership>(state_, w.options->group, shared, &make_group,
                                                            std::move(w.key), w.input);
    exchange members(place->members());
    subscription s =
        members.connect(std::forward<S>(who), {.input = w.input, .consume = {.prefetch = w.options->group_prefetch}});
    s.keep(std::move(place));
    return s;
  }

  /// The queue of a group of `from`.
  static std::shared_ptr<detail::exchange_state> make_group(const detail::exchange_state& from, const std::string& name,
                                                            const queue& options) {
    auto taken_from = make_queue(from.home(), name, options);
    auto made = std::make_shared<detail::exchange_state>(from.home(), name, exchange_kind::queue, typeid(M),
                                                         type_name<M>(), nullptr, taken_from, &publish_any,
                                                         exchange_options(), detail::box_ops_of<M>);
    taken_from->belongs_to(made, {}, made->account());
    return made;
  }

  template <class S>
  subscription connect(S&& who, wish w) {
    using subscriber = std::remove_cvref_t<S>;
    if constexpr (std::is_same_v<subscriber, exchange>) {
      return pass_on(who, std::move(w.key), w.input);
    } else if constexpr (detail::is_ref<subscriber>) {
      if (w.options) w.told = notices_of(who);
      return connect_actor(who, w);
    } else if constexpr (std::is_convertible_v<const subscriber&, address<M>>) {
      if (w.options) w.told = notices_of(who);
      return bind(address<M>(who), w);
    } else {
      static_assert(
          detail::subscriber_without_actor<S, M>,
          "troupe: what is attached to an exchange is an actor, an address, another exchange, a callable that "
          "takes const M&, a channel, a blocking_queue, or something with send(M)");
      return stand_in_for(std::forward<S>(who), w);
    }
  }

  template <class A>
  subscription connect_actor(const ref<A>& who, const wish& w) {
    if constexpr (handles<A, delivery<M>>) {
      if (kind() == exchange_kind::queue)
        return add(who, w, [&](std::string, bool) -> std::unique_ptr<binding> {
          return std::make_unique<detail::manual_member<M>>(who, state_->acknowledged(), w.consume.prefetch);
        });
      if constexpr (!handles_shared<A, M>)
        throw troupe_error(errc::type_mismatch, "exchange '" + name() + "': actor " + who.name() + " takes delivery<" +
                                                    type_name<M>() + ">, which only a queue{} gives; this is a " +
                                                    std::string(to_string(kind())) + " exchange: let it take const " +
                                                    type_name<M>() + "&");
      else
        return bind(address<M>(who), w);
    } else {
      detail::require_shared_handler<A, M>();
      return bind(address<M>(who), w);
    }
  }

  template <class S>
  subscription stand_in_for(S&& who, const wish& w) {
    state_->require_up();
    constexpr bool borrows = detail::lends_itself<std::decay_t<S>>;
    const auto stand_in = detail::stand_in<M>(state_->home(), w.input, std::forward<S>(who));
    try {
      subscription s = bind(address<M>(stand_in), w);
      s.keep(borrows);
      return s;
    } catch (...) {
      if (borrows)
        detail::end_stand_in(stand_in);
      else
        stand_in.kill();
      throw;
    }
  }

  subscription bind(const address<M>& who, const wish& w) {
    if (!who.takes_shared())
      throw troupe_error(errc::type_mismatch, "exchange '" + name() + "': actor " + who.name() +
                                                  " wants to own its messages; an exchange shares them");
    return add(
        who, w,
        [&](std::string k, bool has_backlog) -> std::unique_ptr<binding> {
          if (kind() == exchange_kind::fanout && !has_backlog)
            return std::make_unique<typename detail::broadcast_log<M>::reader>(who, std::move(k));
          if (kind() == exchange_kind::work_queue) return std::make_unique<detail::work_binding<M>>(who, state_);
          if (kind() == exchange_kind::queue)
            return std::make_unique<detail::auto_member<M>>(who, state_->acknowledged(), w.consume.prefetch);
          return std::make_unique<detail::typed_binding<M>>(who, std::move(k));
        },
        [&](std::weak_ptr<detail::exchange_state> from) -> std::shared_ptr<detail::backlog_base> {
          return std::make_shared<detail::backlog<M>>(who, *w.options, w.told, std::move(from));
        });
  }

  using request = detail::exchange_state::request;

  subscription add(const any_ref& who, const wish& w, decltype(request::make_binding) make_binding,
                   decltype(request::make_backlog) make_backlog = nullptr) {
    auto made = state_->attach({.who = who,
                                .key = w.key,
                                .input = w.input,
                                .options = w.options,
                                .make_binding = std::move(make_binding),
                                .make_backlog = std::move(make_backlog)});
    return subscription(state_, who, std::move(made), w.input);
  }

  std::shared_ptr<detail::exchange_state> state_;
};

}  // namespace troupe
