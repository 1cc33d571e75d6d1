#include <troupe/scheduler/with_timeout.hpp>

#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

timeout_region::timeout_region(std::chrono::nanoseconds limit) : home_(&inside()->home()) {
  if (limit == std::chrono::nanoseconds::max())
    home_ = nullptr;
  else
    home_->arm(*this, deadline_after(home_->now(), limit));
}

void timeout_region::fire() noexcept {
  cancel();
  fired_.store(true, release);
}

void timeout_region::disarm() noexcept {
  if (!home_) return;
  if (!home_->cancel(*this))
    while (!fired_.load(acquire)) yield_thread();
  home_ = nullptr;
}

bool timeout_region::leave_in_time() noexcept {
  disarm();
  leave();
  return !cancelled();
}

bool timeout_region::strand_killed() noexcept {
  disarm();
  return true;
}

bool handling_cancellation() noexcept {
  try {
    throw;
  } catch (const troupe_error& e) {
    return e.code() == errc::cancelled;
  } catch (...) {
    return false;
  }
}

}  // namespace troupe::detail
