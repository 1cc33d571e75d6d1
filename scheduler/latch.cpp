#include <troupe/scheduler/latch.hpp>

namespace troupe {

bool latch::take(std::size_t n) noexcept {
  std::size_t count = count_.load(relaxed);
  while (count > n)
    if (count_.compare_exchange_weak(count, count - n, acq_rel, relaxed)) return true;
  if (n == 0) return true;
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  count = count_.load(relaxed);
  do {
    if (count < n) return false;
  } while (!count_.compare_exchange_weak(count, count - n, acq_rel, relaxed));
  if (count == n) line_.grant_all(woken);
  return true;
}

result<void> latch::count_down(std::size_t n) {
  if (take(n)) return {};
  return error(errc::invalid_argument, "a latch was counted down by more than is left");
}

}  // namespace troupe
