#include <troupe/scheduler/timers.hpp>

namespace troupe {

bool timers::arm(timer& t, std::int64_t deadline) {
  std::lock_guard guard(mutex_);
  t.deadline_ns = deadline;
  wheel_.insert(t);
  if (deadline >= next_.load(relaxed)) return false;
  next_.store(deadline, seq_cst);
  return true;
}

bool timers::cancel(timer& t) noexcept {
  std::lock_guard guard(mutex_);
  return wheel_.remove(t);
}

std::size_t timers::fire_due(std::int64_t now) {
  timer_list due;
  {
    std::lock_guard guard(mutex_);
    wheel_.advance(now, due);
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

bool timers::empty() const {
  std::lock_guard guard(mutex_);
  return wheel_.empty();
}

}  // namespace troupe
