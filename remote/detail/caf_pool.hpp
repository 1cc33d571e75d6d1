#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <caf/attachable.hpp>
#include <caf/execution_unit.hpp>
#include <caf/logger.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <troupe/base/atomic.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/remote/detail/caf_clock.hpp>
#include <troupe/scheduler/scheduler.hpp>

namespace troupe::detail {

/// A thread that spawns an actor holds the logger of the system from then on, and a system's destructor waits until
/// nobody does: on CAF's own threads until they end. A worker outlives systems, so it lets go of it after each slice.
struct caf_logger_guard {
  caf_logger_guard() = default;
  caf_logger_guard(const caf_logger_guard&) = delete;
  caf_logger_guard& operator=(const caf_logger_guard&) = delete;
  ~caf_logger_guard() {
    if (caf::logger::current_logger()) caf::logger::set_current_actor_system(nullptr);
  }
};

/// The scheduler of a CAF system that has no threads: what CAF wants to run is run by a scheduler of Troupe's.
///
/// CP1. Each time that CAF wants a resumable to run, it is one job until it has nothing more to do. CAF says so once,
///     to whoever has woken it, and gives a reference, which goes with the job (J1).
/// CP2. `begun` counts jobs, by whoever makes them, before anyone sees them; `ended` by whoever ends them, as the last
///     that he does to the pool. Each set of counters has a single writer, but for that of threads from outside.
///     Whoever reads all of `ended` (acquire, with the release of who ends), then all of `begun`, and finds the sums
///     equal, knows that there was no job between the two.
/// CP3. An actor is listed from its first slice here to its end. The lock of its list is taken by that end, so that
///     under it the memory of whoever is listed is there.
class caf_pool final : public caf::scheduler::abstract_coordinator {
public:
  caf_pool(caf::actor_system& system, troupe::scheduler& s);
  ~caf_pool() override;

  void enqueue(caf::resumable* what) override { submit(*what); }
  caf::actor_clock& clock() noexcept override { return clock_; }
  bool detaches_utility_actors() const override { return false; }
  void start() override;
  /// The last that CAF does with it: no actor is alive, or those that are will not run any more.
  void stop() override;

  /// Makes a job of it, and takes over a reference to it. Any thread.
  void submit(caf::resumable& what) noexcept;

  /// True if no job of it is queued or running. Any thread.
  bool at_rest() const noexcept;

  /// Calls `f(caf::strong_actor_ptr&)` with each actor that is alive and has run here, but for CAF's own. Any thread.
  template <class F>
  void for_each_actor(F f);

  /// Ends them by `caf::exit_reason::kill`. Any thread.
  void kill_all();

  /// Waits until no thread but the caller's holds the system's logger: see `caf_logger_guard`. False if one does at the
  /// deadline (nanoseconds of the scheduler's clock), so that the destructor of the system would wait for it.
  bool await_loggers(std::int64_t deadline);

private:
  class unit final : public caf::execution_unit {
  public:
    explicit unit(caf_pool& pool) : execution_unit(&pool.system()), pool_(&pool) {}
    void exec_later(caf::resumable* what) override { pool_->submit(*what); }

  private:
    caf_pool* pool_;
  };

  class resume_job final : public job, public pooled {
  public:
    resume_job(caf_pool& p, caf::resumable& w) noexcept : pool(&p), what(&w) {}
    void run() noexcept override { pool->run(*this); }
    void abandoned() noexcept override { pool->abandon(*this); }

    caf_pool* pool;
    caf::resumable* what;
  };

  class listed;

  /// The state of one thread of the scheduler.
  struct alignas(cache_line) place {
    atomic<std::uint64_t> begun{0}, ended{0};  // CP2
    spin_lock lock;
    intrusive_list<listed> actors;  // CP3
  };

  /// In the list of the thread that gave an actor its first slice.
  class listed final : public caf::attachable, public list_hook<> {
  public:
    listed(place& p, caf::abstract_actor& a) noexcept;
    ~listed() override { leave(); }
    void actor_exited(const caf::error&, caf::execution_unit*) override { leave(); }

    caf::abstract_actor& who;

  private:
    void leave() noexcept;
    place& place_;
  };

  bool await_rest();
  std::size_t index_here() const noexcept;
  void count_here(atomic<std::uint64_t> place::*which) noexcept;
  void run(resume_job& j) noexcept;
  void finish(resume_job& j) noexcept;
  void abandon(resume_job& j) noexcept;
  void end_by_force(caf::resumable& what) noexcept;
  void list_if_new(caf::resumable& what, place& here);
  std::vector<caf::strong_actor_ptr> actors_at(place& p);

  troupe::scheduler* home_;
  caf_clock clock_;
  std::vector<unit> units_;       // of each worker, and one for all other threads
  std::vector<place> places_;     // the same
  atomic<bool> stopping_{false};  // what is queued is ended in place of being run: false -> true, guards nothing

  spin_lock abandoned_lock_;
  std::vector<resume_job*> abandoned_;  // by a scheduler that has ended; under the lock, as is the next
  bool abandoning_ = false;
};

template <class F>
void caf_pool::for_each_actor(F f) {
  for (place& p : places_)
    for (caf::strong_actor_ptr& a : actors_at(p)) f(a);
}

}  // namespace troupe::detail
