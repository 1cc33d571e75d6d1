#include <algorithm>
#include <utility>

#include <troupe/exchange/detail/ack_queue.hpp>

// Deadlines of a queue: by when a consumer has answered, and until when a message waits.

namespace troupe::detail {

void queue_alarm::start() noexcept {
  std::lock_guard one(arming_);
  std::int64_t when = ack_node::never;
  {
    std::lock_guard guard(queue_->lock_);
    when = when_;
  }
  if (when == ack_node::never) return;  // it has rung meanwhile
  scheduler& s = queue_->core_->scheduler();
  if (!keep_)
    keep_ = queue_->shared_from_this();
  else if (!s.cancel(*this))
    return;  // it rings, and will look for the next one
  s.arm(*this, when);
}

/// The runtime ends: it need not ring.
void queue_alarm::stop() noexcept {
  if (queue_->core_->scheduler().cancel(*this)) keep_.reset();
}

void queue_alarm::fire() noexcept {
  // What is given up is published elsewhere, which is no work for whoever fires timers.
  queue_->core_->scheduler().reschedule(*this);
}

void queue_alarm::run() noexcept {
  const std::int64_t now = queue_->core_->scheduler().now();
  ack_queue_base::afterwards then;
  std::shared_ptr<ack_queue_base> last;
  {
    std::lock_guard one(arming_);
    std::lock_guard guard(queue_->lock_);
    last = std::move(keep_);
    when_ = ack_node::never;
    const bool answers = what_ == of::answers;
    const std::int64_t next = answers ? queue_->take_back_late(now, then) : queue_->expire(now, then);
    if (!queue_->closed_ && wanted(next)) (answers ? then.arm_answers : then.arm_expiry) = true;
    queue_->leave(then);
  }
  queue_->run(then);
}

/// Q6. Under the lock; gives the next deadline.
std::int64_t ack_queue_base::take_back_late(std::int64_t now, afterwards& then) noexcept {
  using place = ack_member_base::place;
  std::int64_t next = ack_node::never;
  for (ack_member_base& m : members_) {
    if (m.due_ > now) {
      next = std::min(next, m.due_);
      continue;
    }
    m.due_ = ack_node::never;
    for (std::size_t i = m.size_; i-- != 0;) {
      const bool begun = !m.claim(i, place::given, place::taken_back);
      if (begun && !m.claim(i, place::begun, place::taken_back)) continue;
      ack_node& n = *m.batch_[i];
      if (begun) {
        n.retain();
        ++n.delivery;
      }
      put_back(n, begun, then);
      credit_came(m, 1);
    }
  }
  for (auto i = held_.end(); i != held_.begin();) {
    ack_node& n = *--i;
    if (n.due > now) {
      next = std::min(next, n.due);
      continue;
    }
    ++i;
    let_go(n);
    put_back(n, true, then);
  }
  return next;
}

/// Under the lock; gives the next deadline.
std::int64_t ack_queue_base::expire(std::int64_t now, afterwards& then) noexcept {
  waiting_.take_expired(now, [&](ack_node& n) { give_up(n, dead_reason::expired, then); });
  return waiting_.next_expiry();
}

}  // namespace troupe::detail
