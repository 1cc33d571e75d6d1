// The work-stealing pool.
//
// Where jobs stand: each worker has a LIFO slot and a ring (worker.hpp); all share an injection queue for jobs that
// come from outside the pool or overflow a ring. A worker takes from its slot, its ring, the injection queue (a share
// at once; every 61st slice one job before all others, so that they do not starve), then steals, then sleeps. A thief
// looks at the rings first, then at the deques of forks (detail/fork_record.hpp), which are parts of the slice that
// runs there. The shape is Tokio's (tokio.rs/blog/2019-10-scheduler).
//
// The idle protocol:
// I1. `injected` counts jobs in the injection queue and in `lone`. It is raised before a job is put in and lowered
//     after one is taken out: zero means that there is none.
// I2. A worker that goes to sleep puts itself on the list of sleepers and raises `sleeping` (seq_cst), then looks once
//     more at all queues, then parks. An injector raises `injected` (seq_cst), then looks at `sleeping`. One of the
//     two sees the other: a job that is injected is never slept over.
// I3. A job pushed on a worker's own ring is announced with a plain look at `sleeping`. That look may miss a worker
//     which falls asleep at that moment; the job is not lost, for its owner is awake, looks again at every slice, and
//     while it is stuck the housekeeper looks for it. The same goes for what is made public in a worker's deque of
//     forks.
// I4. Nobody is woken while `searching` is above zero: injectors rely on the searcher. The last searcher that finds
//     work wakes the next if there is more, so that wake-ups spread only while there is work: it lowers `searching`,
//     then looks at all queues, as in I2. A worker whose second look finds some counts as a searcher again, for it was
//     relied on until it announced its sleep.
// I5. The timers have a sleeper: the first worker to park takes that role and parks until the next deadline. Awake
//     workers look at the timers every 61 slices, the housekeeper does while all are busy. A worker fires no more at a
//     time than its ring has room for, so that what they wake runs in the order of their deadlines. A job that a timer
//     woke alone stays in the slot, as any that was woken last (W1): nobody else is woken for it.
// I6. The housekeeper ticks every 10 ms while anything runs, and sleeps without a deadline once all are parked and
//     nothing has run for a tick. It announces its sleep and then looks at `sleeping`; whoever lowers `sleeping`, the
//     worker itself or its waker, then looks for the housekeeper (both seq_cst). The waker does it after the wake-up:
//     the worker has something better to do. So does whoever raises `active` for a new thread.
// I7. `workers` has room for stand-ins behind the workers proper. Threads have been started for the first `started` of
//     them; `active` are at work, awake or asleep, the others wait in `reserve`. When a worker blocks, by its own
//     account or because the housekeeper saw it, one more becomes active; when it goes on, `surplus` is raised, and the
//     next stand-in that comes by takes that as its word to go into the reserve.
// I8. Once all threads have ended, `ended_for_good` is set and then the injection queue is emptied until `injected` is
//     zero. An injector raises `injected` and then looks at `ended_for_good` (all seq_cst): either he sees it, and
//     gives the job back, or the job is seen.
// I9. What sleeping threads have at hand of the memory pool may hold far more: a slab for each block. When a burst has
//     left slabs that are hardly used, the housekeeper, before it sleeps, asks each worker that has run since the last
//     time to give back what it has, by `tidy_` and a wake-up. The worker stays on the list of sleepers meanwhile: a
//     waker that takes it off the list is seen under its lock, a new deadline is read anew, and a wake-up that comes
//     after those looks makes its next sleep end at once (U1).
// I10. A job that is injected while there is no other stands in `lone` instead of the queue, beside `injected`: who
//     finds it fetches one cache line, and none of the queue's. Only the injector who has raised `injected` from zero
//     writes there: until his job is taken out and `injected` lowered, nobody else raises it from zero. Others who
//     raise it from zero put nothing there.

#include <troupe/scheduler/work_stealing_pool.hpp>

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <troupe/base/epoch.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/log.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/detail/pool_state.hpp>
#include <troupe/scheduler/detail/watchdog.hpp>

