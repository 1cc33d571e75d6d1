#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/detail/fork_deque.hpp>
#include <troupe/scheduler/detail/run_queue.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/sender.hpp>

namespace troupe {

/// The state of one thread that runs jobs. Belongs to that thread; what others read says so.
///
/// W1. `next_` (the LIFO slot) holds at most one job: the one woken last. It runs next only if the job that woke it
///     goes idle: a conversation then stays on one core with warm caches. If the waker has more to do it goes on, and
///     the woken one queues behind the others: a pipeline's stages then work in batches. Thieves do not look there; who
///     makes actors has more to do, so it offers them what it has woken before (`offer`). See docs/decisions/.
/// W2. Slot and ring are taken from by exchange, so that the housekeeper may empty the slot of a stuck worker.
/// W3. A slice lasts for a budget of messages, and goes on after it for the rest of a quantum of time, or for twice as
///     long as others took since it last looked how long one had lasted, up to 20 ms: whoever is flooded with messages
///     that take nanoseconds each keeps up with those who send them, before what it waits for has left the caches. The
///     clock is read once a budget. See docs/decisions/009-slices.md.
class worker {
public:
  worker(scheduler& owner, unsigned index, std::string name, bool has_queue)
      : owner_(&owner), index_(index), has_queue_(has_queue), name_(std::move(name)) {}

  /// The scheduler that it belongs to, its number there, and the name of its thread. Any thread.
  scheduler& owner() const noexcept { return *owner_; }
  unsigned index() const noexcept { return index_; }
  const std::string& name() const noexcept { return name_; }

  /// How many messages the job that runs may handle before it goes to the back of the queue (C8).
  unsigned budget() const noexcept { return budget_; }
  /// Set once, before the thread starts.
  void set_budget(unsigned budget) noexcept { budget_ = budget; }
  void set_quantum(std::chrono::nanoseconds quantum) noexcept { quantum_ = quantum.count(); }

  /// Whether a job that has used up its budget may have another: W3. `begun` is the job's, zero when its slice begins.
  bool extend_slice(std::int64_t& begun) noexcept;

  /// The choices of what runs on it.
  detail::draws& choices() noexcept { return choices_; }

  /// Whether a strand that has used up its slice may have another at once: nothing waits. Its own thread only.
  bool may_stay() noexcept;

  /// What the strand that runs has forked; null where children of a fork are jobs like others.
  detail::fork_deque* forks() noexcept { return has_queue_ ? &forks_ : nullptr; }

  /// There is something to steal here: wakes a worker that sleeps, if nobody searches. Its own thread only.
  void announce() noexcept;

  /// The job that runs will not go idle soon: what it has woken last is for workers that have nothing to do, if there
  /// are any. Its own thread only.
  void offer() noexcept {
    if (next_.load(relaxed)) [[unlikely]]
      offer_next();
  }

  /// Says what runs, for reports: `detail` names the message and must live as long as the program.
  void show(const void* subject, const char* detail) noexcept {
    subject_.store(subject, relaxed);
    detail_.store(detail, relaxed);
  }

  /// How many jobs it has begun to run. Its own thread only.
  std::uint64_t slices() const noexcept { return slices_.load(relaxed); }

  /// What runs on it, as it was shown. Its own thread only.
  const void* subject() const noexcept { return subject_.load(relaxed); }

  /// What it does, for reports; `lasts`: for how long, in nanoseconds, if something runs. Any thread.
  worker_info inspect(std::int64_t lasts = 0) const;

private:
  friend class scheduler;
  friend class work_stealing_pool;
  friend class run_loop;
  friend class side_thread;

  void wake(job& j) noexcept {
    if (!has_queue_) return owner_->inject(j);
    // Only this thread puts jobs in: an empty slot stays empty, and needs no exchange. Release pairs with the acquire
    // of whoever takes the job.
    if (!next_.load(relaxed)) return next_.store(&j, release);
    if (job* displaced = next_.exchange(&j, acq_rel)) push(*displaced);
  }

  void requeue(job& j) noexcept {
    if (!has_queue_) return owner_->inject(j);
    if (job* woken = next_.load(relaxed) ? next_.exchange(nullptr, acq_rel) : nullptr) push(*woken);
    push(j);
  }

  void push(job& j) noexcept;
  void offer_next() noexcept;

  scheduler* owner_;
  unsigned index_;
  unsigned budget_ = 128;
  std::int64_t quantum_ = 0;    // nanoseconds
  std::int64_t looked_ = 0;     // when it last read the clock for that, or woke; 0: long ago
  std::int64_t may_last_ = 0;   // the slice that runs, if it has used up its budget
  bool looked_lately_ = false;  // since it last looked around
  bool has_queue_;
  std::string name_;
  unsigned streak_ = 0;  // slices in a row that came from the slot
  unsigned tick_ = 0;

  detail::draws choices_;

  bool searching_ = false;    // counted among the searchers
  bool timers_left_ = false;  // more were due than its last look at the timers has fired
  bool stand_in_ = false;     // I7

  // Written by this worker only, read by the housekeeper and for reports. The same count of slices at two ticks, and
  // `running_`, mean that one slice lasts.
  atomic<std::uint64_t> slices_{0};
  atomic<bool> running_{false};
  atomic<const void*> subject_{nullptr};
  atomic<const char*> detail_{nullptr};

  // The housekeeper's: the slice that it saw last, and when it saw it first.
  std::uint64_t seen_slice_ = 0;
  atomic<std::int64_t> stuck_since_{0};

  // The housekeeper asks it to give back what it has at hand of the memory pool; the slice after which it last did. I9
  atomic<bool> tidy_{false};
  std::uint64_t tidied_slice_ = 0;

  atomic<int> thread_id_{0};            // the system's; 0 before the thread has started
  atomic<bool> says_it_blocks_{false};  // between begin_blocking and end_blocking; by this worker
  atomic<bool> stood_in_for_{false};    // set by the housekeeper, taken back by this worker after the slice

  alignas(cache_line) atomic<job*> next_{nullptr};
  detail::run_queue ring_;
  detail::fork_deque forks_{this};
  parker parker_;
};

namespace detail {
// Which worker this thread is.
extern constinit thread_local worker* this_worker;
}  // namespace detail

/// The worker that the calling thread is, or null on a foreign thread. Never kept across a `co_await`.
inline worker* current_worker() noexcept { return detail::this_worker; }

/// Who sends on the calling thread: the one whom a `sends_for` names, else the actor or green thread that runs on its
/// worker, else the thread itself. Only to compare.
inline const void* current_sender() noexcept {
  if (detail::spoken_for) [[unlikely]]
    return detail::spoken_for;
  const worker* w = current_worker();
  return w ? w->subject() : &detail::this_worker;
}

inline void scheduler::schedule(job& j) noexcept {
  worker* w = current_worker();
  if (w && &w->owner() == this) [[likely]]
    w->wake(j);
  else
    inject(j);
}

inline void scheduler::reschedule(job& j) noexcept {
  worker* w = current_worker();
  if (w && &w->owner() == this) [[likely]]
    w->requeue(j);
  else
    inject(j);
}

}  // namespace troupe
