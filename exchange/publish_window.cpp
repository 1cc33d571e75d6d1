#include <troupe/exchange/publish_window.hpp>

#include <troupe/base/epoch.hpp>

namespace troupe::detail {

void window_state::settled(std::size_t n, const error* why) noexcept {
  const epoch_guard pinned;  // PW1
  if (why) given_up_.fetch_add(n, relaxed);
  const std::uint64_t left = unsettled_.fetch_sub(n, seq_cst) - n;
  if (waiting_.load(seq_cst) && (left & ~open) <= wake_at_.load(relaxed)) wake();
  if (left == 0) epoch_retire(this);
}

void window_state::wake() noexcept {
  wake_list woken;
  std::lock_guard guard(guard_);
  waiting_.store(false, relaxed);
  while (wait_node* n = line_.grant_one()) woken.add(*n);
}

void window_state::leave() noexcept {
  if (unsettled_.fetch_sub(open, acq_rel) == open) epoch_retire(this);
}

}  // namespace troupe::detail
