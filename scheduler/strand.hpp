#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

#include <troupe/base/asymmetric.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/strand_extras.hpp>
#include <troupe/scheduler/strand_registry.hpp>

namespace troupe {

namespace detail {
class cancel_region;
}

/// A wait that can be called off from outside. Implemented by awaitables.
class wait_point {
public:
  /// Ends the wait if nothing else has ended it yet, and then schedules the strand that waits. Any thread; also while
  /// `await_suspend` is still publishing the wait.
  virtual void cancel_wait() noexcept = 0;

  /// True if `cancel_wait` passes the word on to others, or waits for the strand to publish the wait: then it is called
  /// without a lock, perhaps again, and by several at a time.
  virtual bool cancel_takes_time() const noexcept { return false; }

  /// What is waited for, for reports; empty: its type says enough.
  virtual std::string describe_wait() const { return {}; }

  /// What sort of wait it is, for reports.
  enum class kind : std::uint8_t { other, sleep, receive };
  virtual kind wait_kind() const noexcept { return kind::other; }

protected:
  ~wait_point() = default;
};

/// A line of execution that coroutines run on: a green thread, or an actor whose handler is a coroutine. One slice at a
/// time, on any worker.
///
/// S1. While a strand is suspended in a wait, exactly one party owns the right to schedule it: whoever wins the wait.
/// S2. `waiting_` names the wait from before it is published until it is over; only the strand writes it. Whoever wants
///     to use a wait from outside says so in `attention_`, takes `outside_` and reads `waiting_`; the strand, before it
///     destroys the wait, clears `waiting_` and looks at `attention_`, and if somebody is there it takes `outside_`
///     too. One of the two sees the other (AD1): strands wait often and are called off rarely, so the barrier is the
///     caller's. A wait whose cancel may take its time is pinned meanwhile, without the lock.
/// S3. The mark `cancelled` in `attention_` says whether waits are called off now: because the whole strand was told to
///     stop, or a region that it is in (`detail/cancel_region.hpp`). It changes under `outside_`: a strand that has
///     left a region waits in peace.
class strand : public job {
public:
  explicit strand(scheduler& home) noexcept : home_(&home) {}

  /// What runs it. Any thread.
  scheduler& home() const noexcept { return *home_; }

  /// What the list of live strands shows.
  virtual std::string describe() const = 0;

  /// The name that it was given; else what `describe` says. Any thread.
  virtual std::string name() const;

  /// The green thread or actor that it belongs to: itself, but for children of forks.
  virtual strand& root() noexcept { return *this; }

  /// Who sends what it sends, for the order of messages (C1): itself, but where it is a handler of an actor. What it
  /// has forked sends for this one too.
  virtual const void* sender() const noexcept { return this; }

  /// Keeps its memory beyond its end, and gives that up again: for errors that name it. Any thread that may touch it.
  virtual void keep() noexcept {}
  virtual void let_go() noexcept {}

  /// Whether it is an actor that has nothing to do; a moment's truth. Any thread.
  virtual bool waits_for_message() const noexcept { return false; }

  /// Ends this strand as soon as it comes to a point where it can be ended. Any thread.
  virtual void request_kill() noexcept = 0;

  /// True once it has been told to end. Any thread.
  virtual bool killed() const noexcept = 0;

  /// Its scheduler has ended while it was queued: ends it if it was killed or has to end as it is, so that whoever
  /// waits for it gets an answer.
  void abandoned() noexcept final {
    end_wait();
    if (killed() || must_end()) end_abandoned();
  }

  /// Gives it its next slice; only for whoever owns the right to (S1).
  void wake() noexcept { home_->schedule(*this); }

  /// Tells it from all others of its kind, for as long as the process lives. Any thread. Throws `std::bad_alloc`.
  virtual std::uint64_t id() const = 0;

  /// The same, 0 if it has no number yet: makes nothing. Any thread that may touch the strand.
  virtual std::uint64_t id_if_any() const noexcept {
    const strand_extras* x = extras_if_any();
    return x ? x->id : 0;
  }

  /// What only some strands have; made now if it was not. Any thread that may touch the strand. Throws
  /// `std::bad_alloc`.
  virtual strand_extras& extras() = 0;

  /// The same, null if it was never asked for.
  virtual strand_extras* extras_if_any() const noexcept = 0;

  /// Called in its own slice, before its first wait in the graph of waits (WG6): whoever waits for its result must be
  /// in there too.
  virtual void first_wait_in_graph() noexcept { has_waited_in_graph = true; }

  // --- for awaitables -------------------------------------------------------------------------------------------

  /// Announces a wait that can be cancelled; called before the wait is published. Cancels it at once if the strand has
  /// been told to stop.
  /// `holds_up`: whether a shutdown waits for this wait to end by itself.
  void begin_wait(wait_point& w, bool holds_up = true) noexcept {
    holds_up_.store(holds_up, relaxed);
    light_store(waiting_, &w);  // AD1: either this sees `cancelled`, or cancel_waits sees the wait
    if (attention_.load(seq_cst) & cancelled) [[unlikely]]
      call_off();
  }

  /// The wait is over; called when the strand is given its next slice, before anything of the wait is destroyed.
  void end_wait() noexcept {
    if (!waiting_.load(relaxed)) return;
    light_store<wait_point*>(waiting_, nullptr);
    if (attention_.load(seq_cst) != 0) [[unlikely]]
      await_outsiders();
  }

