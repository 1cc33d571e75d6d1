#include <troupe/scheduler/strand.hpp>

#include <cstdio>
#include <cstdlib>

#include <troupe/scheduler/detail/cancel_region.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe {

namespace {
// Its address is the mark of S2.
struct : wait_point {
  void cancel_wait() noexcept override {}
} taken_mark;
}  // namespace

wait_point* strand::taken() const noexcept { return &taken_mark; }

std::string strand::name() const {
  const strand_extras* x = extras_if_any();
  return x && !x->name.empty() ? x->name : describe();
}

void strand::begin_wait(wait_point& w, bool holds_up) noexcept {
  holds_up_.store(holds_up, relaxed);
  // seq_cst on both sides: either this sees `cancelled_`, or the canceller sees the wait.
  waiting_.store(&w, seq_cst);
  if (cancelled_.load(seq_cst)) call_off(take_wait());
}

void strand::end_wait() noexcept {
  unsigned rounds = 0;
  for (wait_point* w = waiting_.load(acquire); w; w = waiting_.load(acquire)) {  // pairs with the canceller's release
    if (w != taken() && waiting_.compare_exchange_strong(w, nullptr, acq_rel, acquire)) return;
    if (++rounds < 100)
      cpu_relax();
    else
      yield_thread();  // the canceller was preempted
  }
}

wait_point* strand::take_wait() noexcept {
  wait_point* w = waiting_.load(seq_cst);
  while (w && w != taken())
    if (waiting_.compare_exchange_weak(w, taken(), acq_rel, acquire)) return w;
  return nullptr;
}

/// Calls off a wait that has been taken. The strand stays in it until the mark is gone.
void strand::call_off(wait_point* w) noexcept {
  while (w) {
    const bool knew = killed();
    w->cancel_wait();
    if (!w->outlasts_cancel()) return waiting_.store(nullptr, release);
    // Whoever kills it from now on finds the wait; whoever did so meanwhile had the lock before.
    std::lock_guard lock(cancel_lock_);
    waiting_.store(w, release);
    w = killed() && !knew ? take_wait() : nullptr;
  }
}

/// For whoever has kept cancellers away for a moment.
void strand::call_off_again() noexcept {
  wait_point* w = nullptr;
  {
    std::lock_guard lock(cancel_lock_);
    if (cancelled_.load(relaxed)) w = take_wait();
  }
  call_off(w);
}

bool strand::to_be_cancelled() const noexcept {
  const strand_extras* x = extras_if_any();
  for (const detail::cancel_region* r = x ? x->region : nullptr; r; r = r->outer_) {
    if (r->requested_) return true;
    if (r->shields_) return killed();
  }
  return told_to_stop_;
}

void strand::cancel_waits() noexcept {
  wait_point* w = nullptr;
  {
    std::lock_guard lock(cancel_lock_);
    told_to_stop_ = true;
    if (!to_be_cancelled()) return;
    cancelled_.store(true, seq_cst);
    w = take_wait();
  }
  call_off(w);
}

void strand::request_stop() noexcept {
  std::stop_source stop{std::nostopstate};
  {
    std::lock_guard lock(cancel_lock_);
    told_to_stop_ = true;  // a token that is made from now on begins with the request
    if (const strand_extras* x = extras_if_any()) stop = x->stop;
  }
  stop.request_stop();
  cancel_waits();
}

std::stop_token strand::stop_token() {
  strand_extras& x = extras();
  std::stop_source fresh;
  {
    std::lock_guard lock(cancel_lock_);
    if (x.stop.stop_possible()) return x.stop.get_token();
    x.stop = fresh;
    if (!told_to_stop_) return fresh.get_token();
  }
  fresh.request_stop();
  return fresh.get_token();
}

bool strand::abandon_forks() noexcept {
  return detail::fork_record::abandon(*this) && detail::cancel_region::abandon(*this);
}

strand_registry::shard& strand_registry::shard_of(const strand& s) noexcept {
  // Strands are allocated at multiples of 16; their higher bits spread them.
  const auto bits = reinterpret_cast<std::uintptr_t>(&s);
  return shards_[(bits >> 7 ^ bits >> 12) % used_];
}

void strand_registry::add(strand& s) noexcept {
  shard& home = shard_of(s);
  std::lock_guard guard(home.lock);
  s.previous_ = nullptr;
  s.following_ = home.first;
  if (home.first) home.first->previous_ = &s;
  home.first = &s;
  ++home.size;
  if (watcher_) watcher_->strand_added(s);
}

void strand_registry::remove(strand& s) noexcept {
  shard& home = shard_of(s);
  std::lock_guard guard(home.lock);
  (s.previous_ ? s.previous_->following_ : home.first) = s.following_;
  if (s.following_) s.following_->previous_ = s.previous_;
  --home.size;
  if (watcher_) watcher_->strand_removed(s);
}

std::size_t strand_registry::size() const noexcept {
  std::size_t n = 0;
  for (const shard& s : shards_) {
    std::lock_guard guard(s.lock);
    n += s.size;
  }
  return n;
}

namespace detail {

constinit thread_local trampoline* this_trampoline = nullptr;

void no_trampoline() noexcept {
  std::fputs("troupe: co_await outside of a green thread or an actor's handler; spawn the coroutine instead\n", stderr);
  std::abort();
}

void leave_forks_behind(trampoline& t) noexcept { fork_record::leave_behind(t); }
void keep_forks(trampoline& t) noexcept { fork_record::carry(t); }

pause trampoline::run(std::coroutine_handle<> h) noexcept {
  trampoline* outer = std::exchange(this_trampoline, this);
  worker* here = current_worker();
  forks = here ? here->forks() : nullptr;
  why = pause::none;
  if (!h) [[unlikely]]
    h = self->first_coroutine();
  next = fork_record::is_marked(h) ? fork_record::take_up(*this, h) : h;
  while (next) {
    if (left == 0) {  // C8: ready awaitables alone must not keep the thread for ever
      if (here && here->may_stay() && !self->killed()) {
        left = share;
      } else {
        yield_current(std::exchange(next, {}));
        break;
      }
    }
    --left;
    std::exchange(next, {}).resume();
  }
  this_trampoline = outer;
  if (hook) hook->paused();
  return why;
}

}  // namespace detail

}  // namespace troupe
