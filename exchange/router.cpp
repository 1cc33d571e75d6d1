#include <troupe/exchange/router.hpp>

#include <bit>

#include <troupe/exchange/detail/key_table.hpp>

namespace troupe {

bool route::is_new(const cell* subscriber) noexcept {
  const std::size_t mask = marks_.size() - 1;
  for (std::size_t i = detail::spread(reinterpret_cast<std::uintptr_t>(subscriber));; ++i) {
    mark& m = marks_[i & mask];
    if (m.merge == merges_ && m.subscriber == subscriber) return false;
    if (m.merge == merges_) continue;
    m = {subscriber, merges_};
    return true;
  }
}

void route::merge() {
  // Set by set, so that the order does not depend on addresses (C12): they serve only to find those that are there.
  std::size_t most = 0;
  for (const auto& set : sets_) most += set.size();
  if (marks_.size() < 2 * most) marks_.assign(std::bit_ceil(2 * most), {});
  ++merges_;
  for (const auto& set : sets_) {
    set.for_each([&](binding& b) {
      if (is_new(b.subscriber.get_cell())) merged_.push_back(&b);
    });
  }
}

std::unique_ptr<router> make_router(exchange_kind kind) {
  switch (kind) {
    case exchange_kind::fanout:
    case exchange_kind::queue: return nullptr;
    case exchange_kind::direct: return make_direct_router();
    case exchange_kind::topic: return make_topic_router();
    case exchange_kind::work_queue: return make_work_queue_router();
  }
  throw troupe_error(errc::invalid_argument, "no such kind of exchange");
}

}  // namespace troupe