  /// Calls off the present wait, and all to come but those that are shielded. Any thread.
  void cancel_waits() noexcept;

  /// The two halves of that, for who calls off many: first all are marked, then comes one `heavy_barrier`, then all are
  /// called off.
  void mark_cancelled() noexcept;
  void call_off() noexcept;

  /// Tells it to stop: the same, and requests a stop of its token, whose callbacks run in this call. Any thread, which
  /// holds no lock that they take.
  void request_stop() noexcept;

  /// The token of `request_stop`. Throws `std::bad_alloc`. Any thread.
  std::stop_token stop_token();

  /// From now on it is told to stop when the other one is, too, until `stop_alone`. Throws `std::bad_alloc`. In its
  /// slice.
  void stop_with(strand& other);
  void stop_alone() noexcept;

  /// As if it had never been told to stop: what it was to stop is over. Tokens that were given out stay told, the next
  /// one is a fresh one. In its slice, out of all regions.
  void forget_stop() noexcept;

  /// What begins now has a token of its own: `stop_token` gives a fresh one, unless the strand was told to stop. In its
  /// slice.
  void renew_stop_token() noexcept;

  /// Calls `visit(const wait_point*)` with what it waits for, null if nothing; that cannot end before `visit` returns,
  /// which must be short. Any thread that keeps the strand from going.
  template <class Visit>
  void inspect_wait(Visit visit) {
    attention_.fetch_add(onlooker, seq_cst);
    heavy_barrier();
    {
      std::lock_guard guard(outside_);
      visit(static_cast<const wait_point*>(waiting_.load(seq_cst)));
    }
    attention_.fetch_sub(onlooker, release);  // pairs with the acquire of `end_wait`
  }

  /// True while it waits for something other than a message or the end of an actor; a moment's truth.
  bool waits() const noexcept { return waiting_.load(acquire) != nullptr && holds_up_.load(relaxed); }

  /// What it waits for, null if nothing. Only while nothing runs: for the report of a deadlock.
  const wait_point* present_wait() const noexcept { return waiting_.load(acquire); }

  /// True while its waits are called off: it was told to stop. Any thread.
  bool waits_cancelled() const noexcept { return (attention_.load(acquire) & cancelled) != 0; }

  /// Where to go on, set by `suspend_current`; null: at `first_coroutine`; or, marked by its low bit, the innermost
  /// fork that it is in, which knows.
  std::coroutine_handle<> resume_at;

  /// What to resume in the first slice, for a strand that had no coroutine when it was made; called in that slice.
  /// Null: it is over.
  virtual std::coroutine_handle<> first_coroutine() noexcept { return {}; }

protected:
  ~strand() = default;

  /// Waits are no longer called off, as if it had never been told to stop. In its slice, out of all regions.
  void forget_cancel() noexcept;

  /// Another scheduler is to run it. Before anyone else knows it.
  void move_to(scheduler& home) noexcept { home_ = &home; }

  /// Of one that its scheduler will not run any more, and that was not killed: whether there is an end that somebody
  /// waits for. One that has begun may stand for what has gone: it is left alone.
  virtual bool must_end() const noexcept = 0;
  /// Its end then, and that of one that was killed.
  virtual void end_abandoned() noexcept = 0;

  /// Ends what it has forked and the scopes that it is in; called in a slice once it has been killed, before its frames
  /// go. False if children still run: the last of them wakes it.
  bool abandon_forks() noexcept;

private:
  friend class strand_registry;
  friend class detail::cancel_region;

  static constexpr std::uint16_t cancelled = 1;
  static constexpr std::uint16_t onlooker = 2;

  void await_outsiders() noexcept;
  bool to_be_cancelled() const noexcept;
  void regions_changed() noexcept;

  scheduler* home_;
  atomic<wait_point*> waiting_{nullptr};         // null: no wait; S2
  strand_registry::block* listed_in_ = nullptr;  // R1; the registry's

protected:
  atomic<bool> holds_up_{true};  // of the present wait

private:
  spin_lock outside_;                   // S2, S3
  atomic<std::uint16_t> attention_{0};  // S2: `cancelled` while waits are called off; `onlooker` for each of those
  std::uint8_t place_in_list_ = 0;      // in listed_in_; the registry's
  bool told_to_stop_ : 1 = false;       // the whole strand; under outside_
  std::uint8_t pins_ : 7 = 0;           // who passes a cancel on now; under outside_
  std::uint8_t : 0;  // bits that stand together are one variable: those above are under outside_, those below its own

public:
  bool has_locals : 1 = false;           ///< whether it has task-local values, in its extras; its own
  bool has_waited_in_graph : 1 = false;  ///< whether it has ever waited in the graph of waits; its own

protected:
  bool forked_ : 1 = false;  // it is the child of a fork, whose fate is that of its root; never changes
};

template <class Visit>
void strand_registry::for_each(Visit visit) {
  for (shard& s : shards_) {
    std::lock_guard guard(s.lock);
    for (block* b = s.first; b; b = b->next) {
      // The mark sends those who would leave to the lock. Its release, when it goes, pairs with the acquire of theirs.
      const std::uint64_t used = b->used.fetch_or(block::visited, acquire);
      for (std::uint64_t left = s.present(*b, used); left != 0; left &= left - 1)
        visit(*b->strands[static_cast<unsigned>(std::countr_zero(left))]);
      b->used.fetch_and(~block::visited, release);
    }
  }
}

}  // namespace troupe
