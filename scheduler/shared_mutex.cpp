#include <troupe/scheduler/shared_mutex.hpp>

namespace troupe {

bool shared_mutex::try_take(const void* party) noexcept {
  std::uintptr_t expected = 0;
  return state_.compare_exchange_strong(expected, of(party), acquire, relaxed);
}

/// Adds a share if nobody has it alone or waits; false, with the state that forbids it, if somebody does.
bool shared_mutex::share(std::uintptr_t& state) noexcept {
  while (state == 0 || (state & (shared | waited_for)) == shared)
    if (state_.compare_exchange_weak(state, (state | shared) + one_share, acquire, relaxed)) return true;
  return false;
}

bool shared_mutex::try_share(const void*) noexcept {
  std::uintptr_t state = state_.load(relaxed);
  return share(state);
}

/// Puts the node into the line; false, with the new state, if that has changed meanwhile.
bool shared_mutex::queue(detail::wait_node& n, std::uintptr_t& state) noexcept {
  if (!(state & waited_for) && !state_.compare_exchange_weak(state, state | waited_for, relaxed, relaxed)) return false;
  line_.push(n);
  return true;
}

bool shared_mutex::take_or_queue(detail::wait_node& n) noexcept {
  n.want = wants_all;
  for (std::uintptr_t state = state_.load(relaxed);;) {
    if (state == 0) {
      if (state_.compare_exchange_weak(state, of(n.party), acquire, relaxed)) return true;
    } else if (owner_in(state) == n.party) {
      n.end(detail::wait_outcome::deadlock);
      return true;
    } else if (queue(n, state)) {
      return false;
    }
  }
}

bool shared_mutex::share_or_queue(detail::wait_node& n) noexcept {
  n.want = wants_share;
  for (std::uintptr_t state = state_.load(relaxed);;) {
    if (share(state)) return true;
    if (owner_in(state) == n.party) {
      n.end(detail::wait_outcome::deadlock);
      return true;
    }
    if (queue(n, state)) return false;
  }
}

void shared_mutex::disown(const void* party) noexcept {
  std::lock_guard lock(guard_);
  std::uintptr_t state = state_.load(relaxed);
  while (owner_in(state) == party &&
         !state_.compare_exchange_weak(state, of(&detail::ended_party) | (state & waited_for), relaxed, relaxed)) {
  }
}

/// Nobody has it; under the lock.
void shared_mutex::pass_on(detail::wake_list& woken) noexcept {
  std::uintptr_t state = 0;
  if (!line_.empty() && line_.front().want == wants_share) {
    state = let_readers_in(shared, woken);
  } else if (detail::wait_node* next = line_.grant_one()) {
    state = of(next->party);
    woken.add(*next);
  }
  state_.store(state | (line_.empty() ? 0 : waited_for), release);
}

std::uintptr_t shared_mutex::let_readers_in(std::uintptr_t state, detail::wake_list& woken) noexcept {
  while (!line_.empty() && line_.front().want == wants_share) {
    woken.add(*line_.grant_one());  // not null: a node in this line has no other alternatives
    state += one_share;
  }
  return state;
}

void shared_mutex::left(detail::wake_list& woken) noexcept {
  std::uintptr_t state = state_.load(relaxed);  // stands still: somebody was in the line
  if (state & shared) state = let_readers_in(state, woken);
  if (line_.empty()) state &= ~waited_for;
  state_.store(state, release);
}

void shared_mutex::hand_over(const void* from) noexcept {
  std::uintptr_t expected = of(from);
  if (state_.compare_exchange_strong(expected, 0, release, relaxed)) return;
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  pass_on(woken);
}

bool shared_mutex::release_shared() noexcept {
  std::uintptr_t state = state_.load(relaxed);
  const auto without_waiters = [&] {
    while ((state & (shared | waited_for)) == shared) {
      const std::uintptr_t rest = state - one_share;
      if (state_.compare_exchange_weak(state, rest == shared ? 0 : rest, release, relaxed)) return true;
    }
    return false;
  };
  if (without_waiters()) return true;
  if (!(state & shared)) return false;
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  state = state_.load(relaxed);
  if (without_waiters()) return true;
  if (!(state & shared)) return false;
  const std::uintptr_t rest = state - one_share;
  if (rest >= one_share)
    state_.store(rest, release);
  else
    pass_on(woken);
  return true;
}

bool shared_mutex::try_lock_shared() {
  const void* self = detail::current_party();
  if (!try_share(self)) return false;
  detail::locked(*this, self);
  return true;
}

result<void> shared_mutex::unlock_shared() {
  const void* self = detail::current_party();
  detail::unlocking(*this, self);
  if (release_shared()) return {};
  return error(errc::invalid_argument, "a share of " + describe() + " was given up that nobody has");
}

}  // namespace troupe
