#pragma once

#include <cstdint>
#include <vector>

#include <troupe/actors/delivery_account.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe::detail {

/// What an exchange counts that nobody below it does: what was published through its router, and what became of it.
///
/// EA1. Logs, queues and backlogs count what goes through them under their own locks, and bindings what has begun
///      (`binding::deliveries`). Here is what is published in envelopes, by thread as in K1, and all losses but those
///      by a policy.
class exchange_account final : public delivery_account {
public:
  explicit exchange_account(std::size_t counter_sets) : sets_(counter_sets) {}

  /// One message has been published, to so many.
  void published(const core& k, std::size_t receivers) noexcept {
    const std::size_t set = k.counter_set();
    counters& mine = sets_[set];
    if (set + 1 != sets_.size()) [[likely]] {
      bump(mine.published);
      bump(mine.routed, std::uint64_t{receivers});
    } else {
      mine.published.fetch_add(1, relaxed);
      mine.routed.fetch_add(receivers, relaxed);
    }
  }
  /// The same of one that nobody gets: the core may have gone.
  void published_to_nobody() noexcept { to_nobody_.fetch_add(1, relaxed); }
  std::uint64_t times_published() const noexcept { return to_nobody_.load(relaxed) + sum(&counters::published); }
  std::uint64_t times_routed() const noexcept { return sum(&counters::routed); }

private:
  struct alignas(cache_line) counters {
    atomic<std::uint64_t> published{0}, routed{0};
  };
  std::uint64_t sum(atomic<std::uint64_t> counters::*which) const noexcept {
    std::uint64_t all = 0;
    for (const counters& c : sets_) all += (c.*which).load(relaxed);
    return all;
  }

  atomic<std::uint64_t> to_nobody_{0};  // only counts
  std::vector<counters> sets_;          // none where nothing is published in envelopes
};

}  // namespace troupe::detail
