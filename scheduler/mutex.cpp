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

void mutex::disown(const void* party) noexcept {
  std::lock_guard lock(guard_);
  std::uintptr_t owner = owner_.load(relaxed);
  while ((owner & ~waited_for) == of(party) &&
         !owner_.compare_exchange_weak(owner, of(&detail::ended_party) | (owner & waited_for), relaxed, relaxed)) {
  }
}

detail::wait_node* mutex::pass_on(const void* from) noexcept {
  std::uintptr_t expected = of(from);
  if (owner_.compare_exchange_strong(expected, 0, release, relaxed)) return nullptr;
  std::lock_guard lock(guard_);
  detail::wait_node* next = line_.grant_one();
  owner_.store(next ? of(next->party) | (line_.empty() ? 0 : waited_for) : 0, release);
  return next;
}

}  // namespace troupe
