#include <troupe/actors/runtime.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include <troupe/actors/detail/family.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;

/// Tells the core that the runtime and all of its threads have gone.
struct lease {
  explicit lease(detail::core& k) : core(&k) {}
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  ~lease() { core->runtime_gone(); }
  detail::core* core;
};

/// What holds for any scheduler. Before the first actor is made.
detail::core* furnished(detail::core* core, const runtime_options& options, std::shared_ptr<void>& runtime_lease) {
  runtime_lease = std::make_shared<lease>(*core);
  core->set_lease(runtime_lease);
  if (options.mailbox_memory != 0) core->set_budget(options.mailbox_memory, options.mailbox_overflow);
  if (options.measure) core->measure();
  if (options.count_queues) core->count_queues();
  return core;
}

detail::core* make_core(const runtime_options& options, std::shared_ptr<void>& runtime_lease) {
  if (!options.seed && (options.strategy.how != schedule_strategy::kind::random || options.record))
    throw troupe_error(errc::invalid_argument, "runtime_options: a strategy or a recording needs a seed");
  if (options.seed || options.scheduling == schedule::round_robin) {
    auto loop = std::make_shared<run_loop>(run_loop_options{options.seed, options.strategy, options.record});
    loop->roster()->set_blocking(options.blocking, options.name);
    run_loop* recorder = options.seed ? loop.get() : nullptr;
    return furnished(new detail::core(std::move(loop), recorder), options, runtime_lease);
  }
  auto pool = work_stealing_pool::start({.workers = options.workers,
                                         .name = options.name,
                                         .budget = options.budget,
                                         .quantum = options.quantum,
                                         .stand_ins = options.stand_ins,
                                         .cores = options.cores,
                                         .blocking = options.blocking,
                                         .watchdog = options.watchdog});
  work_stealing_pool& threads = *pool;
  auto* core = furnished(new detail::core(std::move(pool), nullptr), options, runtime_lease);
  threads.keep_alive(runtime_lease);
  return core;
}

}  // namespace

/// What the first call of `shutdown` has found. All under the mutex.
struct runtime::outcome {
  void begin() {
    std::lock_guard guard(mutex);
    by = std::this_thread::get_id();
  }
  void end(std::optional<shutdown_report> found) {
    {
      std::lock_guard guard(mutex);
      over = true;
      report = std::move(found);
    }
    known.notify_all();
  }

  std::mutex mutex;
  std::condition_variable known;
  std::thread::id by;
  bool over = false;
  std::optional<shutdown_report> report;  // none if it threw
};

runtime::runtime(runtime_options options)
    : outcome_(std::make_shared<outcome>()),
      core_(make_core(options, lease_)),
      exceptions_(std::uncaught_exceptions()) {
  if (run_loop* loop = core_->recorder()) replay_note_.emplace("seed " + loop->schedule().text());
}

runtime::~runtime() {
  // C12: whoever sees the exception must be able to have the run again.
  if (replay_note_ && std::uncaught_exceptions() > exceptions_) log_line("an exception ends a deterministic runtime");
  shutdown(10s);
  // That of another thread may take longer, and needs this object until then.
  if (!is_waited_for()) {
    std::unique_lock lock(outcome_->mutex);
    outcome_->known.wait(lock, [&] { return outcome_->over; });
  }
}

bool runtime::wait_idle(std::chrono::nanoseconds timeout) {
  return await_rest(deadline_after(scheduler().now(), timeout), timers::never);
}

void runtime::run_forever() {
  if (auto* loop = dynamic_cast<run_loop*>(&scheduler())) return loop->run_forever();
  if (core_->runs_caller()) throw troupe_error(errc::invalid_argument, "run_forever() on a thread of the runtime");
  if (kept_.exchange(true, acq_rel))
    throw troupe_error(errc::invalid_argument, "run_forever() while another thread is in it");
  stopped_.park();
  if (down_.load(acquire)) stopped_.unpark();  // nothing is left to wait for: the word stays for whoever comes later
  kept_.store(false, release);
}

void runtime::stop() noexcept {
  if (auto* loop = dynamic_cast<run_loop*>(&scheduler())) return loop->stop();
  stopped_.unpark();
}

