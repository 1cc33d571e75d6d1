#pragma once

namespace troupe {

/// The type of `own_thread`. `{}` makes none: it stays the shortest form of `actor_options`.
class own_thread_t {
public:
  struct key {};
  explicit constexpr own_thread_t(key) noexcept {}
};

/// Says that an actor gets a thread of the operating system, which runs that actor alone, so that its handlers may
/// block: `rt.spawn<A>(troupe::own_thread, args...)`, or `actor_options::own_thread` and `child_options::own_thread`
/// beside other options. The thread has the actor's name (the system shows 15 characters), stands among `rt.threads()`
/// with the role `actor`, sleeps while there is no message, keeps its actor over restarts, and ends after it. What its
/// handlers fork runs there too. Everything else is as with other actors; a message to or from it costs a wake-up of a
/// thread where the receiver sleeps. A handler that blocks finds in `this_task::stop_token()` that its actor is being
/// killed, as a shutdown does in the end. The watchdog leaves it alone; the end of the runtime does not wait for a
/// handler beyond its deadline. In a runtime with a seed the actor has no thread: it is one of the loop's jobs.
inline constexpr own_thread_t own_thread{own_thread_t::key()};

}  // namespace troupe
