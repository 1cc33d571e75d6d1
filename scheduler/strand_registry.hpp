#pragma once

#include <array>
#include <cstddef>
#include <mutex>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/detail/spin_lock.hpp>

namespace troupe {

class strand;

/// All live actors and green threads of a scheduler, so that somebody can ask who is alive. Any thread.
///
/// R1. A strand is in the list from `add` to `remove`; while `for_each` looks at it, `remove` waits.
class strand_registry {
public:
  void add(strand& s) noexcept;
  void remove(strand& s) noexcept;

  /// Calls `visit(strand&)` for each, under the lock of its shard: short, and nothing that adds or removes.
  template <class Visit>
  void for_each(Visit visit);

  std::size_t size() const noexcept;

  /// Visits in the order of making, the newest first, at the price of one lock for all. Call it before the first `add`.
  void keep_order() noexcept { used_ = 1; }

private:
  static constexpr std::size_t shards = 16;  // a spread that keeps two workers apart

  struct alignas(cache_line) shard {
    mutable detail::spin_lock lock;
    strand* first = nullptr;
    std::size_t size = 0;
  };

  shard& shard_of(const strand& s) noexcept;

  std::array<shard, shards> shards_;
  std::size_t used_ = shards;
};

}  // namespace troupe
