#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/detail/thread_roster.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/strand_registry.hpp>
#include <troupe/scheduler/timers.hpp>

namespace troupe {

class scheduler;
class worker;

/// How a thread of the outside waits for something that a scheduler brings about.
class wait_condition {
public:
  /// True once the wait is over. Any thread of the scheduler or the waiter.
  virtual bool holds() const noexcept = 0;
  /// Whether to look at it again and again for some microseconds costs nobody anything, and may be all there is to do.
  virtual bool worth_watching() const noexcept { return false; }
  /// Sleeps until `holds()` may have changed or until the deadline (nanoseconds of the steady clock).
  virtual void sleep_until(std::int64_t deadline) noexcept = 0;

protected:
  ~wait_condition() = default;
};

namespace detail {

/// A sequence of numbers without a pattern that could fall in step with anything, for choices that are to be fair; the
/// same each time. One thread at a time.
class draws {
public:
  std::uint32_t next() noexcept {
    state_ = state_ * 747796405U + 2891336453U;  // the generator of PCG (O'Neill, 2014), high bits first
    return state_ >> 8;
  }

private:
  std::uint32_t state_ = 0;
};

}  // namespace detail

/// What a thread of a scheduler does, for reports.
struct worker_info {
  std::string name;                  ///< as the operating system shows it
  const void* subject = nullptr;     ///< the actor or green thread that runs, null while none does; only to compare
  std::string detail;                ///< the message that it handles
  std::chrono::nanoseconds since{};  ///< for how long, to the housekeeper's 10 ms
};

/// Runs jobs. The work-stealing pool, the strict round-robin loop and the deterministic runtime are schedulers.
///
/// All functions may be called from any thread unless they say otherwise.
class scheduler {
public:
  scheduler() = default;
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  virtual ~scheduler() = default;

  /// Makes a job runnable that has just been woken (J1).
  void schedule(job& j) noexcept;

  /// Puts a job that used up its slice behind all others that wait.
  void reschedule(job& j) noexcept;

  /// Now, in nanoseconds of this scheduler's clock: the steady clock, or virtual time.
  virtual std::int64_t now() const noexcept = 0;

  /// Arms a timer, and tells whoever sleeps of a deadline that is earlier than the one it knows; see `timers`.
  virtual void arm(timer& t, std::int64_t deadline) = 0;

  /// True if the timer was armed and will not fire; see `timers`.
  bool cancel(timer& t) noexcept { return base_->timers_.cancel(t); }

  /// How a thread's wait ended.
  enum class waited : std::uint8_t {
    held,     ///< the condition holds
    timeout,  ///< the deadline came first
    stuck,    ///< nothing is left that could ever bring it about
    refused,  ///< the caller is a thread of this scheduler that nobody can stand in for
  };

  /// Makes the calling thread wait until `condition` holds or the deadline has come (steady clock; virtual time where
  /// time is virtual).
  virtual waited wait(wait_condition& condition, std::int64_t deadline) = 0;

  /// The job that runs on the calling thread, one of this scheduler's, is about to block it. True: another stands in
  /// for this thread until `end_blocking`. False: nobody can, so the job must not block.
  virtual bool begin_blocking() noexcept = 0;
  virtual void end_blocking() noexcept = 0;

  /// Waits until nothing runs, is queued or is due, but for periodic calls, and for what is due only after `horizon`.
  /// False at the deadline.
  virtual bool wait_quiescent(std::int64_t deadline, std::int64_t horizon = timers::never) = 0;

  /// Ends all threads; false if some did not end by the deadline: they are left to themselves, and keep alive what they
  /// can still touch.
  virtual bool stop(std::int64_t deadline) = 0;

  /// From now on periodic calls are not made any more (`call_every`): the first step of a shutdown.
  void end_periodic_calls() noexcept { base_->periodic_calls_ended_.store(true, relaxed); }
  bool periodic_calls_ended() const noexcept { return base_->periodic_calls_ended_.load(relaxed); }