namespace troupe {

using detail::tick_ns;

namespace {

constexpr unsigned fairness_interval = 61;  // slices between looks at the injection queue and the timers
constexpr unsigned longest_streak = 16;     // slices from the LIFO slot in a row while others wait
constexpr std::size_t largest_share = 32;   // of the injected jobs, taken at once
constexpr unsigned search_rounds = 192;     // with a pause of 10 to 70 ns each: below 20 us (C7)

/// Keeps the calling thread on those cores.
void pin_this_thread(const std::vector<unsigned>& cores) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned core : cores) CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

std::vector<unsigned> usable_cores() {
  std::vector<unsigned> cores;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (unsigned core = 0; core != CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &set)) cores.push_back(core);
  } else {
    for (unsigned core = 0; core != std::max(1U, std::thread::hardware_concurrency()); ++core) cores.push_back(core);
  }
  return cores;
}

std::shared_ptr<work_stealing_pool> work_stealing_pool::start(pool_options options) {
  const std::vector<unsigned> usable = usable_cores();
  if (options.workers == 0) options.workers = static_cast<unsigned>(usable.size());
  if (options.workers > 1024)
    throw troupe_error(errc::invalid_argument, fmt::format("{} workers: at most 1024", options.workers));
  if (options.budget == 0) throw troupe_error(errc::invalid_argument, "the budget of a slice must be at least 1");
  for (unsigned core : options.cores) {
    if (std::find(usable.begin(), usable.end(), core) == usable.end())
      throw troupe_error(errc::invalid_argument, fmt::format("core {} is not among those that may be used", core));
  }
  std::shared_ptr<work_stealing_pool> pool(new work_stealing_pool(std::move(options)));
  state& s = *pool->state_;
  pool->roster()->set_blocking(s.options.blocking, s.options.name);
  try {
    auto keeper = detail::thread_roster::add(pool->roster(), s.options.name + "/keeper", thread_role::housekeeper);
    s.threads.emplace_back([pool, listed = std::move(keeper)] {
      listed->sign();
      pool->keep_house();
    });
    std::lock_guard guard(s.idle_mutex);
    for (unsigned i = 0; i != s.options.workers; ++i) pool->start_thread(*s.workers[i]);
  } catch (...) {  // no more threads: those that have started must not wait for ever
    pool->stop(timers::never);
    throw;
  }
  return pool;
}

work_stealing_pool::work_stealing_pool(pool_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  const unsigned all = state_->options.workers + state_->options.stand_ins;
  for (unsigned i = 0; i != all; ++i) {
    state_->workers.push_back(std::make_unique<worker>(*this, i, fmt::format("{}/{}", state_->options.name, i), true));
    state_->workers.back()->stand_in_ = i >= state_->options.workers;
    state_->workers.back()->set_budget(state_->options.budget);
    state_->workers.back()->set_quantum(state_->options.quantum);
  }
  state_->watchdog = std::make_unique<detail::watchdog>(state_->options.watchdog, all);
  state_->sleepers.reserve(all);
  state_->reserve.reserve(all);
}

work_stealing_pool::~work_stealing_pool() {
  for (std::thread& t : state_->threads) {
    if (t.joinable()) t.detach();  // only one that could not be stopped, and it is the last to hold the pool
  }
}

void work_stealing_pool::keep_alive(std::shared_ptr<void> what) {
  std::lock_guard guard(state_->idle_mutex);
  state_->keep_alive = std::move(what);
}

unsigned work_stealing_pool::size() const noexcept { return state_->options.workers; }
unsigned work_stealing_pool::capacity() const noexcept { return static_cast<unsigned>(state_->workers.size()); }

// --- queues --------------------------------------------------------------------------------------------------------

void worker::push(job& j) noexcept {
  auto& pool = static_cast<work_stealing_pool&>(*owner_);
  if (!ring_.push(j)) {
    ring_.overflow([&](job& old) { pool.inject(old); });
    if (!ring_.push(j)) pool.inject(j);
  }
  pool.notify_if_idle();
}

