#include <troupe/scheduler/detail/fork_deque.hpp>

#include <algorithm>

#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

void fork_deque::publish(std::int64_t end) noexcept {
  public_end_ = std::min(end, bottom_);
  split_.store(public_end_, release);  // the slots, and what the children need; pairs with the load in `steal`
  if (owner_) owner_->announce();
}

fork_child* fork_deque::take_back() noexcept {
  if (is_bare()) return nullptr;
  const std::int64_t last = bottom_ - 1;
  fork_child* c = slot(last).load(relaxed);
  split_.store(last, seq_cst);  // D4
  std::int64_t top = top_.load(seq_cst);
  if (top < last) {
    bottom_ = public_end_ = last;
    return c;
  }
  // It is the last, and a thief may be at it. Whoever wins, the deque is empty afterwards.
  if (top != last || !top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed)) c = nullptr;
  split_.store(bottom_, release);
  return c;
}

}  // namespace troupe::detail
