// The housekeeper of a work-stealing pool: looks after workers that are stuck, keeps the time while all are busy, and
// gives memory back when nothing runs. I6, I7 and I9 stand in work_stealing_pool.cpp.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include <troupe/base/epoch.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/detail/pool_state.hpp>

namespace troupe {

using detail::tick_ns;

namespace {

/// Whether a thread of this process waits in the system rather than for a processor. False if it cannot be told.
bool sleeps_in_the_system(int thread_id) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[128];
  const ssize_t n = read(file, text, sizeof text - 1);
  close(file);
  if (n <= 0) return false;
  text[n] = '\0';
  const char* name_end = std::strrchr(text, ')');  // the name may hold anything, and the state is one letter behind it
  return name_end && (name_end[2] == 'S' || name_end[2] == 'D');
}

}  // namespace

bool work_stealing_pool::all_parked() const noexcept {
  return state_->sleeping.load(seq_cst) == state_->active.load(seq_cst);
}

void work_stealing_pool::look_after(worker& w, std::int64_t at) noexcept {
  const std::uint64_t slice = w.slices_.load(relaxed);
  if (!w.running_.load(relaxed) || slice != w.seen_slice_) {
    w.seen_slice_ = slice;
    w.stuck_since_.store(at, relaxed);
    return;
  }
  state_->watchdog->look(strands(), w.index_, slice,
                         {w.name_, w.subject_.load(relaxed), w.detail_.load(relaxed), w.thread_id_.load(relaxed),
                          std::chrono::nanoseconds(at - w.stuck_since_.load(relaxed))},
                         [&] { return w.slices_.load(acquire) == slice && w.running_.load(relaxed); });
  // The slice that runs was running a tick ago: what waits behind it must not wait for its end (C8).
  // `injected` is held up while the job is in no queue, or all could sleep over it. Where there is no other worker, nor
  // will be one, it would only lose its place.
  const auto asleep = [&] { return sleeps_in_the_system(w.thread_id_.load(relaxed)); };
  if (state_->started.load(relaxed) > 1 || asleep()) {
    state_->injected.fetch_add(1, seq_cst);
    if (job* j = w.next_.exchange(nullptr, acq_rel)) inject(*j);
    state_->injected.fetch_sub(1, seq_cst);
  }
  if (!w.ring_.empty() || w.forks_.has_public()) notify_if_idle();
  // C8: whoever waits for a processor must not wait for a handler that has none either.
  if (!w.says_it_blocks_.load(relaxed) && !w.stood_in_for_.load(relaxed) && state_->sleeping.load(relaxed) == 0 &&
      visible_work() && asleep() && add_stand_in())
    w.stood_in_for_.store(true, release);
}

/// I9.
void work_stealing_pool::ask_to_tidy() noexcept {
  constexpr std::size_t worth_it = 1 << 20;
  const pool_statistics held = pool_stats();
  if (held.slabs < held.in_use + worth_it) return;
  for (unsigned i = 0; i != state_->started.load(acquire); ++i) {
    worker& w = *state_->workers[i];
    const std::uint64_t slice = w.slices_.load(relaxed);
    if (std::exchange(w.tidied_slice_, slice) == slice) continue;
    w.tidy_.store(true, release);
    w.parker_.unpark();
  }
}

/// By the worker, which has nothing else to do.
void work_stealing_pool::tidy(worker& self) noexcept {
  if (self.tidy_.exchange(false, acquire)) pool_trim();
}

/// After a wake-up, by the worker. True if that was for nothing else, so that it sleeps on (I9). One that others rely
/// on now (I4) does it another time.
bool work_stealing_pool::tidies(worker& self) noexcept {
  if (!self.tidy_.load(relaxed)) return false;
  state& s = *state_;
  const auto sleeps_on = [&] {
    std::lock_guard guard(s.idle_mutex);
    return !s.stopping.load(seq_cst) && std::find(s.sleepers.begin(), s.sleepers.end(), &self) != s.sleepers.end();
  };
  if (!sleeps_on()) return false;
  tidy(self);
  return sleeps_on();
}

void work_stealing_pool::keep_house() noexcept {
  state& s = *state_;
  std::uint64_t slices_before = 0;
  while (!s.stopping.load(acquire)) {
    epoch_collect();  // what was retired while somebody was pinned, and has nobody else to come back for it
    std::uint64_t slices = 0;
    for (unsigned i = 0; i != s.started.load(acquire); ++i) slices += s.workers[i]->slices_.load(relaxed);
    if (std::exchange(slices_before, slices) == slices && all_parked()) {
      // Nothing has run for a tick: what a burst left behind goes back (C10).
      pool_trim();
      ask_to_tidy();
      s.housekeeper_sleeps.store(true, seq_cst);
      if (all_parked()) s.housekeeper.park();
      s.housekeeper_sleeps.store(false, seq_cst);
      continue;
    }
    const std::int64_t at = now();
    for (unsigned i = 0; i != s.started.load(acquire); ++i) look_after(*s.workers[i], at);
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

std::vector<worker_info> work_stealing_pool::inspect_workers() const {
  std::vector<worker_info> all;
  const std::int64_t at = now();
  for (unsigned i = 0; i != state_->started.load(acquire); ++i) {
    const auto& w = state_->workers[i];
    const std::int64_t since = w->stuck_since_.load(relaxed);
    all.push_back(w->inspect(since != 0 ? at - since : 0));
  }
  return all;
}

}  // namespace troupe