[[gnu::noinline]] void worker::offer_next() noexcept {
  const auto& s = *static_cast<work_stealing_pool&>(*owner_).state_;
  if (s.active.load(relaxed) == 1) return;
  if (job* j = next_.exchange(nullptr, acq_rel)) push(*j);
}

bool worker::extend_slice(std::int64_t& begun) noexcept {
  if (quantum_ == 0) return false;
  const std::int64_t now = owner_->now();
  const std::int64_t looked = std::exchange(looked_, now);
  looked_lately_ = true;
  if (begun == 0) {
    begun = now;
    may_last_ = quantum_;
    if (looked != 0) may_last_ = std::max(quantum_, std::min(2 * (now - looked), 2 * tick_ns));
  }
  if (now - begun >= may_last_) return false;
  if (static_cast<work_stealing_pool&>(*owner_).timers_.next() > now) return true;
  tick_ = fairness_interval - 1;  // a timer is due: the next look is at those
  return false;
}

bool worker::may_stay() noexcept {
  if (!has_queue_ || next_.load(relaxed) || !ring_.empty()) return false;
  auto& pool = static_cast<work_stealing_pool&>(*owner_);
  if (pool.state_->injected.load(relaxed) != 0 || pool.state_->stopping.load(relaxed)) return false;
  if (tick_ + 1 >= fairness_interval) return false;  // the loop looks at the timers
  ++tick_;
  bump(slices_);
  if (forks_.has_public()) announce();  // I3
  return true;
}

void worker::announce() noexcept { static_cast<work_stealing_pool&>(*owner_).notify_if_idle(); }

worker_info worker::inspect(std::int64_t lasts) const {
  worker_info info{name_, nullptr, {}, {}};
  if (!running_.load(relaxed)) return info;
  info.subject = subject_.load(relaxed);
  if (const char* detail = detail_.load(relaxed)) info.detail = detail;
  info.since = std::chrono::nanoseconds(lasts);
  return info;
}

void work_stealing_pool::inject(job& j) noexcept {
  state& s = *state_;
  const bool alone = s.injected.fetch_add(1, seq_cst) == 0;
  if (s.ended_for_good.load(seq_cst)) [[unlikely]] {  // I8
    s.injected.fetch_sub(1, seq_cst);
    return j.abandoned();
  }
  if (alone) {
    s.lone.store(&j, release);  // hands the job to `take_lone`
  } else if (!s.injection.enqueue(&j)) {
    log_line("out of memory: a job cannot be queued");
    std::terminate();
  }
  notify_if_idle();
}

/// For one who lowers `injected` next.
job* work_stealing_pool::take_lone() noexcept {
  atomic<job*>& lone = state_->lone;
  return lone.load(relaxed) ? lone.exchange(nullptr, acquire) : nullptr;
}

job* work_stealing_pool::take_injected() noexcept {
  state& s = *state_;
  if (s.injected.load(relaxed) == 0) return nullptr;
  job* j = take_lone();
  if (!j && !s.injection.try_dequeue(j)) return nullptr;
  s.injected.fetch_sub(1, seq_cst);
  return j;
}

/// For a worker whose ring is empty: its share of the injected jobs. The first is to be run, the others wait in its
/// ring, where thieves see them.
job* work_stealing_pool::take_share(worker& self) noexcept {
  state& s = *state_;
  const std::size_t there = s.injected.load(relaxed);
  if (there == 0) return nullptr;
  job* share[largest_share];
  const std::size_t wanted = std::min<std::size_t>(there / (s.active.load(relaxed) + 1) + 1, largest_share);
  std::size_t n = 0;
  if (job* j = take_lone()) share[n++] = j;
  if (n != wanted) n += s.injection.try_dequeue_bulk(share + n, wanted - n);
  if (n == 0) return nullptr;
  for (std::size_t i = 1; i != n; ++i) {
    if (!self.ring_.push(*share[i])) inject(*share[i]);  // thieves are slow to leave
  }
  s.injected.fetch_sub(n, seq_cst);
  return share[0];
}

/// Every now and then: what does not come by itself.
[[gnu::noinline]] job* work_stealing_pool::look_around(worker& self) noexcept {
  self.tick_ = 0;
  if (!std::exchange(self.looked_lately_, false)) self.looked_ = 0;
  poll_timers(self);
  return take_injected();
}

