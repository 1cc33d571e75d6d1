#include <troupe/base/asymmetric.hpp>
#include <troupe/scheduler/detail/cancel_region.hpp>

#include <mutex>

#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

cancel_region::cancel_region(kind k) : strand_(current_trampoline().self), shields_(k == kind::shield) {
  strand_extras& x = strand_->extras();
  std::lock_guard guard(strand_->outside_);
  outer_ = x.region;
  if (outer_) outer_->inner_ = this;
  x.region = this;
  if (shields_) strand_->regions_changed();
}

void cancel_region::leave() noexcept {
  if (!strand_) return;
  strand_extras& x = *strand_->extras_if_any();
  {
    std::lock_guard guard(strand_->outside_);
    (inner_ ? inner_->outer_ : x.region) = outer_;
    if (outer_) outer_->inner_ = inner_;
    strand_->regions_changed();
  }
  strand_ = nullptr;
}

void cancel_region::cancel() noexcept {
  strand& s = *strand_;
  {
    std::lock_guard guard(s.outside_);
    requested_ = true;
    if (!s.to_be_cancelled()) return;
    s.attention_.fetch_or(strand::cancelled, seq_cst);
  }
  heavy_barrier();  // S2
  s.call_off();
}

bool cancel_region::cancelled() const noexcept {
  if (!strand_) return requested_;
  std::lock_guard guard(strand_->outside_);
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
