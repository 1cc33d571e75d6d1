#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <troupe/base/detail/slab_store.hpp>
#include <troupe/base/pool.hpp>
#include <utility>

// Invariants:
// P1  A full magazine holds exactly `rounds()` blocks of one class; depots hold only full ones.
// P2  A slab is on its class's list of partial slabs exactly while it has free blocks and is not the current one.
// P3  A slab whose blocks are all free is given up at once, unless it is the current one.
// P4  One lock at a time, and under none are pages of slabs released or touched for the first time: to clear a huge
//     page takes a millisecond.
// P5  Which blocks of a slab are free stands in its header: no page behind it is touched before a block is in use, and
//     no block is touched after. What another thread has freed is far away (a miss for each block, were they linked).
// P6  A slab gives its free blocks in the order of their addresses: caches fetch ahead whoever writes them in a row.

namespace troupe::detail {

inline constexpr std::size_t depot_bytes = 1 << 20;  // bound of one class's depot
inline constexpr std::uint32_t magazine_size = 64;

extern slab_store store;

struct magazine {
  magazine* next;
  void* blocks[magazine_size];  // large classes use but the first few
};

/// The header of a slab; behind it stands a bit for each block, set while the block is free.
struct slab {
  slab* prev;
  slab* next;
  chunk* of;
  std::uint32_t free_count;
  std::uint32_t lowest;  ///< no word of bits before this one has a bit set
  std::uint64_t* bits() noexcept { return reinterpret_cast<std::uint64_t*>(this + 1); }
};

inline slab* slab_of(void* block) noexcept {
  return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

/// Hands slabs that a class has given up to the store; expects no lock to be held.
inline void hand_over(slab* given_up) noexcept {
  while (given_up) {
    slab* s = given_up;
    given_up = s->next;
    store.give(s, *s->of);
  }
}

/// Depot and slabs of one class. Every function but `open_slab` and `stats` expects `mutex` to be held by the
/// caller.
class size_class {
public:
  constexpr size_class(std::size_t size, std::uint32_t rounds) noexcept
      : size_(size),
        rounds_(rounds),
        reciprocal_(static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + size - 1) / size)),
        capacity_(static_cast<std::uint32_t>(slab_bytes / size)) {
    // As many blocks as there is room for when each takes a bit of the header, which is made of whole cache lines.
    do {
      --capacity_;
      header_ = header_of(capacity_);
    } while (header_ + capacity_ * size_ > slab_bytes);
  }

  std::mutex mutex;

  /// How many blocks a full magazine holds.
  std::uint32_t rounds() const noexcept { return rounds_; }

  /// A full magazine in exchange for an empty one; nullptr if there is none.
  magazine* exchange_empty(magazine* empty) noexcept {
    magazine* m = full_;
    if (!m) return nullptr;
    full_ = m->next;
    --full_count_;
    push_empty(empty);
    return m;
  }

  /// Takes a full magazine's blocks and returns an empty one; `given_up` gets the slabs to hand to the store.
  magazine* exchange_full(magazine* m, slab*& given_up) noexcept {
    const std::size_t limit = depot_limit();
    if (full_count_ < limit) {
      if (magazine* empty = pop_empty()) {
        m->next = full_;
        full_ = m;
        ++full_count_;
        return empty;
      }
    }
    sort_back(m, given_up);
    if (full_count_ > limit) drain_one(given_up);
    return m;
  }

  /// Up to `want` blocks from slabs; 0 when a slab has to be opened.
  std::uint32_t take(void** to, std::uint32_t want) noexcept {
    std::uint32_t n = 0;
    while (n < want && partial_) {
      slab* s = partial_;
      const std::uint32_t taken = take_free(*s, to + n, want - n);
      slab_free_ -= taken;
      n += taken;
      if (s->free_count == 0) unlink(s);
    }
    if (n < want && current_) {
      n += take_free(*current_, to + n, want - n);
      if (current_->free_count == 0) current_ = nullptr;
    }
    // The first to be handed out stands last.
    std::reverse(to, to + n);
    outstanding_ += n;
    return n;
  }

  /// A slab with all its blocks free, for `adopt`; nullptr when memory is out. Expects no lock to be held.
  slab* open_slab() const noexcept {
    const slab_store::place place = store.take();
    if (!place.at) return nullptr;
    slab* s = new (place.at) slab{nullptr, nullptr, place.of, capacity_, 0};
    std::uint64_t* bits = s->bits();
    std::fill_n(bits, capacity_ / 64, ~std::uint64_t{0});
    if (capacity_ % 64 != 0) bits[capacity_ / 64] = (std::uint64_t{1} << capacity_ % 64) - 1;
    return s;
  }

  /// To be taken from next, unless another thread has brought one meanwhile.
  void adopt(slab* opened, slab*& given_up) noexcept {
    if (current_)
      push_given(opened, given_up);
    else
      current_ = opened;
  }