/// When slot and ring are empty.
[[gnu::noinline]] job* work_stealing_pool::own_last_job(worker& self) noexcept {
  if (self.timers_left_) {
    poll_timers(self);
    if (self.next_.load(relaxed)) {
      if (job* j = self.next_.exchange(nullptr, acq_rel)) return j;
    }
    if (job* j = self.ring_.pop()) return j;
  }
  return take_share(self);
}

job* work_stealing_pool::next_job(worker& self) noexcept {
  if (++self.tick_ >= fairness_interval) [[unlikely]] {
    if (job* j = look_around(self)) return j;
  }
  if (self.next_.load(relaxed)) {
    if (++self.streak_ > longest_streak && self.ring_.empty() && state_->injected.load(relaxed) == 0) self.streak_ = 0;
    job* j = self.next_.exchange(nullptr, acq_rel);
    if (j && self.streak_ <= longest_streak) return j;
    if (j) self.push(*j);
  }
  self.streak_ = 0;
  if (job* j = self.ring_.pop()) return j;
  return own_last_job(self);
}

bool work_stealing_pool::visible_work() const noexcept {
  const state& s = *state_;
  if (s.injected.load(seq_cst) != 0) return true;
  const auto end = s.workers.begin() + s.started.load(acquire);
  return std::any_of(s.workers.begin(), end, [](auto& w) { return !w->ring_.empty() || w->forks_.has_public(); });
}

job* work_stealing_pool::search(worker& self) noexcept {
  state& s = *state_;
  const std::size_t n = s.started.load(acquire);
  if (!self.searching_) {
    if (2 * s.searching.load(relaxed) > s.active.load(relaxed)) return nullptr;  // half of the workers is enough
    s.searching.fetch_add(1, seq_cst);
    self.searching_ = true;
  }
  job* found = nullptr;
  // Where there are more to look at, each round takes longer.
  const std::size_t rounds = search_rounds / (1 + n / 8);
  for (std::size_t round = 0; !found && round < rounds && !s.stopping.load(relaxed); ++round) {
    found = take_share(self);
    for (std::size_t i = 1; !found && i < n; ++i)
      found = s.workers[(self.index_ + i) % n]->ring_.steal_into(self.ring_);
    for (std::size_t i = 1; !found && i < n; ++i) {
      if (detail::fork_child* c = s.workers[(self.index_ + i) % n]->forks_.steal())
        found = &detail::fork_record::adopt(*c);
    }
    if (!found) cpu_relax();
  }
  return found;
}

void work_stealing_pool::end_search(worker& self, bool found) noexcept {
  self.searching_ = false;
  // A searcher that gives up looks once more before it sleeps (I2); one that found work passes the search on (I4).
  if (state_->searching.fetch_sub(1, seq_cst) == 1 && found && visible_work()) notify_if_idle();
}

// --- the worker's loop ---------------------------------------------------------------------------------------------

void work_stealing_pool::run_slice(worker& self, job& j) noexcept {
  bump(self.slices_);
  self.running_.store(true, relaxed);
  if (state_->sleeping.load(relaxed) != 0 && !self.ring_.empty()) [[unlikely]]
    notify_if_idle();  // I3
  j.run();
  self.running_.store(false, relaxed);
  if (self.stood_in_for_.load(relaxed) && self.stood_in_for_.exchange(false, acq_rel)) spare_stand_in();
}

void work_stealing_pool::work(worker& self) noexcept {
  state& s = *state_;
  while (!s.stopping.load(acquire)) {
    // I4: others rely on a searcher, so it looks first.
    if (self.stand_in_ && !self.searching_ && s.surplus.load(relaxed) != 0 && retire(self)) continue;
    job* j = next_job(self);
    if (!j) j = search(self);
    if (self.searching_) end_search(self, j != nullptr);
    if (j)
      run_slice(self, *j);
    else
      sleep(self);
  }
  thread_ended();
}

