#pragma once

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include <caf/all.hpp>

#include <troupe/actors/runtime.hpp>
#include <troupe/remote/detail/caf_hosted.hpp>
#include <troupe/remote/detail/caf_peer.hpp>
#include <troupe/remote/detail/caf_proxy.hpp>

/// Plain structs may be sent between CAF's actors too, and be what their handlers return, without CAF's macro. Those
/// that CAF can serialize stay as they are.
template <class T>
requires(std::is_class_v<T>&& std::is_aggregate_v<T> &&
         !caf::detail::is_serializable<T>::value) struct caf::allowed_unsafe_message_type<T> : std::true_type {
};

namespace troupe {

namespace detail {
/// The system that a runtime has for the `caf_class`es in it: made at the first call, ended with the runtime.
caf::actor_system& caf_system_of(core& k);
}  // namespace detail

/// How a `caf_system` is made.
struct caf_options {
  /// What its destructor gives its actors to end by themselves, and then for being killed.
  std::chrono::nanoseconds shutdown = std::chrono::seconds(10);
};

/// A `caf::actor_system` whose actors run on the workers of a runtime: there is no second pool. CAF's messages count
/// against the budget of a slice as Troupe's do (C8), and its timeouts and delayed messages are timers of the runtime.
/// CAF keeps threads of its own only for actors that are detached or blocking.
///
///     troupe::runtime rt;
///     troupe::caf_system sys(rt);
///     auto a = sys->spawn<my_caf_actor>();
///
/// Several may live on one runtime, beside other systems of CAF's; they know nothing of each other. Made, shut down and
/// destroyed by one thread, outside of the runtime's own, before the runtime. On a deterministic runtime there are no
/// detached or blocking actors: their threads would be foreign ones.
class caf_system {
public:
  /// With CAF's defaults.
  explicit caf_system(runtime& rt, caf_options options = {});
  /// With a configuration, which has to live as long. The options of CAF's own scheduler have no effect, but for
  /// `scheduler.max-throughput`, where that is less than the budget of the runtime. Throws `troupe_error` (`shutdown`)
  /// once the runtime has been shut down.
  caf_system(runtime& rt, caf::actor_system_config& config, caf_options options = {});
  /// `shutdown`, with the time that the options give.
  ~caf_system();
  caf_system(const caf_system&) = delete;
  caf_system& operator=(const caf_system&) = delete;

  /// The system; until it has been shut down.
  caf::actor_system& operator*() const noexcept;
  caf::actor_system* operator->() const noexcept { return &**this; }

  /// A reference to an actor of CAF's, for messages of these types: `sys.to_troupe<tick, double(get_mean)>(handle)` can
  /// be sent a `tick`, or asked with a `get_mean`, and goes wherever a `ref` does: it is attached to exchanges,
  /// monitored, linked. CAF's handlers take a message as it is. What they do not take is a dead letter
  /// (`loss::unhandled`), and a question then fails with `unhandled`.
  ///
  /// An actor of the runtime stands behind it: all that is sent by one reference comes in order (C1), and a message
  /// counts once more when it crosses (C3). It ends when CAF's does; to close or kill it ends CAF's, and one of the two
  /// has to come: CAF's actor is not unreachable while this one is there, which goes on without references. Attached to
  /// a `queue{}` or as a member of a group it answers for a message when CAF's handler has returned or thrown. Throws
  /// `troupe_error`: `invalid_argument` for a handle that stands for nobody or for an actor of another system, which
  /// may outlive this runtime; `shutdown`.
  template <class... Messages, class Handle>
  ref<caf_actor<Messages...>> to_troupe(const Handle& handle) const {
    return make_peer<caf_actor<Messages...>>(require_own(caf::actor_cast<caf::strong_actor_ptr>(handle)));
  }

  /// A handle of CAF's for an actor of Troupe's, for messages of these types: `sys.to_caf<tick, double(get_mean)>(ref)`
  /// can be sent a `tick`, and requested with a `get_mean`. What comes else is a dead letter of Troupe's. CAF's actors
  /// monitor and link to it; `user_shutdown` closes the actor, `kill` kills it, another reason ends it with that.
  template <class... Messages>
  caf::actor to_caf(const std::type_identity_t<address<Messages...>>& to) const {
    using proxy = detail::caf_proxy_of<Messages...>;
    caf::actor_system& system = **this;
    caf::actor_config config;
    auto made = caf::make_actor<proxy, caf::actor>(system.next_actor_id(), system.node(), &system, config, to);
    caf::actor_cast<detail::caf_proxy*>(made)->watch();
    return made;
  }

  /// Waits until all actors have ended, as the destructor of a `caf::actor_system` does, but not for ever: after seven
  /// tenths of the time those that are left are killed. The report names them; a line in the log does so too. What
  /// does not end even so is left to itself, with all that it can touch. If the runtime has been shut down, they are
  /// killed at once. Later calls do nothing, and give an empty report.
  shutdown_report shutdown(std::chrono::nanoseconds deadline);

private:
  friend caf::actor_system& detail::caf_system_of(detail::core& k);
  struct state;

  caf_system(detail::core& k, caf_options options);

  template <class Peer>
  ref<Peer> make_peer(caf::strong_actor_ptr to) const {
    core().require_up();
    ref<Peer> made;
    cell::make(core(), detail::class_of<Peer>, {}, [&](cell& c, void* memory) {
      made = ref<Peer>(&c);
      new (memory) Peer(std::move(to));
    });
    return made;
  }
  detail::core& core() const noexcept;
  caf::strong_actor_ptr require_own(caf::strong_actor_ptr who) const;

  std::unique_ptr<state> state_;
};

/// An actor whose work is done by an actor of CAF's of class C, which it makes: with it a pipeline file may name C, if
/// it is registered as `classes.actor<caf_class<C, tick>>("mean", "...").input<tick>()`. The constructor of C takes
/// what this one is given, a `const pipeline::context&` there, behind its `caf::actor_config&`; it may keep publishers.
/// When all inputs have ended C gets `exit_reason::user_shutdown` behind the last message: `on_exit` is the place for
/// what is left to say. The messages are as for `caf_system::to_troupe`.
template <class C, class... Messages>
class caf_class final : public caf_actor<Messages...> {
public:
  /// Spawns C in a CAF system that the runtime has for this.
  template <class... Args>
  explicit caf_class(const Args&... args)
      : caf_actor<Messages...>(
            caf::actor_cast<caf::strong_actor_ptr>(detail::caf_system_of(detail::caf_peer::core_here())
                                                       .template spawn<detail::caf_class_to_spawn<C>>(args...))) {}
};

}  // namespace troupe
