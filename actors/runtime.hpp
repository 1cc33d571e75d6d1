#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <troupe/actors/actor_info.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/behavior.hpp>
#include <troupe/actors/core.hpp>
#include <troupe/actors/coroutine_actor.hpp>
#include <troupe/actors/dead_letters.hpp>
#include <troupe/actors/delegate.hpp>
#include <troupe/actors/detail/reply_message.hpp>
#include <troupe/actors/monitor.hpp>
#include <troupe/actors/own_thread.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/statistics.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/live_tasks.hpp>
#include <troupe/scheduler/run_until.hpp>
#include <troupe/scheduler/schedule_strategy.hpp>
#include <troupe/scheduler/timed_call.hpp>
#include <troupe/scheduler/watchdog.hpp>

namespace troupe {

/// How a runtime runs its actors and green threads.
enum class schedule : std::uint8_t {
  work_stealing,  ///< on a pool of workers
  round_robin,    ///< in strict rotation, one message or step each, on the thread that calls `run`, `get` or `join`
};

/// How a runtime is made. What is not set has a good default.
struct runtime_options {
  unsigned workers = 0;         ///< of the pool; 0: one for each core that the process may use
  std::string name = "troupe";  ///< threads are called name/0, name/1, ..., name/keeper
  unsigned budget = 128;        ///< messages that an actor of the pool may always handle in one go (C8)
  /// For how long it may then go on before it lets others run; 0: not at all.
  std::chrono::nanoseconds quantum{200'000};
  unsigned stand_ins = 64;  ///< threads that may stand in for workers whose handlers block (C8)
  /// Worker i of the pool runs on `cores[i % cores.size()]` alone; empty: the system chooses. `usable_cores()`: all.
  std::vector<unsigned> cores{};
  blocking_limits blocking{};   ///< threads for what `blocking` is given; they are called name/block-0, ...
  watchdog_options watchdog{};  ///< tells of handlers of the pool that do not return
  schedule scheduling = schedule::work_stealing;  ///< on what it runs; ignored with a seed
  /// The memory that the messages in all mailboxes may take together, in bytes; 0: any. A message that finds no room
  /// meets `mailbox_overflow`. A runtime with such a limit pays two atomic operations a message for it.
  std::size_t mailbox_memory = 0;
  overflow mailbox_overflow = overflow::block;
  /// With a seed the runtime is deterministic: one thread, virtual time, every choice drawn from the seed (C12).
  /// Lines that its thread logs while it lives say the seed, and so does the end of a program that misuses it.
  std::optional<std::uint64_t> seed = std::nullopt;
  /// With a seed: how the choices are made. All but `random` need one; `replay` does not look at it.
  schedule_strategy strategy{};
  /// With a seed: whether the choices are kept for `recording`.
  bool record = false;
  /// Whether it is measured what the actors of each class do: see `statistics`. Each turn of an actor pays a little for
  /// it, whatever it then handles; one handler in 1,024 is timed.
  bool measure = false;
  /// Whether the length of every queue is known, to `statistics` and `actors`. Every mailbox is then one with a lock,
  /// as those that have a limit.
  bool count_queues = false;
};

/// An actor, a green thread or a thread that did not stop in time.
struct stuck_actor {
  std::string name;                  ///< as `any_ref::name`; else what it is: "green thread", "thread", and which
  std::string handler;               ///< the message that it handles, empty if it waits
  std::chrono::nanoseconds since{};  ///< for how long, to 10 ms; of a thread that runs no actors it is not known
};

/// What `runtime::shutdown` found.
struct shutdown_report {
  std::vector<stuck_actor> stuck;  ///< empty: everything ended by itself or when told to
  /// True if everything has stopped.
  bool clean() const noexcept { return stuck.empty(); }
};

class supervisor;

/// A world of actors: a scheduler, the actors on it, and their accounts. Several may live in one process. May be used
/// from any thread; destroyed by one, outside of its own workers.
class runtime {
public:
  /// Throws `troupe_error` (`invalid_argument`) for options out of range.
  explicit runtime(runtime_options options = {});

