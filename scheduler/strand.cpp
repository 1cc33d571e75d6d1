#include <troupe/scheduler/strand.hpp>

#include <cstdio>
#include <cstdlib>

#include <troupe/base/error.hpp>
#include <troupe/scheduler/detail/cancel_region.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe {

std::string strand::name() const {
  const strand_extras* x = extras_if_any();
  return x && !x->name.empty() ? x->name : describe();
}

void strand::mark_cancelled() noexcept {
  std::lock_guard guard(outside_);
  told_to_stop_ = true;
  if (to_be_cancelled()) attention_.fetch_or(cancelled, seq_cst);
}

void strand::forget_cancel() noexcept {
  std::lock_guard guard(outside_);
  told_to_stop_ = false;
  regions_changed();
}

void strand::cancel_waits() noexcept {
  mark_cancelled();
  if (!waits_cancelled()) return;
  heavy_barrier();
  call_off();
}

void strand::call_off() noexcept {
  wait_point* w = nullptr;
  {
    std::lock_guard guard(outside_);
    if ((attention_.load(relaxed) & cancelled) == 0) return;  // it has left the region that was told to stop
    w = waiting_.load(seq_cst);
    if (!w) return;
    if (!w->cancel_takes_time()) return w->cancel_wait();
    ++pins_;
  }
  w->cancel_wait();
  std::lock_guard guard(outside_);
  --pins_;
}

void strand::await_outsiders() noexcept {
  for (unsigned rounds = 0;; ++rounds) {
    {
      std::lock_guard guard(outside_);
      if (pins_ == 0) return;
    }
    if (rounds < 100)
      cpu_relax();
    else
      yield_thread();
  }
}

bool strand::to_be_cancelled() const noexcept {
  const strand_extras* x = extras_if_any();
  for (const detail::cancel_region* r = x ? x->region : nullptr; r; r = r->outer_) {
    if (r->requested_) return true;
    if (r->shields_) return killed();
  }
  return told_to_stop_;
}

void strand::regions_changed() noexcept {
  if (to_be_cancelled())
    attention_.fetch_or(cancelled, seq_cst);
  else
    attention_.fetch_and(static_cast<std::uint16_t>(~cancelled), seq_cst);
}

void strand::request_stop() noexcept {
  std::stop_source stop{std::nostopstate};
  {
    std::lock_guard guard(outside_);
    told_to_stop_ = true;  // a token that is made from now on begins with the request
    if (const strand_extras* x = extras_if_any()) stop = x->stop;
  }
  stop.request_stop();
  cancel_waits();
}

void strand::forget_stop() noexcept {
  std::stop_source over{std::nostopstate};  // destroyed outside of the lock
  std::lock_guard guard(outside_);
  if (strand_extras* x = extras_if_any()) std::swap(x->stop, over);
  told_to_stop_ = false;
  regions_changed();
}

void strand::renew_stop_token() noexcept {
  strand_extras* const x = extras_if_any();
  if (!x) return;
  std::stop_source over{std::nostopstate};
  std::lock_guard guard(outside_);
  if (!told_to_stop_) std::swap(x->stop, over);
}

std::stop_token strand::stop_token() {
  strand_extras& x = extras();
  std::stop_source fresh;
  {
    std::lock_guard guard(outside_);
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
  return shards_[(bits >> 7 ^ bits >> 12) & mask_];
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
  detail::party_ended(&s);
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

void no_task() {
  throw troupe_error(errc::invalid_argument, "this task was moved from, or has run before: a task is awaited once");
}

void leave_forks_behind(trampoline& t) noexcept { fork_record::leave_behind(t); }
void keep_forks(trampoline& t) noexcept { fork_record::carry(t); }

}  // namespace detail

}  // namespace troupe
