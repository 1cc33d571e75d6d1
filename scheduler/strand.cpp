#include <troupe/scheduler/strand.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

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

void detail::stop_follower::operator()() const noexcept { to->request_stop(); }

void strand::stop_with(strand& other) {
  strand_extras& x = extras();
  if (!x.follows) x.follows.emplace(other.stop_token(), detail::stop_follower{this});
}

void strand::stop_alone() noexcept {
  if (strand_extras* const x = extras_if_any()) x->follows.reset();
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

namespace {

/// Tells threads apart: few that follow each other have the same remainder.
unsigned thread_number() noexcept {
  static constinit std::atomic<unsigned> threads{0};  // orders nothing, so that no model need see it
  static constinit thread_local unsigned number = 0;
  if (number == 0) number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

}  // namespace

/// Puts free places aside, if any block has some. The following are all called under the lock.
[[gnu::noinline]] bool strand_registry::shard::find_room() noexcept {
  if (open) {
    aside = ~open->used.load(relaxed) & block::all;
    // Acquire pairs with the release of those who have left these places.
    if (aside != 0) return open->used.fetch_or(aside, acquire), true;
  }
  block* const b = first == open && first ? first->next : first;
  if (!b || (b->used.load(relaxed) & block::all) == block::all) return false;
  begin(*b);
  return true;
}

/// From now on `b`, which stands in the list and is not full, is the open one; the other is full, or has just been left
/// by somebody.
void strand_registry::shard::begin(block& b) noexcept {
  block* const before = std::exchange(open, &b);
  if (before) {
    before->used.fetch_and(~block::opened, acq_rel);
    unlink(*before);
    place(*before);
  }
  const std::uint64_t used = b.used.fetch_or(block::all | block::opened, acquire);
  aside = ~used & block::all;
}

/// Puts a block that is not open where it belongs (R2).
void strand_registry::shard::place(block& b) noexcept {
  if ((b.used.load(relaxed) & block::all) == block::all)
    push_back(b);
  else
    push_front(b);
}

void strand_registry::shard::push_front(block& b) noexcept {
  b.previous = nullptr;
  b.next = first;
  (first ? first->previous : last) = &b;
  first = &b;
}

void strand_registry::shard::push_back(block& b) noexcept {
  b.previous = last;
  b.next = nullptr;
  (last ? last->next : first) = &b;
  last = &b;
}

void strand_registry::shard::unlink(block& b) noexcept {
  (b.previous ? b.previous->next : first) = b.next;
  (b.next ? b.next->previous : last) = b.previous;
}

strand_registry::~strand_registry() {
  for (shard& s : shards_)
    while (block* b = s.first) {
      s.unlink(*b);
      delete b;
    }
}

void strand_registry::add(strand& s) noexcept {
  shard& home = shards_[thread_number() & mask_];
  std::unique_ptr<block> fresh;  // goes, if nobody wants it any more, after the lock
  std::unique_lock guard(home.lock);
  while (home.aside == 0) {
    if (home.find_room()) break;
    if (fresh) {
      home.push_front(*fresh);
      home.begin(*fresh.release());
    } else {
      guard.unlock();  // the allocator may take its time
      fresh = std::make_unique<block>(home);
      guard.lock();
    }
  }
  block& b = *home.open;
  const auto index = static_cast<unsigned>(std::countr_zero(home.aside));
  home.aside &= home.aside - 1;
  b.strands[index] = &s;
  s.listed_in_ = &b;
  s.place_in_list_ = static_cast<std::uint8_t>(index);
  if (watcher_) watcher_->strand_added(s);
}

void strand_registry::remove(strand& s) noexcept {
  detail::party_ended(&s);
  block& b = *s.listed_in_;
  const std::uint64_t place = std::uint64_t{1} << s.place_in_list_;
  std::uint64_t used = b.used.load(relaxed);
  do {
    const bool quietly = (used & block::opened) || ((used & block::all) != block::all && (used & block::all) != place);
    if (!quietly || (used & block::visited) || watcher_) return remove_under_lock(b, place, s);
  } while (!b.used.compare_exchange_weak(used, used & ~place, acq_rel, relaxed));
}

void strand_registry::remove_under_lock(block& b, std::uint64_t place, strand& s) noexcept {
  shard& home = b.home;
  std::unique_ptr<block> gone;  // after the lock
  std::lock_guard guard(home.lock);
  if (watcher_) watcher_->strand_removed(s);
  const std::uint64_t used = b.used.fetch_and(~place, acq_rel);
  if (&b == home.open) return;
  if ((used & block::all) == place) {
    if (home.aside == 0 && (home.open->used.load(relaxed) & block::all) == block::all) return home.begin(b);
    home.unlink(b);
    gone.reset(&b);
  } else if ((used & block::all) == block::all) {
    home.unlink(b);
    home.push_front(b);
  }
}

std::size_t strand_registry::size() const noexcept {
  std::size_t n = 0;
  for (const shard& s : shards_) {
    std::lock_guard guard(s.lock);
    for (const block* b = s.first; b; b = b->next)
      n += static_cast<std::size_t>(std::popcount(s.present(*b, b->used.load(acquire))));
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