  /// `shutdown(10s)`.
  ~runtime();

  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Makes an actor of class A from `args`. Lets the exceptions of A's constructor through; throws `troupe_error`
  /// (`shutdown`) once the runtime has been shut down.
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn(Args&&... args) { return make_actor<A>({}, std::forward<Args>(args)...); }

  /// The same with options: `rt.spawn<worker>({.name = "w", .mailbox = {{.capacity = 1000}}}, args...)`. Throws
  /// `troupe_error` (`invalid_argument`) for a mailbox that cannot be.
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn(actor_options options, Args&&... args) {
    return make_actor<A>(std::move(options), std::forward<Args>(args)...);
  }

  /// The same with a name, which reports show, and by which `find` finds it. Throws `troupe_error` (`already_exists`)
  /// if a living actor has it; it is free again when that has gone.
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn_named(std::string name, Args&&... args) {
    return make_actor<A>({.name = std::move(name)}, std::forward<Args>(args)...);
  }

  /// The same on a thread of its own, where the actor may block: `rt.spawn<A>(troupe::own_thread, args...)`. With other
  /// options: `actor_options::own_thread`. Throws `std::system_error` if the system gives no more threads, naming the
  /// actor.
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn(own_thread_t, Args&&... args) {
    return make_actor<A>({.own_thread = true}, std::forward<Args>(args)...);
  }

  /// Makes a supervisor: an actor whose children are made anew when they crash. Throws `troupe_error`: `shutdown`, or
  /// `invalid_argument` for options out of range.
  supervisor supervise(supervisor_options options = {});

  /// Makes an actor of callables, without a class: `rt.spawn(troupe::handlers{[](const tick&) { ... }, ...})`. The
  /// reference is a `ref<behavior<...>>`, which goes where an `address` of some of its messages is wanted.
  template <class... Fs>
  auto spawn(handlers<Fs...> functions) {
    return make_actor<detail::behavior_of<Fs...>>({}, std::move(functions));
  }
  template <class... Fs>
  auto spawn_named(std::string name, handlers<Fs...> functions) {
    return make_actor<detail::behavior_of<Fs...>>({.name = std::move(name)}, std::move(functions));
  }

  template <class... Fs>
  auto spawn(own_thread_t, handlers<Fs...> functions) {
    return make_actor<detail::behavior_of<Fs...>>({.own_thread = true}, std::move(functions));
  }

  /// Makes an actor of a coroutine `task<> f(mailbox<M...>, args...)`, as a `loop_actor`: it ends when that returns.
  /// See `mailbox`. The reference is a `ref<coroutine_actor<M...>>`.
  template <class F, class... Args>
  auto spawn_loop(F f, Args... args) {
    return make_actor<typename detail::coroutine_actor_of<F>::type>({}, std::move(f), std::move(args)...);
  }

  /// Starts a green thread that runs `f(args...)`, which returns a `task<T>`. See `troupe::spawn`.
  template <class F, class... Args>
  auto spawn(F f, Args... args) {
    core_->require_up();
    return troupe::spawn(scheduler(), std::move(f), std::move(args)...);
  }

  /// The same with a name: `rt.spawn({.name = "reader"}, f, args...)`.
  template <class F, class... Args>
  auto spawn(task_options options, F f, Args... args) {
    core_->require_up();
    return troupe::spawn(scheduler(), std::move(options), std::move(f), std::move(args)...);
  }

  /// The living actor of that name. Errors: `not_found`; `type_mismatch` if its class is not A, naming both. Any
  /// thread.
  template <class A>
  requires actor_class<A> result<ref<A>> find(std::string_view name)
  const;

  /// The actors that are alive, in the order of their numbers, and what each does. What is said of each is true at one
  /// moment, not the same for all; it costs about a microsecond each. Any thread.
  std::vector<actor_info> actors() const;

  /// What has become of the messages since the runtime was made and, with `runtime_options::measure`, what the actors
  /// of each class have done; also after a shutdown. It costs about a microsecond an actor. Any thread.
  runtime_statistics statistics() const;

  /// Who is alive, and what each does. See `live_tasks`.
  std::vector<task_info> tasks() const { return live_tasks(scheduler()); }

