#include <troupe/scheduler/detail/cancel_region.hpp>

#include <mutex>

#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

cancel_region::cancel_region(kind k) : strand_(current_trampoline().self), shields_(k == kind::shield) {
  strand_extras& x = strand_->extras();
  std::lock_guard lock(strand_->cancel_lock_);
  outer_ = x.region;
  if (outer_) outer_->inner_ = this;
  x.region = this;
  // seq_cst as wherever it is written: see strand::begin_wait.
  if (shields_) strand_->cancelled_.store(strand_->to_be_cancelled(), seq_cst);
}

void cancel_region::leave() noexcept {
  if (!strand_) return;
  strand_extras& x = *strand_->extras_if_any();
  std::lock_guard lock(strand_->cancel_lock_);
  (inner_ ? inner_->outer_ : x.region) = outer_;
  if (outer_) outer_->inner_ = inner_;
  strand_->cancelled_.store(strand_->to_be_cancelled(), seq_cst);
  strand_ = nullptr;
}

void cancel_region::cancel() noexcept {
  strand& s = *strand_;
  wait_point* w = nullptr;
  {
    std::lock_guard lock(s.cancel_lock_);
    requested_ = true;
    if (!s.to_be_cancelled()) return;
    s.cancelled_.store(true, seq_cst);
    w = s.take_wait();
  }
  s.call_off(w);  // while the wait is taken the strand stays in it
}

bool cancel_region::cancelled() const noexcept {
  if (!strand_) return requested_;
  std::lock_guard lock(strand_->cancel_lock_);
  return requested_;
}

bool cancel_region::abandon(strand& self) noexcept {
  strand_extras* x = self.extras_if_any();
  if (!x) return true;
  // Only slices of the strand change the list, and this is one.
  for (cancel_region* r = x->region; r; r = r->outer_)
    if (!r->strand_killed()) return false;
  while (x->region) x->region->leave();
  return true;
}

}  // namespace troupe::detail
