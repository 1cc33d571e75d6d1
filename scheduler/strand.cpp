#include <troupe/scheduler/strand.hpp>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

// The canceller flips the mark `taken` back, so that it shows whether the strand has wiped the word meanwhile: a mark that
// appears then means that the canceller has let go.

void strand::cancel_waits() noexcept {
  std::uintptr_t seen = wait_.fetch_or(called_off, acq_rel) | called_off;
  while (seen > (called_off | taken)) {
    if (!wait_.compare_exchange_weak(seen, called_off | taken, acq_rel, acquire)) continue;
    reinterpret_cast<wait_point*>(seen & ~called_off)->cancel_wait();
    wait_.fetch_xor(taken, release);
    return;
  }
}

void strand::await_canceller(std::uintptr_t was) noexcept {
  if (was & taken) {
    for (unsigned rounds = 0; !(wait_.load(acquire) & taken); ++rounds) {
      if (rounds < 100)
        cpu_relax();
      else
        std::this_thread::yield();  // the canceller was preempted
    }
    wait_.store(called_off, relaxed);  // the cancellers to come find nothing to take: the order does not matter
  } else {
    wait_.fetch_or(called_off, relaxed);
  }
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
}

void strand_registry::remove(strand& s) noexcept {
  shard& home = shard_of(s);
  std::lock_guard guard(home.lock);
  (s.previous_ ? s.previous_->following_ : home.first) = s.following_;
  if (s.following_) s.following_->previous_ = s.previous_;
  --home.size;
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

trampoline& current_trampoline() noexcept {
  if (!this_trampoline) {
    std::fputs("troupe: co_await outside of a green thread or an actor's handler; spawn the coroutine instead\n",
               stderr);
    std::abort();
  }
  return *this_trampoline;
}

pause trampoline::run(std::coroutine_handle<> h) noexcept {
  trampoline* outer = std::exchange(this_trampoline, this);
  why = pause::none;
  next = h;
  while (next) {
    if (left == 0) {  // C8: ready awaitables alone must not keep the thread for ever
      self->resume_at = std::exchange(next, {});
      why = pause::yielded;
      break;
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
