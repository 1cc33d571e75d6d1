#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include <troupe/actors/detail/name_registry.hpp>
#include <troupe/actors/envelope.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/error.hpp>
#include <troupe/scheduler/scheduler.hpp>

namespace troupe {

class run_loop;
enum class overflow : std::uint8_t;

namespace detail {
struct actor_class;
class class_meter;
class class_meters;
class dead_letter_office;
class mailbox_budget;
class message_tap;
}  // namespace detail

/// Why a message was lost. Each loss is counted (C3).
enum class loss : std::uint8_t {
  dead_letter,   ///< sent to an actor that had been closed or had ended
  killed,        ///< still queued when its receiver was killed or crashed
  unhandled,     ///< the actor had no handler for it in the state that it was in: a dead letter too
  cancelled,     ///< a question that nobody wanted an answer to any more when its turn came
  detached,      ///< on its way to a subscriber when that was detached
  overflow,      ///< there was no room for it in the mailbox, or it made room there
  poison,        ///< its handler has crashed at it as often as `child_options::poison_after` allows
  fault,         ///< a test let it get lost (`testing::faults`)
  lagged,        ///< its subscriber was behind, and the policy of the subscription dropped it
  conflated,     ///< a newer one of the same key took its place before its subscriber came to it
  disconnected,  ///< its subscriber was behind, and was detached for that
  expired,       ///< it has waited in the queue of an exchange for longer than that allows
  count_
};

inline constexpr auto loss_kinds = static_cast<std::size_t>(loss::count_);

/// The name of a reason, such as "overflow".
const char* to_string(loss why) noexcept;

/// How the messages of a runtime fared since it was made. Exact when nothing runs; a moment's truth otherwise.
struct message_counts {
  std::uint64_t sent = 0;          ///< accepted for an inbox; a publish to N subscribers counts N
  std::uint64_t handled = 0;       ///< by a handler that returned, or received
  std::uint64_t failed = 0;        ///< by a handler that threw
  std::uint64_t dead_letters = 0;  ///< `loss::dead_letter` and `loss::unhandled`
  std::uint64_t dropped = 0;       ///< all other losses
  std::uint64_t refused = 0;       ///< not sent for lack of room in the mailbox: `send_status::full`
  std::uint64_t mutes_broken = 0;  ///< times an actor went on because those it waited for, muted, waited for it
  std::uint64_t poison = 0;        ///< `loss::poison`; in `dropped` too
  std::uint64_t called_off = 0;    ///< handlers whose waits were called off, since whoever had asked gave up
  std::uint64_t late_replies = 0;  ///< that came after the timeout, or after the end of who wanted them by `then`
  std::uint64_t spawned = 0;       ///< actors
  std::uint64_t ended = 0;         ///< actors

  /// What is still queued or stashed: zero at quiescence (C3).
  std::uint64_t queued() const noexcept { return sent - handled - failed - dead_letters - dropped; }
};

namespace detail {

/// Whom messages concern beside their senders and receivers; bits of `core`.
enum : std::uint8_t {
  losses_watched = 1,   ///< somebody is told of lost messages
  messages_tapped = 2,  ///< a test looks at all messages
};

/// What all actors of a runtime share. Outlives the runtime object for as long as a reference to one of its actors or a
/// thread that could not be stopped is left.
///
/// K1. Counters are per worker, with a single writer; threads from outside share one set and pay for it.
/// K2. `cells_` counts cells of outside threads plus a bias, workers count theirs on their own. When the runtime and
///     all of its threads have gone, the sums are joined and the bias is taken away: whoever brings the count to zero
///     deletes the core (biased reference counting).
class core {
public:
  explicit core(std::shared_ptr<troupe::scheduler> s, run_loop* loop);
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  troupe::scheduler& scheduler() const noexcept { return *scheduler_; }

  /// Where handled messages are recorded for C12; null unless the runtime is deterministic.
  run_loop* recorder() const noexcept { return recorder_; }

  /// Whether each slice concerns somebody else: what is handled is recorded, or measured.
  bool observed() const noexcept { return observed_; }

  /// What the actors of each class do is counted there; null unless `measure` was called.
  class_meters* meters() const noexcept { return meters_.get(); }
  /// Before the first actor is made.
  void measure();
  /// Where the calling thread counts what the actors of a class do. Null if nobody measures, and for want of memory.
  class_meter* meter_of(const actor_class& c) noexcept;
  /// A handler threw; an actor has ended, or was made anew.
  void note_failure(cell& c) noexcept;
  void note_end(cell& c) noexcept;
  void note_restart(cell& c) noexcept;

