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
  std::size_t most = ones_.size();
  for (const auto& set : sets_) most += set.size();
  if (marks_.size() < 2 * most) marks_.assign(std::bit_ceil(2 * most), {});
  ++merges_;
  each([&](binding& b) {
    if (is_new(b.subscriber.get_cell())) merged_.push_back(&b);
  });
}

}  // namespace troupe
