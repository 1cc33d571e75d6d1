#include <troupe/scheduler/interval.hpp>

namespace troupe {

interval::interval(std::chrono::nanoseconds period, missed_tick policy) : period_(period.count()), policy_(policy) {
  if (period_ <= 0) throw troupe_error(errc::invalid_argument, "the period of an interval must be positive");
}

operation<detail::tick_request> interval::tick() {
  const std::int64_t now = detail::party_now();
  if (due_ == not_begun) due_ = now;
  return operation(detail::tick_request{this, due_ <= now}, std::chrono::nanoseconds(due_ - now));
}

namespace detail {

spin_lock& tick_request::guard() noexcept { return of->guard_; }

bool tick_request::try_locked(wait_node& n) noexcept {
  of->line_.push(n);
  return false;
}

result<std::chrono::steady_clock::time_point> tick_request::finish(const wait_end& how) {
  if (how != wait_outcome::granted && how != wait_outcome::timeout) return error_of(how, "a tick");
  const std::int64_t was_due = of->due_;
  of->due_ = next_tick(was_due, party_now(), of->period_, of->policy_);
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(was_due));
}

}  // namespace detail

}  // namespace troupe
