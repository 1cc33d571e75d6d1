#include <troupe/remote/detail/caf_clock.hpp>

#include <utility>
#include <vector>

#include <caf/all.hpp>

#include <troupe/base/atomic.hpp>

namespace troupe::detail {

caf_clock::time_point caf_clock::now() const noexcept {
  return time_point(std::chrono::duration_cast<duration_type>(std::chrono::nanoseconds(scheduler_->now())));
}

void caf_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  std::lock_guard guard(mutex_);
  super::set_ordinary_timeout(t, self, type, id);
  arm_for_earliest();
}

void caf_clock::set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  std::lock_guard guard(mutex_);
  super::set_multi_timeout(t, self, type, id);
  arm_for_earliest();
}

void caf_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  std::lock_guard guard(mutex_);
  super::set_request_timeout(t, self, id);
  arm_for_earliest();
}

void caf_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  std::lock_guard guard(mutex_);
  super::cancel_ordinary_timeout(self, type);
  disarm_if_empty();
}

void caf_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  std::lock_guard guard(mutex_);
  super::cancel_request_timeout(self, id);
  disarm_if_empty();
}

void caf_clock::cancel_timeouts(caf::abstract_actor* self) {
  std::lock_guard guard(mutex_);
  super::cancel_timeouts(self);
  disarm_if_empty();
}

void caf_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) {
  std::lock_guard guard(mutex_);
  super::schedule_message(t, std::move(receiver), std::move(content));
  arm_for_earliest();
}

void caf_clock::schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) {
  std::lock_guard guard(mutex_);
  super::schedule_message(t, std::move(target), std::move(sender), std::move(content));
  arm_for_earliest();
}

void caf_clock::cancel_all() {
  schedule_map cancelled;  // CC2
  std::lock_guard guard(mutex_);
  cancelled.swap(schedule_);
  actor_lookup_.clear();
}

std::int64_t caf_clock::earliest() const noexcept {
  if (schedule_.empty()) return timers::never;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(schedule_.begin()->first.time_since_epoch()).count();
}

void caf_clock::arm_for_earliest() noexcept {
  const std::int64_t next = earliest();
  if (stopped_ || next >= armed_) return;
  // One that is about to fire looks at the maps when it gets the mutex.
  if (armed_ != timers::never && !scheduler_->cancel(*this)) return;
  armed_ = next;
  scheduler_->arm(*this, next);  // may call `dropped`
}

/// Nothing is due any more: a runtime with an armed timer would not be idle. One that is too early otherwise finds
/// nothing that is due, and is armed anew.
void caf_clock::disarm_if_empty() noexcept {
  if (schedule_.empty() && armed_ != timers::never && scheduler_->cancel(*this)) armed_ = timers::never;
}

void caf_clock::fire() noexcept {
  std::vector<unique_delayed_event_ptr> due;
  {
    std::lock_guard guard(mutex_);
    armed_ = timers::never;
    if (stopped_) return;
    ++delivering_;
    const time_point t = now();
    while (!schedule_.empty() && schedule_.begin()->first <= t) {
      const auto first = schedule_.begin();
      if (first->second->backlink != actor_lookup_.end()) actor_lookup_.erase(first->second->backlink);
      due.push_back(std::move(first->second));
      schedule_.erase(first);
    }
    arm_for_earliest();
  }
  for (unique_delayed_event_ptr& each : due) ship(*each);
  due.clear();
  std::lock_guard guard(mutex_);
  --delivering_;
}

void caf_clock::dropped() noexcept { dropped_.store(true, release); }

void caf_clock::stop() noexcept {
  {
    std::lock_guard guard(mutex_);
    stopped_ = true;
    if (armed_ != timers::never && scheduler_->cancel(*this)) armed_ = timers::never;
  }
  for (;; yield_thread()) {  // one that was about to fire, or delivers, does so on another thread now
    std::lock_guard guard(mutex_);
    if ((armed_ == timers::never || dropped_.load(acquire)) && delivering_ == 0) return;
  }
}

}  // namespace troupe::detail
