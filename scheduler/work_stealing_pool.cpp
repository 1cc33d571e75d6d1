// The work-stealing pool.
//
// Where jobs stand: each worker has a LIFO slot and a ring (worker.hpp); all share an injection queue for jobs that
// come from outside the pool or overflow a ring. A worker takes from its slot, its ring, the injection queue (every
// 61st slice first, so that it does not starve), then steals, then sleeps. A thief looks at the rings first, then at the
// deques of forks (detail/fork_record.hpp), which are parts of the slice that runs there. The shape is Tokio's
// (tokio.rs/blog/2019-10-scheduler).
//
// The idle protocol:
// I1. `injected_` counts jobs in the injection queue. It is raised before a job is put in and lowered after one is
//     taken out: zero means that there is none.
// I2. A worker that goes to sleep puts itself on the list of sleepers and raises `sleeping_` (seq_cst), then looks once
//     more at all queues, then parks. An injector raises `injected_` (seq_cst), then looks at `sleeping_`. One of the
//     two sees the other: a job that is injected is never slept over.
// I3. A job pushed on a worker's own ring is announced with a plain look at `sleeping_`. That look may miss a worker
//     which falls asleep at that moment; the job is not lost, for its owner is awake, looks again at every slice, and
//     while it is stuck the housekeeper looks for it. The same goes for what is made public in a worker's deque of forks.
// I4. At most one worker is woken at a time: nobody is woken while `searching_` is above zero. The last searcher that
//     finds work wakes the next, so that wake-ups spread only while there is work.
// I5. The timers have a sleeper: the first worker to park takes that role and parks until the next deadline. Awake
//     workers look at the timers every 61 slices, the housekeeper does while all are busy.
// I6. The housekeeper ticks every 10 ms while any worker is awake, and sleeps without a deadline once all have been
//     parked for a tick. It announces its sleep and then looks at `sleeping_`; a worker leaves `sleeping_` and then
//     looks for the housekeeper (both seq_cst).

#include <troupe/scheduler/work_stealing_pool.hpp>

#include <concurrentqueue/concurrentqueue.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <troupe/base/epoch.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/log.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>

