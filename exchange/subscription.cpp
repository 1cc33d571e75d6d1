#include <troupe/exchange/subscription.hpp>

namespace troupe {

namespace detail {

void end_stand_in(const any_ref& who) noexcept {
  who.kill();                                     // it may wait for room that never comes
  if (who.get_cell()->core().given_up()) return;  // C6
  try {
    (void)who.join();
  } catch (...) {
    // Without memory to wait with, or where nothing could end it: it is killed, and its next slice is its last.
  }
}

}  // namespace detail

detach_status subscription::detach() noexcept {
  if (!exchange_) return detach_status::not_attached;
  const auto exchange = std::move(exchange_);
  const any_ref who = std::move(subscriber_);
  if (!who) {
    exchange->detach_exchange(binding_, input_);
    return detach_status::detached;
  }
  const bool was_attached = exchange->detach(*who.get_cell(), {binding_, nullptr, stay_}, input_);
  if (stand_in_ == stand_in::owns) who.close();
  if (stand_in_ == stand_in::borrows) detail::end_stand_in(who);
  stand_in_ = stand_in::none;
  if (const auto group = std::move(group_)) {
    who.get_cell()->remove_end_hook(*group);
    group->leave();
  }
  return was_attached ? detach_status::detached : detach_status::not_attached;
}

void subscription::keep(std::shared_ptr<detail::group_membership> in) {
  group_ = in;
  subscriber_.get_cell()->add_end_hook(std::move(in));
}

subscription_counts subscription::counts() const {
  if (exchange_ && subscriber_) return exchange_->counts_of(*subscriber_.get_cell(), binding_, backlog_.get());
  return detail::counts_at_end(backlog_.get());
}

}  // namespace troupe
