#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <troupe/base/atomic.hpp>
#include <troupe/base/pool.hpp>
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
/// The lists are of blocks of pointers, not of the strands themselves: whoever leaves touches one pointer among many
/// that are touched at about the same time, where links would lie in neighbours that no cache has seen for long.
///
/// R1. A strand is in the list from `add` to `remove`; while `for_each` looks at it, `remove` waits.
/// R2. A shard has one open block, which new strands go to, but for the moments when it is made or changed. Of the
///     others, those with room stand before those that are full. One of them that loses its last strand goes, unless
///     the open one is full: then it becomes the open one. A strand that comes and goes at the edge of a block costs
///     no memory each time.
/// R3. A strand is noted in the shard of the thread that makes it, so that workers which make and end many do not meet
///     at a lock.
/// R4. Whoever leaves does so by one compare-exchange on the `used` of its block, and touches nothing of the block
///     after it: it may end where it was not made (R3), and would meet those who come at the lock. The lock is taken
///     by those who find a visitor (R1), and by those who leave a full block or an empty one behind (R2).
/// R5. The free places of the open block are put aside all at once, for those who come next: `used` says that they are
///     taken, `aside` that they are not. So those who come write no word that those who leave do.
///
/// Each strand knows its place: the block, and which of its pointers. `add` writes that.
class strand_registry {
public:
  struct block;

  strand_registry() = default;
  strand_registry(const strand_registry&) = delete;
  strand_registry& operator=(const strand_registry&) = delete;
  ~strand_registry();

  /// A strand has begun to live. Ends the process if there is no memory to note it.
  void add(strand& s) noexcept;
  /// Its life is over; waits while somebody looks at it.
  void remove(strand& s) noexcept;

  /// Calls `visit(strand&)` for each, under the lock of its shard: short, and nothing that adds or removes.
  template <class Visit>
  void for_each(Visit visit);

  /// How many are alive; a moment's truth. Counts them, block by block.
  std::size_t size() const noexcept;

  /// Visits in an order that depends on who came and went, never on addresses, at the price of one lock for all. Call
  /// it before the first `add`.
  void keep_order() noexcept { mask_ = 0; }

  /// Tells `w`, which lives until the last strand has gone. Call it before the first `add`.
  void watch(strand_watcher& w) noexcept { watcher_ = &w; }

private:
  static constexpr std::size_t shards = 16;  // a power of two

  struct shard;

  struct alignas(cache_line) shard {
    mutable spin_lock lock;
    block* first = nullptr;  // R2
    block* last = nullptr;
    block* open = nullptr;    // R2; null before the first comes
    std::uint64_t aside = 0;  // R5; of `open`

    bool find_room() noexcept;
    void begin(block& b) noexcept;
    void place(block& b) noexcept;
    void push_front(block& b) noexcept;
    void push_back(block& b) noexcept;
    void unlink(block& b) noexcept;
    std::uint64_t present(const block& b, std::uint64_t used) const noexcept;
  };

  void remove_under_lock(block& b, std::uint64_t place, strand& s) noexcept;

  std::array<shard, shards> shards_;
  std::size_t mask_ = shards - 1;
  strand_watcher* watcher_ = nullptr;
};

struct strand_registry::block : pooled {
  static constexpr unsigned capacity = 60;  // makes 512 bytes of it
  static constexpr std::uint64_t all = (std::uint64_t{1} << capacity) - 1;
  static constexpr std::uint64_t visited = std::uint64_t{1} << 62;  // somebody looks at its strands
  static constexpr std::uint64_t opened = std::uint64_t{1} << 63;   // R2

  explicit block(shard& s) noexcept : home(s) {}

  shard& home;
  block* previous = nullptr;
  block* next = nullptr;
  // Bit i: strands[i] is one, or is put aside (R5); and the marks above. Places are taken under the lock, and left by
  // anybody (R4): the release of who leaves pairs with the acquire of who takes the place, looks or frees the block.
  atomic<std::uint64_t> used{0};
  std::array<strand*, capacity> strands;
};

/// The places of its strands, if `used` says that of `b`.
inline std::uint64_t strand_registry::shard::present(const block& b, std::uint64_t used) const noexcept {
  return used & block::all & ~(&b == open ? aside : 0);
}

}  // namespace troupe