  /// Calls `f()` as soon as a worker is free, later, at a point in time, or again and again: `troupe::call_soon` and
  /// the like.
  template <class F>
  timer_handle call_soon(F f) {
    core_->require_up();
    return troupe::call_soon(scheduler(), std::move(f));
  }
  template <class F>
  timer_handle call_later(std::chrono::nanoseconds delay, F f) {
    core_->require_up();
    return troupe::call_later(scheduler(), delay, std::move(f));
  }
  template <class F>
  timer_handle call_at(std::chrono::steady_clock::time_point when, F f) {
    core_->require_up();
    return troupe::call_at(scheduler(), when, std::move(f));
  }
  template <class F>
  timer_handle call_every(std::chrono::nanoseconds period, F f, missed_tick policy = missed_tick::burst) {
    core_->require_up();
    return troupe::call_every(scheduler(), period, std::move(f), policy);
  }

  /// Waits on the calling thread for a future, a task, or `f(args...)` as a green thread, and gives its result:
  /// `troupe::run_until`.
  template <class... What>
  auto run_until(What... what) {
    core_->require_up();
    return troupe::run_until(scheduler(), std::move(what)...);
  }

  /// Keeps the calling thread until `stop` or the end of a `shutdown`, and runs what comes there if the runtime has no
  /// threads of its own. Throws `troupe_error` (`invalid_argument`) on a thread of this runtime, and while another
  /// thread is in there.
  void run_forever();

  /// Ends `run_forever`; if nobody is in there, the next one at once. Any thread.
  void stop() noexcept;

  /// Runs on the calling thread until nothing is queued or due: for runtimes without threads of their own. On a pool it
  /// waits for the same.
  void run() { (void)wait_idle(forever); }

  /// Waits until nothing is queued, runs or is due. False at the deadline, or on a thread of this runtime.
  bool wait_idle(std::chrono::nanoseconds timeout);

  /// Ends everything: tells the sources to stop, waits until all that is on its way has been handled, closes all
  /// actors, what was started last first and children before their parents, kills those that do not end, and returns by
  /// the deadline (C6). It does not wait for what is due only after seven tenths of its time, when it closes the actors
  /// anyway: where nothing else is left it goes on at once. A thread that is stuck in a handler is left to itself.
  ///
  /// Whoever calls it again waits for the first call, and gets the same report. If that has not returned by the
  /// deadline, the report names who is alive at that moment, and the thread that shuts down; so it does at once on a
  /// thread of this runtime, for which the first may be waiting, and on the thread of the first.
  shutdown_report shutdown(std::chrono::nanoseconds deadline);

  /// What has become of all messages (C3).
  message_counts counts() const noexcept { return core_->counts(); }

  /// From now on each loss of a message is told to an actor with a handler for `dead_letter`, until the watch goes or
  /// the actor ends. Any thread.
  dead_letter_watch watch_dead_letters(address<dead_letter> to) {
    auto office = core_->dead_letters();
    const std::uint64_t number = office->add(std::move(to));
    return dead_letter_watch(std::move(office), number);
  }

  /// The actor with this `id()`; stands for nobody if it has ended. Looks through all that are alive. Any thread.
  any_ref find_actor(std::uint64_t id) const;

  /// Number of actors and green threads that are alive.
  std::size_t alive() const noexcept { return core_->scheduler().strands().size(); }

  /// All of its threads with name, number and role: workers and what else it was made to start. See `troupe::threads`.
  std::vector<thread_info> threads() const { return troupe::threads(scheduler()); }

  /// Number of threads that run actors; 1 where it has none of its own.
  unsigned workers() const noexcept { return core_->scheduler().size(); }

  /// One number that stands for all choices made so far and all messages handled (C12); 0 if there is no seed.
  std::uint64_t trace() const noexcept;

  /// The choices so far as one word, which `schedule_strategy::replay` takes; empty unless they are recorded.
  std::string recording() const;

  /// What runs the actors: for promises, and for green threads of the layer below.
  troupe::scheduler& scheduler() const noexcept { return core_->scheduler(); }

  /// Internal: for the layers above.
  detail::core& core() const noexcept { return *core_; }

private:
  template <class A, class... Args>
  ref<A> make_actor(actor_options options, Args&&... args);