std::uint64_t runtime::trace() const noexcept { return core_->recorder() ? core_->recorder()->trace() : 0; }

std::string runtime::recording() const { return core_->recorder() ? core_->recorder()->recording() : std::string(); }

std::vector<any_ref> runtime::all_actors() const {
  std::vector<any_ref> all;
  core_->scheduler().strands().for_each([&](strand& s) {
    if (auto* c = dynamic_cast<cell*>(&s)) all.emplace_back(c);
  });
  // In the order of their making: what happens next must not depend on where they lie in memory (C12).
  std::sort(all.begin(), all.end(), [](const any_ref& a, const any_ref& b) { return a.id() < b.id(); });
  return all;
}

any_ref runtime::find_actor(std::uint64_t id) const {
  any_ref found;
  core_->scheduler().strands().for_each([&](strand& s) {
    if (auto* c = dynamic_cast<cell*>(&s); c && c->id() == id) found = any_ref(c);
  });
  return found;
}

void runtime::kill_all() noexcept {
  for (const any_ref& a : all_actors()) a.kill();
  // What is left are green threads.
  scheduler().strands().for_each([](strand& s) {
    if (!dynamic_cast<cell*>(&s)) s.request_kill();
  });
}

namespace {

/// Nobody is left.
class all_ended final : public wait_condition {
public:
  explicit all_ended(scheduler& s) : scheduler_(&s) {}
  bool holds() const noexcept override { return scheduler_->strands().size() == 0; }
  void sleep_until(std::int64_t deadline) noexcept override {
    // Ends when the pool has come to rest, whether or not all have ended; then looks again after a moment.
    const std::int64_t moment = std::min(deadline, scheduler_->now() + 1'000'000);
    if (!scheduler_->wait_quiescent(moment)) return;
    if (!holds()) parker_.park(moment);
  }

private:
  scheduler* scheduler_;
  parker parker_;
};

/// What nobody tells of: looks now and then.
class looked_for : public wait_condition {
public:
  void sleep_until(std::int64_t deadline) noexcept final {
    parker_.park(std::min(deadline, scheduler_->now() + 1'000'000));
  }

protected:
  explicit looked_for(scheduler& s) : scheduler_(&s) {}
  ~looked_for() = default;

  scheduler* const scheduler_;

private:
  parker parker_;
};

/// Nobody waits for a reply or another future, and no thread beside the workers has anything to do. Answers may come
/// from outside.
class all_answered final : public looked_for {
public:
  all_answered(scheduler& s, const detail::core& k) : looked_for(s), core_(&k) {}
  bool holds() const noexcept override {
    bool waiting = false;
    scheduler_->strands().for_each([&](strand& s) { waiting = waiting || s.waits(); });
    const auto& roster = scheduler_->roster();
    return !waiting && !core_->awaits_replies() && roster->idle() && roster->helpers().at_rest();
  }

private:
  const detail::core* core_;
};

/// No thread of a single actor is at work.
class sides_rest final : public looked_for {
public:
  explicit sides_rest(scheduler& s) : looked_for(s), sides_(&s.roster()->sides()) {}
  bool holds() const noexcept override { return sides_->at_rest(); }

private:
  detail::thread_work* sides_;
};

}  // namespace

/// Waits until nothing is queued, runs or is due by `horizon`, here and on the threads of single actors. False at the
/// deadline, or on a thread of this runtime.
bool runtime::await_rest(std::int64_t deadline, std::int64_t horizon) {
  troupe::scheduler& s = scheduler();
  if (core_->runs_caller()) return false;
  const detail::thread_work& sides = s.roster()->sides();
  sides_rest condition(s);
  for (;;) {
    const std::uint64_t begun = sides.begun();
    const bool rested = sides.rested() == begun;
    if (!s.wait_quiescent(deadline, horizon)) return false;
    if (rested && sides.begun() == begun) return true;  // TR1: and so it was when the scheduler came to rest
    if (s.wait(condition, deadline) != troupe::scheduler::waited::held) return false;
  }
}