void work_stealing_pool::thread_ended() noexcept {
  state& s = *state_;
  std::shared_ptr<void> last;  // what is kept alive may hold the pool in turn
  bool nobody_waits = false;
  {
    std::lock_guard guard(s.idle_mutex);
    if (++s.ended == s.started.load(relaxed) + 1) {
      last = std::move(s.keep_alive);
      nobody_waits = s.left_behind;
    }
    s.became_idle.notify_all();
  }
  if (nobody_waits) abandon_jobs();
}

void work_stealing_pool::sleep(worker& self) noexcept {
  state& s = *state_;
  {
    std::lock_guard guard(s.idle_mutex);
    s.sleepers.push_back(&self);
    s.sleeping.fetch_add(1, seq_cst);
  }
  const auto leave = [&] {
    std::lock_guard guard(s.idle_mutex);
    const auto i = std::find(s.sleepers.begin(), s.sleepers.end(), &self);
    if (i == s.sleepers.end()) {
      self.searching_ = true;  // a notifier took this worker off the list, counted it as a searcher and unparked it
      return false;
    }
    s.sleepers.erase(i);
    s.sleeping.fetch_sub(1, seq_cst);
    return true;
  };
  const bool work_came = visible_work();
  if (!work_came && !s.stopping.load(seq_cst)) {
    {
      std::lock_guard guard(s.idle_mutex);
      if (s.quiescence_waiters != 0 && s.sleepers.size() == s.active.load(relaxed)) s.became_idle.notify_all();
    }
    worker* nobody = nullptr;
    const bool keeps_time = s.timekeeper.compare_exchange_strong(nobody, &self, seq_cst);
    do self.parker_.park(keeps_time ? timers_.next() : parker::forever);
    while (tidies(self));
    if (keeps_time) s.timekeeper.store(nullptr, seq_cst);
  }
  if (leave()) wake_housekeeper();
  if (work_came && !self.searching_) {
    s.searching.fetch_add(1, seq_cst);
    self.searching_ = true;
  }
  self.looked_ = now();
  self.looked_lately_ = true;
  poll_timers(self);
}

void work_stealing_pool::poll_timers(worker& self) noexcept {
  constexpr std::uint32_t room = decltype(self.ring_)::capacity / 2;
  constexpr std::uint32_t least = 8;
  self.timers_left_ = false;
  if (timers_.next() == timers::never) return;
  const std::int64_t at = now();
  if (timers_.next() > at) return;
  timers_.fire_due(at, std::max(room - std::min(room, self.ring_.size()), least));
  // The job woken last stands in the slot (W1), before those that were due earlier. One that comes alone stays there
  // and runs next: nobody is woken to steal it.
  if (!self.ring_.empty() || state_->injected.load(relaxed) != 0) {
    if (job* last = self.next_.exchange(nullptr, acq_rel)) self.push(*last);
  }
  self.timers_left_ = timers_.next() <= at;
}

/// The housekeeper's way.
void work_stealing_pool::poll_timers() noexcept {
  if (timers_.next() == timers::never) return;
  const std::int64_t at = now();
  if (timers_.next() <= at) timers_.fire_due(at);
}

// --- waking --------------------------------------------------------------------------------------------------------

void work_stealing_pool::notify_if_idle() noexcept {
  state& s = *state_;
  if (s.sleeping.load(seq_cst) != 0 && s.searching.load(seq_cst) == 0) notify();
}

void work_stealing_pool::notify() noexcept {
  state& s = *state_;
  worker* sleeper = nullptr;
  {
    std::lock_guard guard(s.idle_mutex);
    if (s.sleepers.empty()) return;
    sleeper = s.sleepers.back();  // the one that sleeps shortest: its caches are the warmest
    s.sleepers.pop_back();
    s.sleeping.fetch_sub(1, seq_cst);
    s.searching.fetch_add(1, seq_cst);
  }
  sleeper->parker_.unpark();
  wake_housekeeper();
}

void work_stealing_pool::wake_housekeeper() noexcept {
  if (state_->housekeeper_sleeps.load(seq_cst)) state_->housekeeper.unpark();
}