  struct outcome;

  shutdown_report shut_down(std::chrono::nanoseconds timeout);
  shutdown_report report_again(std::chrono::nanoseconds timeout);
  bool is_waited_for() const;
  std::vector<stuck_actor> who_is_alive() const;
  void kill_all() noexcept;
  std::vector<any_ref> all_actors() const;
  result<any_ref> find_named(std::string_view name, const detail::actor_class& as) const;
  bool await_rest(std::int64_t deadline, std::int64_t horizon);
  void await_quiescence(std::int64_t deadline);
  void await_ends(std::int64_t deadline);

  std::shared_ptr<outcome> outcome_;  // of the shutdown; it outlives this for who gives it
  std::shared_ptr<void> lease_;       // on the core: the runtime's, and each thread's
  detail::core* core_;
  std::optional<log_context> replay_note_;  // of a deterministic runtime
  int exceptions_;                          // that were on their way when it was made
  atomic<bool> down_{false};                // a shutdown has begun: false -> true
  atomic<bool> kept_{false};                // of a pool: a thread is in `run_forever`
  parker stopped_;                          // of a pool: its token is the word that ends `run_forever`
};

namespace detail {

template <class A>
consteval bool is_reentrant() {
  if constexpr (requires { A::reentrant; }) {
    static_assert(
        requires { typename std::bool_constant<A::reentrant>; },
        "troupe: a class says whether it is reentrant by a constant: `static constexpr bool reentrant = true;`");
    if constexpr (requires { typename std::bool_constant<A::reentrant>; }) {
      static_assert(!A::reentrant || !loop_actor_class<A>,
                    "troupe: a loop actor has no handlers that could overlap: it cannot be reentrant");
      return A::reentrant;
    }
  }
  return false;
}

template <class A>
constexpr actor_class describe_class() noexcept {
  actor_class c{};
  c.name = type_name<A>();
  c.size = sizeof(A);
  c.alignment = alignof(A);
  c.inside = fits_inside<A>;
  c.destroy = [](void* object) noexcept { static_cast<A*>(object)->A::~A(); };
  if constexpr (requires(A & a) { a.on_start(); })
    c.on_start = [](void* object) { static_cast<A*>(object)->on_start(); };
  if constexpr (requires(A & a) { a.on_stop(); }) c.on_stop = [](void* object) { static_cast<A*>(object)->on_stop(); };
  c.reentrant = is_reentrant<A>();
  c.exit_signal = exit_signal_ops<A>();
  if constexpr (has_states<A>) c.has_state = &knows_state<A>;
  if constexpr (requires(A & a) { a.on_idle(); }) c.on_idle = [](void* object) { static_cast<A*>(object)->on_idle(); };
  if constexpr (loop_actor_class<A>) {
    c.run = [](void* object) { return finish(static_cast<loop_actor_base*>(static_cast<A*>(object))->run()).handle; };
    c.source = std::tuple_size_v<typename A::message_types> == 0;
  }
  if constexpr (requires {
                  { A::mailbox } -> std::convertible_to<const mailbox_options&>;
                })
    c.mailbox = &A::mailbox;
  return c;
}

template <class A>
inline constexpr actor_class class_of = describe_class<A>();

}  // namespace detail

template <class A>
requires actor_class<A> result<ref<A>> runtime::find(std::string_view name)
const {
  const result<any_ref> found = find_named(name, detail::class_of<A>);
  if (!found) return found.error();
  return ref<A>(found->get_cell());
}

template <class A, class... Args>
ref<A> runtime::make_actor(actor_options options, Args&&... args) {
  static_assert(!std::is_abstract_v<A>, "troupe: an actor class must not be abstract; a loop_actor defines run()");
  core_->require_up();
  // The new actor may have ended before this returns: the reference is taken before it begins.
  ref<A> made;
  cell::make(*core_, detail::class_of<A>, std::move(options), [&](cell& c, void* memory) {
    made = ref<A>(&c);
    new (memory) A(std::forward<Args>(args)...);
  });
  return made;
}

}  // namespace troupe

#include <troupe/actors/supervisor.hpp>
