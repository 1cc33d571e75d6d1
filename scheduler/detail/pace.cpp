#include <troupe/scheduler/detail/pace.hpp>

#include <troupe/scheduler/detail/fork_deque.hpp>

namespace troupe::detail {

bool pace::wants_split(std::size_t n) noexcept {
  if (n < 2 || (fixed_ && n <= grain_)) return false;
  const trampoline& t = current_trampoline();
  if (t.forks) return t.forks->is_bare();
  return ++depth_ <= deepest;
}

std::int64_t pace::now() noexcept { return current_trampoline().self->home().now(); }

}  // namespace troupe::detail