void work_stealing_pool::arm(timer& t, std::int64_t deadline) {
  if (!timers_.arm(t, deadline)) return;
  // Earlier than the sleeper knows (I5): let it look again. An awake worker will look by itself.
  worker* keeper = state_->timekeeper.load(seq_cst);
  if (keeper && keeper != current_worker()) keeper->parker_.unpark();
}

// --- stand-ins (I7) ------------------------------------------------------------------------------------------------

/// Expects idle_mutex to be held, and `w` to be the first without a thread. Throws `std::system_error`.
void work_stealing_pool::start_thread(worker& w) {
  state& s = *state_;
  auto entry =
      detail::thread_roster::add(roster(), w.name(), w.stand_in_ ? thread_role::stand_in : thread_role::worker);
  s.threads.emplace_back([pool = shared_from_this(), self = &w, listed = std::move(entry)] {
    self->thread_id_.store(gettid(), relaxed);
    listed->sign();
    const std::vector<unsigned>& cores = pool->state_->options.cores;
    if (!cores.empty()) pin_this_thread(self->stand_in_ ? cores : std::vector{cores[self->index() % cores.size()]});
    detail::this_worker = self;
    pool->work(*self);
    detail::this_worker = nullptr;
  });
  s.started.fetch_add(1, release);
  s.active.fetch_add(1, seq_cst);
  wake_housekeeper();  // not all are parked any more
}

/// One more worker for one that blocks. False if all stand-ins are at it.
bool work_stealing_pool::add_stand_in() noexcept {
  state& s = *state_;
  worker* from_reserve = nullptr;
  {
    std::lock_guard guard(s.idle_mutex);
    if (s.stopping.load(relaxed)) return true;
    if (s.surplus.load(relaxed) != 0) {  // one that was about to go stays
      s.surplus.fetch_sub(1, relaxed);
      return true;
    }
    if (s.reserve.empty()) {
      const unsigned started = s.started.load(relaxed);
      if (started == s.workers.size()) return false;
      try {
        start_thread(*s.workers[started]);
        return true;
      } catch (const std::exception& e) {
        log_line(fmt::format("no thread to stand in for a blocked worker: {}", e.what()));
        return false;
      }
    }
    from_reserve = s.reserve.back();
    s.reserve.pop_back();
    s.active.fetch_add(1, seq_cst);
  }
  from_reserve->parker_.unpark();
  return true;
}

void work_stealing_pool::spare_stand_in() noexcept {
  std::lock_guard guard(state_->idle_mutex);
  state_->surplus.fetch_add(1, relaxed);
}

/// Between slices, by a stand-in: waits in the reserve if there are more active workers than there should be.
bool work_stealing_pool::retire(worker& self) noexcept {
  state& s = *state_;
  if (job* j = self.next_.exchange(nullptr, acq_rel)) inject(*j);
  while (job* j = self.ring_.pop()) inject(*j);
  {
    std::lock_guard guard(s.idle_mutex);
    if (s.surplus.load(relaxed) == 0) return false;
    s.surplus.fetch_sub(1, relaxed);
    s.active.fetch_sub(1, seq_cst);
    s.reserve.push_back(&self);
    if (s.quiescence_waiters != 0 && s.sleepers.size() == s.active.load(relaxed)) s.became_idle.notify_all();
  }
  const auto in_reserve = [&] {
    std::lock_guard guard(s.idle_mutex);
    return std::find(s.reserve.begin(), s.reserve.end(), &self) != s.reserve.end();
  };
  do {
    self.parker_.park();
    tidy(self);
  } while (!s.stopping.load(acquire) && in_reserve());
  return true;
}

bool work_stealing_pool::begin_blocking() noexcept {
  worker& self = *current_worker();
  if (!add_stand_in()) return false;
  self.says_it_blocks_.store(true, relaxed);
  if (job* j = self.next_.exchange(nullptr, acq_rel)) self.push(*j);  // thieves take from the ring only
  self.forks_.publish_all();
  return true;
}

void work_stealing_pool::end_blocking() noexcept {
  current_worker()->says_it_blocks_.store(false, relaxed);
  spare_stand_in();
}

// --- waiting and stopping ------------------------------------------------------------------------------------------

