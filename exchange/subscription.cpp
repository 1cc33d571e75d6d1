#include <troupe/exchange/subscription.hpp>

namespace troupe {

detach_status subscription::detach() noexcept {
  if (!exchange_) return detach_status::not_attached;
  const auto exchange = std::move(exchange_);
  const any_ref who = std::move(subscriber_);
  if (!who) {
    exchange->detach_exchange(binding_, input_);
    return detach_status::detached;
  }
  const bool was_attached = exchange->detach(*who.get_cell(), binding_, input_);
  if (std::exchange(stand_in_, false)) who.close();
  group_.reset();
  return was_attached ? detach_status::detached : detach_status::not_attached;
}

subscription_counts subscription::counts() const {
  if (exchange_ && subscriber_) return exchange_->counts_of(*subscriber_.get_cell(), binding_, backlog_.get());
  return detail::counts_at_end(backlog_.get());
}

}  // namespace troupe