  /// Whether all mailboxes know how many messages are in them. Set before the first actor is made.
  void count_queues() noexcept { counts_queues_ = true; }
  bool counts_queues() const noexcept { return counts_queues_; }

  /// What keeps this for a thread that may touch it; null when the runtime and its threads have gone.
  std::shared_ptr<void> lease() const noexcept { return lease_.lock(); }
  void set_lease(const std::shared_ptr<void>& l) noexcept { lease_ = l; }

  /// True on the threads of this runtime: its workers, and those of single actors.
  bool runs_caller() const noexcept {
    worker* w = current_worker();
    return w && &w->owner().base() == scheduler_.get();
  }

  /// When it was made, by its scheduler's clock.
  std::int64_t begun() const noexcept { return begun_; }

  struct alignas(cache_line) counters {
    atomic<std::uint64_t> sent{0}, handled{0}, failed{0}, late_replies{0}, spawned{0}, ended{0}, refused{0},
        mutes_broken{0}, called_off{0};
    std::array<atomic<std::uint64_t>, loss_kinds> lost{};
    atomic<std::int64_t> cells{0};  // K2
    atomic<std::uint64_t> ids{1};
  };

  /// Adds to one of the counters of the calling thread.
  void count(atomic<std::uint64_t> counters::*which, std::uint64_t n = 1) noexcept { add(own().*which, n); }
  void count(loss why, std::uint64_t n = 1) noexcept { add(own().lost[static_cast<std::size_t>(why)], n); }

  /// The number of the calling thread's set of counters, as K1 has them, below `counter_sets()`; the last is that of
  /// all threads from outside.
  std::size_t counter_set() const noexcept { return is_own_worker() ? current_worker()->index() : workers_.size(); }
  std::size_t counter_sets() const noexcept { return workers_.size() + 1; }

  /// Replies that an actor waits for by `then`: a shutdown waits for them, as for those who wait in a `co_await`.
  void reply_awaited() noexcept { awaited_replies_.fetch_add(1, relaxed); }
  void reply_came() noexcept { awaited_replies_.fetch_sub(1, relaxed); }
  bool awaits_replies() const noexcept { return awaited_replies_.load(relaxed) != 0; }

  /// After this nothing new can be started: `require_up` throws `troupe_error` (`shutdown`).
  void go_down() noexcept { down_.store(true, seq_cst); }
  void require_up() const {
    if (down_.load(relaxed))
      throw troupe_error(errc::shutdown, "the runtime has been shut down: nothing can be spawned");
  }

  /// The memory that all mailboxes may take together; null: any. Set before the first actor is made.
  mailbox_budget* budget() const noexcept { return budget_.get(); }
  void set_budget(std::size_t bytes, overflow when_full);
  /// Of the living.
  name_registry& names() noexcept { return names_; }

  bool is_down() const noexcept { return down_.load(relaxed); }

  /// What random choices begin with: the runtime's seed, or a number of this run.
  std::uint64_t seed() const noexcept { return seed_; }

  /// A number for a new actor, unique in this runtime; the same in each run of a deterministic one.
  std::uint64_t next_id() noexcept;

  message_counts counts() const noexcept;

  /// Counts the loss and tells those who watch, answers with the error that `reason()` makes if an answer can have been
  /// asked for, destroys the message; leaves the envelope.
  template <class Reason>
  void refuse(cell& receiver, envelope& e, loss why, Reason reason) noexcept {
    note_loss(receiver, e, why);
    if (e.ops->refuse) e.ops->refuse(e, reason());
    e.ops->destroy(e);
  }

  /// Counts losses where the classes of actors are measured, not among those of the runtime.
  void measure_loss(cell& receiver, loss why, std::uint64_t n) noexcept;

  /// Counts messages of a stream that were lost, and tells those who watch.
  void lose(cell& receiver, loss why, const char* type, std::uint64_t n = 1) noexcept {
    count_loss(receiver, why, n);
    if (watched()) tell_of_loss(receiver, why, type, 0, n);
  }

  /// The same for what was for nobody yet: it waited in the queue of an exchange.
  void lose(loss why, const char* type, std::uint64_t n = 1) noexcept {
    count(why, n);
    if (watched()) tell_of_loss(nullptr, why, type, 0, n);
  }

