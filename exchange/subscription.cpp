#include <troupe/exchange/subscription.hpp>

namespace troupe {

void subscription::detach() noexcept {
  if (!exchange_) return;
  const auto exchange = std::move(exchange_);
  exchange->detach(*subscriber_.get_cell(), binding_, input_);
  subscriber_ = {};
}

}  // namespace troupe