/// Waits until nothing is queued, runs, is due by the deadline, or waits for a reply.
void runtime::await_quiescence(std::int64_t deadline) {
  troupe::scheduler& s = scheduler();
  const detail::thread_work& helpers = s.roster()->helpers();
  all_answered condition(s, *core_);
  for (;;) {
    const std::uint64_t begun = helpers.begun();
    const bool rested = helpers.rested() == begun;
    if (!await_rest(deadline, deadline)) return;
    // TR1: none of them has sent anything, and gone idle, behind the moment of rest.
    if (rested && condition.holds() && helpers.begun() == begun) return;
    if (s.wait(condition, deadline) != troupe::scheduler::waited::held) return;
  }
}

void runtime::await_ends(std::int64_t deadline) {
  if (core_->runs_caller()) return;  // it would wait for itself
  all_ended condition(scheduler());
  scheduler().wait(condition, deadline);
}

shutdown_report runtime::shutdown(std::chrono::nanoseconds timeout) {
  if (down_.exchange(true, acq_rel)) return report_again(timeout);
  const std::shared_ptr<outcome> found = outcome_;
  found->begin();
  try {
    shutdown_report report = shut_down(timeout);
    stop();
    found->end(
        report);  // as the last step, and not in this object: whoever waits for it may go on to destroy the runtime
    return report;
  } catch (...) {
    found->end(std::nullopt);
    throw;
  }
}

/// Whether the first call of `shutdown` may wait for the calling thread, so that this must not wait for it.
bool runtime::is_waited_for() const {
  if (core_->runs_caller() || scheduler().roster()->includes_caller()) return true;
  std::lock_guard guard(outcome_->mutex);
  return !outcome_->over && outcome_->by == std::this_thread::get_id();
}

shutdown_report runtime::report_again(std::chrono::nanoseconds timeout) {
  outcome& first = *outcome_;
  const bool waits = !is_waited_for();
  {
    std::unique_lock lock(first.mutex);
    const auto is_over = [&] { return first.over; };
    if (waits) first.known.wait_for(lock, std::min<std::chrono::nanoseconds>(timeout, 8760h), is_over);
    if (first.report) return *first.report;
  }
  shutdown_report so_far{who_is_alive()};
  so_far.stuck.push_back({"the thread in shutdown()", {}, {}});
  return so_far;
}

std::vector<stuck_actor> runtime::who_is_alive() const {
  std::vector<stuck_actor> alive;
  const std::vector<worker_info> workers = scheduler().inspect();
  scheduler().strands().for_each([&](strand& left) {
    stuck_actor stuck{left.describe(), {}, {}};
    for (const worker_info& w : workers) {
      if (w.subject != &left) continue;
      stuck.handler = w.detail;
      stuck.since = w.since;
    }
    alive.push_back(std::move(stuck));
  });
  return alive;
}

shutdown_report runtime::shut_down(std::chrono::nanoseconds timeout) {
  troupe::scheduler& s = scheduler();
  const std::int64_t start = s.now();
  const std::int64_t deadline = deadline_after(start, timeout);
  // A part of the time is kept for closing and a part for killing what does not end by itself.
  const auto part = [&](std::int64_t tenths) { return deadline_after(start, timeout / 10 * tenths); };

  s.end_periodic_calls();
  s.roster()->request_stop();
  for (const any_ref& a : all_actors()) {
    if (a.get_cell()->is_source()) a.get_cell()->close(exit_kind::shutdown);
  }
  await_quiescence(part(7));
  // Children are closed by their parents, before these end.
  const std::vector<any_ref> all = all_actors();
  std::for_each(all.rbegin(), all.rend(), [](const any_ref& a) {
    if (!a.get_cell()->place()) a.get_cell()->close(exit_kind::shutdown);
  });
  await_rest(part(8), part(8));
  core_->go_down();
  s.end_spawning();
  if (s.strands().size() != 0) {
    kill_all();
    await_ends(part(9));
  }

  shutdown_report report{who_is_alive()};
  for (std::string& name : s.roster()->end(part(9))) report.stuck.push_back({"thread " + std::move(name), {}, {}});
  if (replay_note_ && !report.clean() && !core_->recorder()->exhausted())
    log_line(fmt::format("a shutdown left {} alive", report.stuck.size()));
  core_->drop_services();
  if (!s.stop(deadline) || s.roster()->left_behind()) core_->give_up();
  return report;
}

}  // namespace troupe
