#include <troupe/exchange/router.hpp>

#include <algorithm>

namespace troupe {

void route::merge() {
  for (const auto& set : sets_) set.for_each([&](binding& b) { merged_.push_back(&b); });
  // A subscriber that several bindings lead to gets the message once.
  const auto same = [](const binding* a, const binding* b) { return a->subscriber == b->subscriber; };
  std::sort(merged_.begin(), merged_.end(), [](const binding* a, const binding* b) {
    // By age, not by address: the order must be the same in each run (C12).
    const std::uint64_t x = a->subscriber.id();
    const std::uint64_t y = b->subscriber.id();
    return x != y ? x < y : a->key < b->key;
  });
  merged_.erase(std::unique(merged_.begin(), merged_.end(), same), merged_.end());
}

std::unique_ptr<router> make_router(exchange_kind kind) {
  switch (kind) {
    case exchange_kind::fanout: return nullptr;
    case exchange_kind::direct: return make_direct_router();
    case exchange_kind::topic: return make_topic_router();
    case exchange_kind::work_queue: return make_work_queue_router();
  }
  throw troupe_error(errc::invalid_argument, "no such kind of exchange");
}

}  // namespace troupe