  /// From now on no green thread begins: whoever asks for one gets `shutdown`. The last step before a shutdown kills
  /// those that are left: one that came behind the list of those would never be killed.
  void end_spawning() noexcept { base_->spawning_ended_.store(true, relaxed); }
  bool spawning_ended() const noexcept { return base_->spawning_ended_.load(relaxed); }

  /// Number of workers, at least one.
  virtual unsigned size() const noexcept = 0;

  /// One more than the highest `worker::index()` that there can be: with those that stand in for blocked workers.
  virtual unsigned capacity() const noexcept { return size(); }

  /// How reports call a strand that has no name: by its address, or by a number where runs are to be compared.
  virtual std::string label(const strand& s) const;

  /// What the workers do now, and the threads that run one actor each.
  std::vector<worker_info> inspect() const;

  /// True if all that it runs runs on one thread, in virtual time: what would have a thread of its own is a job there
  /// (C12).
  virtual bool deterministic() const noexcept { return false; }

  /// Internal: a call that was asked for will not be made (`call_soon`, `call_later`, `call_at`). `what` it was for, or
  /// empty.
  void note_dropped_call(std::string what) noexcept;

  /// Internal: its threads, and who has made them.
  const std::shared_ptr<detail::thread_roster>& roster() const noexcept { return roster_; }

  /// The choices of the thread that waits for this scheduler, if that is one that drives it.
  detail::draws& choices() noexcept { return choices_; }

  /// All live actors and green threads.
  strand_registry& strands() noexcept { return base_->strands_; }

  /// The scheduler whose timers, strands and threads these are: itself, but for the thread of a single actor, which
  /// stands beside a scheduler and lives no longer than its actor. What may outlive that actor is given this one.
  scheduler& base() noexcept { return *base_; }
  const scheduler& base() const noexcept { return *base_; }

protected:
  friend class worker;

  /// Stands beside another.
  struct beside {
    scheduler& other;
  };
  explicit scheduler(beside b) noexcept : base_(&b.other.base()), roster_(base_->roster_) {}

  /// What its own workers do.
  virtual std::vector<worker_info> inspect_workers() const = 0;

  /// Makes a job runnable from a thread that has no queue of this scheduler's.
  virtual void inject(job& j) noexcept = 0;

  /// One line in the log if its end has dropped calls; as the last step of that.
  void report_dropped_calls() noexcept;

  timers timers_;

private:
  scheduler* base_ = this;
  strand_registry strands_;
  detail::draws choices_;
  std::shared_ptr<detail::thread_roster> roster_ = std::make_shared<detail::thread_roster>();
  atomic<bool> periodic_calls_ended_{false};  // false -> true; relaxed: it guards nothing
  // false -> true. Relaxed: a strand that is listed before it looks, and is not in the list of those who end the
  // others, has taken the registry's lock after them.
  atomic<bool> spawning_ended_{false};
  std::mutex dropped_mutex_;
  std::size_t dropped_calls_ = 0;           // that nobody has reported; under dropped_mutex_, as is the next
  std::vector<std::string> dropped_names_;  // what the first of them were for
};

/// The threads of a scheduler, in the order of their starting: workers and whatever else it was made to start. The
/// thread that drives a run loop belongs to the program, and is not among them. Any thread.
inline std::vector<thread_info> threads(const scheduler& s) { return s.roster()->list(); }

namespace detail {

/// A runtime, say.
template <class T>
concept has_scheduler = requires(T& t) {
  { t.scheduler() } -> std::same_as<scheduler&>;
};

/// The run loop that the calling thread has made last and drives while it waits for something; null on most threads.
scheduler* driven_by_this_thread();

}  // namespace detail

/// Nanoseconds of the steady clock.
std::int64_t steady_now() noexcept;

/// `start + timeout`, with "forever" where that would overflow.
std::int64_t deadline_after(std::int64_t start, std::chrono::nanoseconds timeout) noexcept;

}  // namespace troupe

#include <troupe/scheduler/worker.hpp>
