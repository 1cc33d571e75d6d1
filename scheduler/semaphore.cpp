#include <troupe/scheduler/semaphore.hpp>

namespace troupe {

bool semaphore::take_or_queue(detail::wait_node& n) noexcept {
  std::size_t state = state_.load(relaxed);
  for (;;) {
    if (state > waited_for) {
      if (state_.compare_exchange_weak(state, state - 2, troupe::acquire, relaxed)) return true;
    } else if (state == waited_for || state_.compare_exchange_weak(state, waited_for, relaxed, relaxed)) {
      line_.push(n);
      return false;
    }
  }
}

bool semaphore::add(std::size_t n) noexcept {
  std::size_t state = state_.load(relaxed);
  while (!(state & waited_for)) {
    if (n > bound_ || (state >> 1) > bound_ - n) return false;
    if (state_.compare_exchange_weak(state, state + 2 * n, troupe::release, relaxed)) return true;
  }
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  for (state = state_.load(relaxed); !(state & waited_for);) {
    if (n > bound_ || (state >> 1) > bound_ - n) return false;
    if (state_.compare_exchange_weak(state, state + 2 * n, troupe::release, relaxed)) return true;
  }
  if (n > bound_) return false;
  for (detail::wait_node* next; n != 0 && (next = line_.grant_one()); --n) woken.add(*next);
  state_.store(n << 1 | (line_.empty() ? 0 : waited_for), troupe::release);
  return true;
}

result<void> semaphore::release(std::size_t n) {
  if (add(n)) return {};
  return error(errc::invalid_argument, "more permits were released than a semaphore of this bound can hold");
}

}  // namespace troupe
