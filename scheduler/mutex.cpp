#include <troupe/scheduler/mutex.hpp>

namespace troupe {

bool mutex::take_or_queue(detail::wait_node& n) noexcept {
  std::uintptr_t owner = owner_.load(relaxed);
  for (;;) {
    if ((owner & ~waited_for) == of(n.party)) {
      n.end(detail::wait_outcome::deadlock);
      return true;
    }
    if (owner == 0) {
      if (owner_.compare_exchange_weak(owner, of(n.party), acquire, relaxed)) return true;
    } else if ((owner & waited_for) || owner_.compare_exchange_weak(owner, owner | waited_for, relaxed, relaxed)) {
      line_.push(n);
      return false;
    }
  }
}

void mutex::hand_over(const void* from) noexcept {
  std::uintptr_t expected = of(from);
  if (owner_.compare_exchange_strong(expected, 0, release, relaxed)) return;
  detail::wait_node* next = nullptr;
  {
    std::lock_guard lock(guard_);
    next = line_.grant_one();
    owner_.store(next ? of(next->party) | (line_.empty() ? 0 : waited_for) : 0, release);
  }
  if (next) next->resume();
}

result<void> mutex::unlock() noexcept {
  const void* self = detail::current_party();
  if ((owner_.load(relaxed) & ~waited_for) != of(self))
    return error(errc::invalid_argument, "a mutex was unlocked by somebody who does not hold it");
  hand_over(self);
  return {};
}

}  // namespace troupe