  /// Whether messages concern anybody beside their senders and receivers: one test for all that few runtimes have.
  bool attended() const noexcept { return attention_.load(relaxed) != 0; }
  /// Whether anybody watches for lost messages.
  bool watched() const noexcept { return (attention_.load(relaxed) & losses_watched) != 0; }
  /// Whether a test looks at the messages.
  bool tapped() const noexcept { return (attention_.load(relaxed) & messages_tapped) != 0; }
  void tell_of_loss(cell& receiver, loss why, const char* type, std::uint64_t sender, std::uint64_t n) noexcept {
    tell_of_loss(&receiver, why, type, sender, n);
  }
  void tell_of_loss(cell* receiver, loss why, const char* type, std::uint64_t sender, std::uint64_t n) noexcept;
  std::shared_ptr<dead_letter_office> dead_letters();

  /// Of a deterministic runtime, by its thread; see `message_tap`. Throws `troupe_error` (`invalid_argument`) for any
  /// other, and (`already_exists`) for a second one that takes messages.
  void add_tap(message_tap& t);
  /// The part of it that says whether there may be taps at all.
  void require_taps() const;
  void remove_tap(message_tap& t) noexcept;
  const std::vector<message_tap*>& taps() const noexcept { return taps_; }

  void cell_made() noexcept;
  void cell_freed() noexcept;
  void runtime_gone() noexcept;

  /// The one object of type T that belongs to this runtime, made by `make` at the first call: how the layers above keep
  /// their state with it. Destroyed at the end of the shutdown.
  template <class T, class Make>
  std::shared_ptr<T> service(Make make) {
    std::lock_guard guard(services_mutex_);
    auto& slot = services_[typeid(T)];
    if (!slot) slot = make();
    return std::static_pointer_cast<T>(slot);
  }
  void drop_services() noexcept;

  /// Keeps something for as long as this lives. Any thread. Throws `std::bad_alloc`.
  void keep(std::shared_ptr<void> what) {
    std::lock_guard guard(services_mutex_);
    kept_.push_back(std::move(what));
  }

  /// A thread did not end by the deadline of the shutdown: nobody waits for its handler any more (C6).
  void give_up() noexcept { given_up_.store(true, release); }
  bool given_up() const noexcept { return given_up_.load(acquire); }

private:
  ~core();

  void count_loss(cell& receiver, loss why, std::uint64_t n) noexcept;
  void note_loss(cell& receiver, envelope& e, loss why) noexcept;

  bool is_own_worker() const noexcept {
    worker* w = current_worker();
    return w && &w->owner() == scheduler_.get();
  }
  counters& own() noexcept { return is_own_worker() ? workers_[current_worker()->index()] : outside_; }
  void add(atomic<std::uint64_t>& c, std::uint64_t n) noexcept {
    if (is_own_worker()) [[likely]]
      bump(c, n);
    else
      add_outside(c, n);
  }
  void add_outside(atomic<std::uint64_t>& c, std::uint64_t n) noexcept;

  std::shared_ptr<troupe::scheduler> scheduler_;
  run_loop* recorder_;
  bool observed_;  // set before the first actor is made, as the next two
  bool counts_queues_ = false;
  std::unique_ptr<class_meters> meters_;
  std::uint64_t seed_;
  atomic<std::uint8_t> attention_{0};  // each bit is set and cleared by its owner, and guards nothing
  std::vector<counters> workers_;
  counters outside_;

  atomic<bool> down_{false};

  static constexpr std::int64_t bias = std::int64_t{1} << 60;
  atomic<std::int64_t> cells_{bias};
  atomic<std::uint64_t> ids_{1};

  std::unique_ptr<mailbox_budget> budget_;
  atomic<std::int64_t> awaited_replies_{0};  // only counts

  const std::int64_t begun_;
  std::weak_ptr<void> lease_;     // set before the first actor is made
  atomic<bool> given_up_{false};  // set once; release pairs with the acquire of whoever would wait

  name_registry names_;
  std::vector<message_tap*> taps_;  // of a deterministic runtime, its thread's; the one that takes messages comes first
  std::mutex services_mutex_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> services_;
  std::vector<std::shared_ptr<void>> kept_;  // under services_mutex_
};

}  // namespace detail
}  // namespace troupe