  void give(void* block, slab*& given_up) noexcept {
    slab* s = slab_of(block);
    const std::uint32_t index = index_of(block, s);
    s->bits()[index / 64] |= std::uint64_t{1} << index % 64;
    s->lowest = std::min(s->lowest, index / 64);
    ++s->free_count;
    --outstanding_;
    if (s == current_) return;
    if (s->free_count == 1) link(s);
    ++slab_free_;
    if (s->free_count == capacity_) give_up(s, given_up);
  }

  void trim(slab*& given_up) noexcept {
    while (full_) drain_one(given_up);
    if (current_ && current_->free_count == capacity_) push_given(std::exchange(current_, nullptr), given_up);
    while (magazine* m = pop_empty_only()) std::free(m);
  }

  void push_empty(magazine* m) noexcept {
    m->next = empty_;
    empty_ = m;
  }

  /// An empty magazine; nullptr when memory is out.
  magazine* pop_empty() noexcept {
    if (magazine* m = pop_empty_only()) return m;
    return static_cast<magazine*>(std::malloc(sizeof(magazine)));
  }

  void stats(pool_statistics& to) noexcept {
    std::lock_guard lock(mutex);
    const std::size_t depot = full_count_ * rounds_;
    to.in_use += (outstanding_ - depot) * size_;
    to.depot += depot * size_;
  }

private:
  // A free block in the depot keeps its slab. That is cheap while slabs are densely used; when they are not, because a
  // burst ebbs away, the depot may pin at most a sixteenth of what the blocks in use pin anyway.
  std::size_t depot_limit() const noexcept {
    const std::size_t bound = depot_bytes / (size_ * rounds_);
    if (slab_free_ * size_ <= depot_bytes) return bound;
    const std::size_t in_use = outstanding_ / rounds_ - full_count_;
    return std::min(in_use / 16, bound);
  }

  void sort_back(magazine* m, slab*& given_up) noexcept {
    for (std::uint32_t i = 0; i < rounds_; ++i) give(m->blocks[i], given_up);
  }

  void drain_one(slab*& given_up) noexcept {
    magazine* m = full_;
    full_ = m->next;
    --full_count_;
    sort_back(m, given_up);
    push_empty(m);
  }

  magazine* pop_empty_only() noexcept {
    magazine* m = empty_;
    if (m) empty_ = m->next;
    return m;
  }

  static constexpr std::size_t header_of(std::size_t blocks) noexcept {
    constexpr std::size_t line = 64;
    const std::size_t bytes = sizeof(slab) + (blocks + 63) / 64 * sizeof(std::uint64_t);
    return (bytes + line - 1) / line * line;
  }

  // Multiplies by the reciprocal, rounded up: exact for what is smaller than 2^32 / size_.
  std::uint32_t index_of(void* block, slab* s) const noexcept {
    const auto offset = static_cast<std::uint64_t>(static_cast<char*>(block) - reinterpret_cast<char*>(s)) - header_;
    return static_cast<std::uint32_t>(offset * reciprocal_ >> 32);
  }

  /// Up to `want` blocks of a slab that has some.
  std::uint32_t take_free(slab& s, void** to, std::uint32_t want) noexcept {
    const std::uint32_t n = std::min(want, s.free_count);
    char* const blocks = reinterpret_cast<char*>(&s) + header_;
    std::uint32_t word = s.lowest;
    for (std::uint32_t i = 0; i < n; ++word) {
      std::uint64_t bits = s.bits()[word];
      for (; bits != 0 && i < n; bits &= bits - 1)
        to[i++] = blocks + size_ * (word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
      s.bits()[word] = bits;
      s.lowest = word;
    }
    s.free_count -= n;
    return n;
  }

  void give_up(slab* s, slab*& given_up) noexcept {
    slab_free_ -= s->free_count;
    unlink(s);
    push_given(s, given_up);
  }

  static void push_given(slab* s, slab*& given_up) noexcept {
    s->next = given_up;
    given_up = s;
  }

  void link(slab* s) noexcept {
    s->prev = nullptr;
    s->next = partial_;
    if (partial_) partial_->prev = s;
    partial_ = s;
  }

  void unlink(slab* s) noexcept {
    (s->prev ? s->prev->next : partial_) = s->next;
    if (s->next) s->next->prev = s->prev;
  }

  const std::size_t size_;
  const std::uint32_t rounds_;
  const std::uint32_t reciprocal_;
  std::uint32_t capacity_;  // of a slab
  std::size_t header_ = 0;  // of a slab, its bits with it
  magazine* full_ = nullptr;
  magazine* empty_ = nullptr;
  std::size_t full_count_ = 0;
  slab* partial_ = nullptr;
  slab* current_ = nullptr;      // opened last
  std::size_t slab_free_ = 0;    // free blocks of the slabs on the list
  std::size_t outstanding_ = 0;  // blocks taken and not given back
};

}  // namespace troupe::detail