namespace {

/// It takes longer to put a thread to sleep and to wake it than a worker needs for most answers: whoever waits looks
/// for them for a moment first, within what C7 grants, as folly's Baton does. On one processor nothing would come
/// meanwhile.
bool comes_soon(const wait_condition& condition, std::int64_t deadline) noexcept {
  constexpr std::int64_t moment_ns = 20'000;
  static const bool alone = usable_cores().size() == 1;
  const std::int64_t begun = steady_now();
  if (alone || !condition.worth_watching() || deadline <= begun) return false;
  const std::int64_t until = std::min(deadline, begun + moment_ns);
  do {
    for (unsigned i = 0; i != 8; ++i) {
      cpu_relax();
      if (condition.holds()) return true;
    }
  } while (steady_now() < until);
  return false;
}

}  // namespace

scheduler::waited work_stealing_pool::wait(wait_condition& condition, std::int64_t deadline) {
  const bool own = current_worker() && &current_worker()->owner() == this;
  if (condition.holds()) return waited::held;
  if (own && !begin_blocking()) return waited::refused;
  bool held = !own && comes_soon(condition, deadline);  // once it has: what comes next may end that again
  while (!held && !(held = condition.holds()) && now() < deadline) condition.sleep_until(deadline);
  if (own) end_blocking();
  return held || condition.holds() ? waited::held : waited::timeout;
}

bool work_stealing_pool::wait_quiescent(std::int64_t deadline, std::int64_t horizon) {
  state& s = *state_;
  worker* w = current_worker();
  if (w && &w->owner() == this) return false;
  std::unique_lock lock(s.idle_mutex);
  ++s.quiescence_waiters;
  const auto quiescent = [&] {
    return s.sleepers.size() == s.active.load(relaxed) && timers_.none_awaited(horizon) &&
           s.injected.load(seq_cst) == 0;
  };
  bool reached = quiescent();
  while (!reached && now() < deadline) {
    // A timer that is cancelled from outside wakes nobody: look again now and then, for as long as somebody waits here.
    const std::int64_t until = std::min(deadline, now() + tick_ns);
    s.became_idle.wait_for(lock, std::chrono::nanoseconds(until - now()));
    reached = quiescent();
  }
  --s.quiescence_waiters;
  return reached;
}

bool work_stealing_pool::stop(std::int64_t deadline) {
  state& s = *state_;
  // A tenth of the time is the workers'.
  const std::int64_t theirs = deadline == timers::never ? deadline : deadline - (deadline - now()) / 10;
  const bool others_ended = roster()->end(theirs).empty();
  s.stopping.store(true, seq_cst);
  std::unique_lock lock(s.idle_mutex);  // from here on no more threads are started
  for (auto& w : s.workers) w->parker_.unpark();
  s.housekeeper.unpark();
  while (s.ended != s.threads.size() && now() < deadline)
    s.became_idle.wait_for(lock, std::chrono::nanoseconds(std::min(deadline - now(), tick_ns)));
  const bool all = s.ended == s.threads.size();
  s.left_behind = !all;
  lock.unlock();
  for (std::thread& t : s.threads) {
    if (all && t.get_id() != std::this_thread::get_id())
      t.join();
    else
      t.detach();
  }
  s.threads.clear();
  if (all) abandon_jobs();
  return all && others_ended;
}

/// All threads have ended: nobody else will take what is left.
void work_stealing_pool::abandon_jobs() noexcept {
  worker* const here = std::exchange(detail::this_worker, nullptr);  // what becomes runnable is not for this thread
  timers_.drop_all();
  for (auto& w : state_->workers) {
    if (job* j = w->next_.exchange(nullptr, acq_rel)) j->abandoned();
    while (job* j = w->ring_.pop()) j->abandoned();
  }
  state_->ended_for_good.store(true, seq_cst);
  while (state_->injected.load(seq_cst) != 0) {  // I8
    if (job* j = take_injected())
      j->abandoned();
    else
      yield_thread();
  }
  report_dropped_calls();
  detail::this_worker = here;  // that of another pool, whose handler has stopped this one
}

}  // namespace troupe
