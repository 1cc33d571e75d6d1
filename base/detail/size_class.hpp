#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <troupe/base/detail/slab_store.hpp>
#include <troupe/base/pool.hpp>
#include <utility>

// Invariants:
// P1  A full magazine holds exactly `rounds()` blocks of one class; depots hold only full ones.
// P2  A slab is on its class's list of partial slabs exactly while its free list is not empty.
// P3  A slab whose carved blocks are all on its free list is given up at once, unless blocks are still carved from it.
// P4  Locks are taken in the order class, slab store; pages are released under neither.
// P5  Pages of a slab are touched only when blocks are carved from them.

namespace troupe::detail {

inline constexpr std::size_t slab_header = 64;
inline constexpr std::size_t depot_bytes = 1 << 20;  // bound of one class's depot
inline constexpr std::uint32_t magazine_size = 64;

extern slab_store store;

struct magazine {
  magazine* next;
  void* blocks[magazine_size];  // large classes use but the first few
};

struct free_block {
  free_block* next;
};

struct slab {
  slab* prev;
  slab* next;
  free_block* free;
  chunk* of;
  std::uint32_t free_count;
  std::uint32_t carved;
  std::uint32_t capacity;
};
static_assert(sizeof(slab) <= slab_header);

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

/// Depot and slabs of one class. Every function but `stats` expects `mutex` to be held by the caller.
class size_class {
public:
  constexpr size_class(std::size_t size, std::uint32_t rounds) noexcept : size_(size), rounds_(rounds) {}

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

  /// Up to `want` blocks from slabs; 0 when memory is out.
  std::uint32_t take(void** to, std::uint32_t want) noexcept {
    std::uint32_t n = 0;
    while (n < want && partial_) n += take_free(partial_, to + n, want - n);
    while (n < want) {
      if (!current_ && !open_slab()) break;
      for (; n < want && current_->carved < current_->capacity; ++n)
        to[n] = reinterpret_cast<char*>(current_) + slab_header + size_ * current_->carved++;
      if (current_->carved == current_->capacity) current_ = nullptr;
    }
    // The first to be handed out stands last.
    std::reverse(to, to + n);
    outstanding_ += n;
    return n;
  }

  void give(void* block, slab*& given_up) noexcept {
    slab* s = slab_of(block);
    auto* b = static_cast<free_block*>(block);
    b->next = s->free;
    s->free = b;
    if (s->free_count++ == 0) link(s);
    --outstanding_;
    ++slab_free_;
    if (s->free_count == s->carved && s != current_) give_up(s, given_up);
  }

  void trim(slab*& given_up) noexcept {
    while (full_) drain_one(given_up);
    if (current_ && current_->free_count == current_->carved) {
      slab* s = std::exchange(current_, nullptr);
      // Nothing carved means that P2 keeps it off the list.
      if (s->carved == 0)
        push_given(s, given_up);
      else
        give_up(s, given_up);
    }
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

  std::uint32_t take_free(slab* s, void** to, std::uint32_t want) noexcept {
    const std::uint32_t n = std::min(want, s->free_count);
    for (std::uint32_t i = 0; i < n; ++i) {
      to[i] = s->free;
      s->free = s->free->next;
    }
    s->free_count -= n;
    slab_free_ -= n;
    if (s->free_count == 0) unlink(s);
    return n;
  }

  bool open_slab() noexcept {
    const slab_store::place place = store.take();
    if (!place.at) return false;
    auto* s = static_cast<slab*>(place.at);
    *s =
        slab{nullptr, nullptr, nullptr, place.of, 0, 0, static_cast<std::uint32_t>((slab_bytes - slab_header) / size_)};
    current_ = s;
    return true;
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
  magazine* full_ = nullptr;
  magazine* empty_ = nullptr;
  std::size_t full_count_ = 0;
  slab* partial_ = nullptr;
  slab* current_ = nullptr;      // the one that blocks are carved from
  std::size_t slab_free_ = 0;    // blocks on the free lists of slabs
  std::size_t outstanding_ = 0;  // blocks carved and not on such a list
};

}  // namespace troupe::detail
