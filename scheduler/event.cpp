#include <troupe/scheduler/event.hpp>

namespace troupe {

void event::set() noexcept {
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  if (set_.load(relaxed)) return;
  set_.store(true, release);
  line_.grant_all(woken);
}

void event::clear() noexcept {
  std::lock_guard lock(guard_);
  set_.store(false, relaxed);
}

}  // namespace troupe
