#pragma once

#include <array>
#include <cstddef>
#include <mutex>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>

namespace troupe {

class strand;

/// Is told of each strand that comes and goes, under the lock of its shard.
class strand_watcher {
public:
  virtual void strand_added(const strand& s) noexcept = 0;
  virtual void strand_removed(const strand& s) noexcept = 0;

protected:
  ~strand_watcher() = default;
};

/// All live actors and green threads of a scheduler, so that somebody can ask who is alive. Any thread.
///
/// R1. A strand is in the list from `add` to `remove`; while `for_each` looks at it, `remove` waits.
class strand_registry {
public:
  /// A strand has begun to live.
  void add(strand& s) noexcept;
  /// Its life is over; waits while somebody looks at it.
  void remove(strand& s) noexcept;

  /// Calls `visit(strand&)` for each, under the lock of its shard: short, and nothing that adds or removes.
  template <class Visit>
  void for_each(Visit visit);

  /// How many are alive; a moment's truth.
  std::size_t size() const noexcept;

  /// Visits in the order of making, the newest first, at the price of one lock for all. Call it before the first `add`.
  void keep_order() noexcept { mask_ = 0; }

  /// Tells `w`, which lives until the last strand has gone. Call it before the first `add`.
  void watch(strand_watcher& w) noexcept { watcher_ = &w; }

private:
  static constexpr std::size_t shards = 16;  // a spread that keeps two workers apart; a power of two

  struct alignas(cache_line) shard {
    mutable spin_lock lock;
    strand* first = nullptr;
    std::size_t size = 0;
  };

  shard& shard_of(const strand& s) noexcept;

  std::array<shard, shards> shards_;
  std::size_t mask_ = shards - 1;
  strand_watcher* watcher_ = nullptr;
};

}  // namespace troupe
