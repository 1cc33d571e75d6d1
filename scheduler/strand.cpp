#include <troupe/scheduler/strand.hpp>

#include <cstdio>
#include <cstdlib>

#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe {

void strand::begin_wait(wait_point& w, bool holds_up) noexcept {
  holds_up_.store(holds_up, relaxed);
  light_store(waiting_, &w);  // AD1: either this sees `cancelled`, or cancel_waits sees the wait
  if (attention_.load(seq_cst) & cancelled) [[unlikely]]
    call_off();
}

void strand::cancel_waits() noexcept {
  attention_.fetch_or(cancelled, seq_cst);
  heavy_barrier();
  call_off();
}

void strand::call_off() noexcept {
  std::lock_guard guard(outside_);
  if (wait_point* w = waiting_.load(seq_cst)) w->cancel_wait();
}

void strand::await_outsiders() noexcept { std::lock_guard guard(outside_); }

bool strand::abandon_forks() noexcept { return detail::fork_record::abandon(*this); }

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

void trampoline::run_child() noexcept {
  this_trampoline = nullptr;
  current_worker()->run_within(*std::exchange(child, nullptr));
  this_trampoline = this;
  joined(awaiter, waiter);
}

pause trampoline::run(std::coroutine_handle<> h) noexcept {
  trampoline* outer = std::exchange(this_trampoline, this);
  worker* here = current_worker();
  forks = here ? here->forks() : nullptr;
  why = pause::none;
  if (!h) [[unlikely]]
    h = self->first_coroutine();
  next = fork_record::is_marked(h) ? fork_record::take_up(*this, h) : h;
  for (;;) {
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
    if (!child) break;
    run_child();
  }
  this_trampoline = outer;
  if (hook) hook->paused();
  return why;
}

}  // namespace detail

}  // namespace troupe
