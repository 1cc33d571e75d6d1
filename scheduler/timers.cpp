#include <troupe/scheduler/timers.hpp>

#include <mutex>

namespace troupe {

bool timers::arm(timer& t, std::int64_t deadline) {
  std::unique_lock guard(lock_);
  if (dropping_) {
    guard.unlock();
    t.dropped();
    return false;
  }
  t.deadline_ns = deadline;
  const std::int64_t wake = wheel_.insert(t);
  if (wake >= next_.load(relaxed)) return false;
  next_.store(wake, seq_cst);
  return true;
}

bool timers::cancel(timer& t) noexcept {
  std::lock_guard guard(lock_);
  return wheel_.remove(t);
}

std::size_t timers::fire_due(std::int64_t now, std::size_t limit) {
  timer_list due;
  {
    std::lock_guard guard(lock_);
    wheel_.advance(now, due, limit);
    next_.store(wheel_.next_deadline().value_or(never), seq_cst);
  }
  std::size_t fired = 0;
  while (!due.empty()) {
    timer& t = static_cast<timer&>(due.front());
    t.unlink();
    t.fire();
    ++fired;
  }
  return fired;
}

void timers::drop_all() noexcept {
  timer_list all;
  {
    std::lock_guard guard(lock_);
    dropping_ = true;
    wheel_.advance(never, all);
    next_.store(never, seq_cst);
  }
  while (timer_node* node = all.pop_front()) static_cast<timer*>(node)->dropped();
}

bool timers::empty() const {
  std::lock_guard guard(lock_);
  return wheel_.empty();
}

bool timers::none_awaited(std::int64_t until) const {
  std::lock_guard guard(lock_);
  return until == never ? wheel_.awaited() == 0 : !wheel_.awaits_by(until);
}

}  // namespace troupe