namespace troupe {

namespace {

constexpr std::int64_t tick_ns = 10'000'000;  // the housekeeper's epoch
constexpr unsigned fairness_interval = 61;    // slices between looks at the injection queue and the timers
constexpr unsigned longest_streak = 16;       // slices from the LIFO slot in a row while others wait
constexpr unsigned search_rounds = 64;        // with a pause of 50 to 100 ns each: well below 20 us (C7)

unsigned usable_cores() noexcept {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

void name_this_thread(const std::string& name) noexcept {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

struct work_stealing_pool::state {
  pool_options options;
  std::vector<std::unique_ptr<worker>> workers;
  std::vector<std::thread> threads;  // the workers' and, last, the housekeeper's
  std::shared_ptr<void> keep_alive;

  moodycamel::ConcurrentQueue<job*> injection;
  alignas(cache_line) atomic<std::size_t> injected{0};  // I1

  alignas(cache_line) atomic<unsigned> searching{0};  // I4: workers that look for work
  atomic<unsigned> sleeping{0};                       // I2: workers on the list of sleepers
  std::mutex idle_mutex;
  std::vector<worker*> sleepers;        // under idle_mutex
  std::condition_variable became_idle;  // all sleep, or a thread has ended
  unsigned quiescence_waiters = 0;      // under idle_mutex
  unsigned ended = 0;                   // threads that have ended; under idle_mutex

  atomic<worker*> timekeeper{nullptr};  // I5: the worker that parks until the next deadline

  parker housekeeper;
  atomic<bool> housekeeper_sleeps{false};  // I6
  atomic<bool> stopping{false};
};

std::shared_ptr<work_stealing_pool> work_stealing_pool::start(pool_options options) {
  if (options.workers == 0) options.workers = usable_cores();
  if (options.workers > 1024)
    throw troupe_error(errc::invalid_argument, fmt::format("{} workers: at most 1024", options.workers));
  if (options.budget == 0) throw troupe_error(errc::invalid_argument, "the budget of a slice must be at least 1");
  std::shared_ptr<work_stealing_pool> pool(new work_stealing_pool(std::move(options)));
  state& s = *pool->state_;
  try {
    for (auto& w : s.workers) {
      s.threads.emplace_back([pool, self = w.get()] {
        name_this_thread(self->name());
        detail::this_worker = self;
        pool->work(*self);
        detail::this_worker = nullptr;
      });
    }
    s.threads.emplace_back([pool] {
      name_this_thread(pool->state_->options.name + "/keeper");
      pool->keep_house();
    });
  } catch (...) {  // no more threads: those that have started must not wait for ever
    pool->stop(timers::never);
    throw;
  }
  return pool;
}

work_stealing_pool::work_stealing_pool(pool_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  for (unsigned i = 0; i != state_->options.workers; ++i) {
    state_->workers.push_back(std::make_unique<worker>(*this, i, fmt::format("{}/{}", state_->options.name, i), true));
    state_->workers.back()->set_budget(state_->options.budget);
    state_->workers.back()->set_quantum(state_->options.quantum);
  }
  state_->sleepers.reserve(state_->workers.size());
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

unsigned work_stealing_pool::size() const noexcept { return static_cast<unsigned>(state_->workers.size()); }

// --- queues --------------------------------------------------------------------------------------------------------

void worker::push(job& j) noexcept {
  auto& pool = static_cast<work_stealing_pool&>(*owner_);
  if (!ring_.push(j)) {
    ring_.overflow([&](job& old) { pool.inject(old); });
    if (!ring_.push(j)) pool.inject(j);
  }
  pool.notify_if_idle();
}

bool worker::extend_slice(std::int64_t& begun) noexcept {
  if (quantum_ == 0) return false;
  const std::int64_t now = owner_->now();
  if (begun == 0) begun = now;
  if (now - begun >= quantum_) return false;
  if (static_cast<work_stealing_pool&>(*owner_).timers_.next() > now) return true;
  tick_ = fairness_interval - 1;  // a timer is due: the next look is at those
  return false;
}

bool worker::may_stay() noexcept {
  if (!has_queue_ || next_.load(relaxed) || !ring_.empty()) return false;
  auto& pool = static_cast<work_stealing_pool&>(*owner_);
  if (pool.state_->injected.load(relaxed) != 0 || pool.state_->stopping.load(relaxed)) return false;
  if ((tick_ + 1) % fairness_interval == 0) return false;  // the loop looks at the timers
  ++tick_;
  bump(slices_);
  if (forks_.has_public()) announce();  // I3
  return true;
}

void worker::announce() noexcept { static_cast<work_stealing_pool&>(*owner_).notify_if_idle(); }

void work_stealing_pool::inject(job& j) noexcept {
  state& s = *state_;
  s.injected.fetch_add(1, seq_cst);
  if (!s.injection.enqueue(&j)) {
    log_line("out of memory: a job cannot be queued");
    std::terminate();
  }
  notify_if_idle();
}

job* work_stealing_pool::take_injected() noexcept {
  state& s = *state_;
  job* j = nullptr;
  if (s.injected.load(relaxed) == 0 || !s.injection.try_dequeue(j)) return nullptr;
  s.injected.fetch_sub(1, seq_cst);
  return j;
}

job* work_stealing_pool::next_job(worker& self) noexcept {
  if (++self.tick_ % fairness_interval == 0) {
    poll_timers();
    if (job* j = take_injected()) return j;
  }
  if (self.next_.load(relaxed)) {
    const bool others_wait = !self.ring_.empty() || state_->injected.load(relaxed) != 0;
    if (++self.streak_ <= longest_streak || !others_wait) {
      if (!others_wait) self.streak_ = 0;
      if (job* j = self.next_.exchange(nullptr, acq_rel)) return j;
    } else if (job* j = self.next_.exchange(nullptr, acq_rel)) {
      self.push(*j);
    }
  }
  self.streak_ = 0;
  if (job* j = self.ring_.pop()) return j;
  return take_injected();
}

bool work_stealing_pool::visible_work() const noexcept {
  const state& s = *state_;
  if (s.injected.load(seq_cst) != 0) return true;
  return std::any_of(s.workers.begin(), s.workers.end(),
                     [](auto& w) { return !w->ring_.empty() || w->forks_.has_public(); });
}

job* work_stealing_pool::search(worker& self) noexcept {
  state& s = *state_;
  const std::size_t n = s.workers.size();
  if (!self.searching_) {
    if (2 * s.searching.load(relaxed) > n) return nullptr;  // half of the workers is enough
    s.searching.fetch_add(1, seq_cst);
    self.searching_ = true;
  }
  job* found = nullptr;
  for (unsigned round = 0; !found && round != search_rounds && !s.stopping.load(relaxed); ++round) {
    found = take_injected();
    for (std::size_t i = 1; !found && i < n; ++i)
      found = s.workers[(self.index_ + i) % n]->ring_.steal_into(self.ring_);
    for (std::size_t i = 1; !found && i < n; ++i) {
      if (detail::fork_child* c = s.workers[(self.index_ + i) % n]->forks_.steal())
        found = &detail::fork_record::adopt(*c);
    }
    if (!found) {
      for (unsigned i = 0; i != 4; ++i) cpu_relax();
    }
  }
  return found;
}

void work_stealing_pool::end_search(worker& self, bool found) noexcept {
  self.searching_ = false;
  // A searcher that gives up looks once more before it sleeps (I2); one that found work passes the search on (I4).
  if (state_->searching.fetch_sub(1, seq_cst) == 1 && found) notify_if_idle();
}

// --- the worker's loop ---------------------------------------------------------------------------------------------

void work_stealing_pool::run_slice(worker& self, job& j) noexcept {
  bump(self.slices_);
  self.running_.store(true, relaxed);
  if (!self.ring_.empty()) notify_if_idle();  // I3
  j.run();
  self.running_.store(false, relaxed);
}

void work_stealing_pool::work(worker& self) noexcept {
  state& s = *state_;
  while (!s.stopping.load(acquire)) {
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
  std::lock_guard guard(s.idle_mutex);
  if (++s.ended == s.workers.size() + 1) last = std::move(s.keep_alive);
  s.became_idle.notify_all();
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
      return;
    }
    s.sleepers.erase(i);
    s.sleeping.fetch_sub(1, seq_cst);
  };
  if (!visible_work() && !s.stopping.load(seq_cst)) {
    {
      std::lock_guard guard(s.idle_mutex);
      if (s.quiescence_waiters != 0 && s.sleepers.size() == s.workers.size()) s.became_idle.notify_all();
    }
    worker* nobody = nullptr;
    const bool keeps_time = s.timekeeper.compare_exchange_strong(nobody, &self, seq_cst);
    self.parker_.park(keeps_time ? timers_.next() : parker::forever);
    if (keeps_time) s.timekeeper.store(nullptr, seq_cst);
  }
  leave();
  if (s.housekeeper_sleeps.load(seq_cst)) s.housekeeper.unpark();
  poll_timers();
}

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
}

void work_stealing_pool::arm(timer& t, std::int64_t deadline) {
  if (!timers_.arm(t, deadline)) return;
  // Earlier than the sleeper knows (I5): let it look again. An awake worker will look by itself.
  worker* keeper = state_->timekeeper.load(seq_cst);
  if (keeper && keeper != current_worker()) keeper->parker_.unpark();
}

// --- the housekeeper -----------------------------------------------------------------------------------------------

bool work_stealing_pool::all_parked() const noexcept {
  return state_->sleeping.load(seq_cst) == state_->workers.size();
}

void work_stealing_pool::look_after(worker& w, std::int64_t at) noexcept {
  const std::uint64_t slice = w.slices_.load(relaxed);
  if (!w.running_.load(relaxed) || slice != w.seen_slice_) {
    w.seen_slice_ = slice;
    w.stuck_since_.store(at, relaxed);
    return;
  }
  // The slice that runs was running a tick ago: what waits behind it must not wait for its end (C8).
  // `injected` is held up while the job is in no queue, or all could sleep over it.
  state_->injected.fetch_add(1, seq_cst);
  if (job* j = w.next_.exchange(nullptr, acq_rel)) inject(*j);
  state_->injected.fetch_sub(1, seq_cst);
  if (!w.ring_.empty() || w.forks_.has_public()) notify_if_idle();
}

void work_stealing_pool::keep_house() noexcept {
  state& s = *state_;
  bool idle_before = false;
  while (!s.stopping.load(acquire)) {
    epoch_collect();  // what was retired while somebody was pinned, and has nobody else to come back for it
    const bool idle = all_parked();
    if (idle && idle_before) {
      // Nothing has run for a tick: what a burst left behind goes back (C10).
      pool_trim();
      s.housekeeper_sleeps.store(true, seq_cst);
      if (all_parked()) s.housekeeper.park();
      s.housekeeper_sleeps.store(false, seq_cst);
      idle_before = false;
      continue;
    }
    idle_before = idle;
    const std::int64_t at = now();
    for (auto& w : s.workers) look_after(*w, at);
    if (!s.timekeeper.load(relaxed)) {
      // Counts as injected work meanwhile: between taking a timer out and waking its owner nothing else shows it.
      s.injected.fetch_add(1, seq_cst);
      poll_timers();
      s.injected.fetch_sub(1, seq_cst);
    }
    const std::int64_t next_tick = at + tick_ns;
    s.housekeeper.park(s.timekeeper.load(relaxed) ? next_tick
                                                  : std::clamp(timers_.next(), at + tick_ns / 10, next_tick));
  }
  thread_ended();
}

std::vector<worker_info> work_stealing_pool::inspect() const {
  std::vector<worker_info> all;
  const std::int64_t at = now();
  for (const auto& w : state_->workers) {
    worker_info info{w->name(), nullptr, {}, {}};
    if (w->running_.load(relaxed)) {
      info.subject = w->subject_.load(relaxed);
      if (const char* detail = w->detail_.load(relaxed)) info.detail = detail;
      if (const std::int64_t since = w->stuck_since_.load(relaxed)) info.since = std::chrono::nanoseconds(at - since);
    }
    all.push_back(std::move(info));
  }
  return all;
}

// --- waiting and stopping ------------------------------------------------------------------------------------------

bool work_stealing_pool::wait(wait_condition& condition, std::int64_t deadline) {
  worker* w = current_worker();
  if (w && &w->owner() == this) return condition.holds();
  while (!condition.holds()) {
    if (deadline != timers::never && now() >= deadline) return condition.holds();
    condition.sleep_until(deadline);
  }
  return true;
}

bool work_stealing_pool::wait_quiescent(std::int64_t deadline) {
  state& s = *state_;
  worker* w = current_worker();
  if (w && &w->owner() == this) return false;
  std::unique_lock lock(s.idle_mutex);
  ++s.quiescence_waiters;
  const auto quiescent = [&] {
    return s.sleepers.size() == s.workers.size() && timers_.empty() && s.injected.load(seq_cst) == 0;
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
  s.stopping.store(true, seq_cst);
  for (auto& w : s.workers) w->parker_.unpark();
  s.housekeeper.unpark();
  std::unique_lock lock(s.idle_mutex);
  while (s.ended != s.threads.size() && now() < deadline)
    s.became_idle.wait_for(lock, std::chrono::nanoseconds(std::min(deadline - now(), tick_ns)));
  const bool all = s.ended == s.threads.size();
  lock.unlock();
  for (std::thread& t : s.threads) {
    if (all && t.get_id() != std::this_thread::get_id())
      t.join();
    else
      t.detach();
  }
  s.threads.clear();
  return all;
}

}  // namespace troupe
