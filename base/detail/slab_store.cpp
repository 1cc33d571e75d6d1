#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <troupe/base/detail/slab_store.hpp>
#include <utility>

// Invariants:
// Z1  A chunk is on the list that its state tells, but on none while it has no empty slab or pages are being released.
// Z2  Pages are released, and the kernel is advised, without the lock; nobody takes from a chunk meanwhile.
// Z3  A huge page is released as a whole if that is possible: a part of one is free only when the kernel has split it.

namespace troupe::detail {

namespace {

constexpr std::size_t slabs_per_chunk = 32;
constexpr std::size_t chunk_bytes = slab_bytes * slabs_per_chunk;
constexpr std::uint32_t all_slabs = 0xffff'ffff;

// Huge pages begin where one more of them adds at most a quarter: small programs stay small.
constexpr std::size_t huge_from = slabs_per_chunk;

// Empty slabs that keep their pages: these, or a share of what the largest burst took, so that the ebb and flow of a
// queue does not go to the kernel. What must come back after a burst (C10) is 19 in 20; the depots need a part of that.
constexpr std::size_t hot_slabs = 48;
constexpr std::size_t hot_share = 32;

// More of them where all share a chunk with slabs in use: releasing those breaks a huge page, and mostly the rest of
// the chunk follows soon.
constexpr std::size_t ready_slabs = 3 * slabs_per_chunk;

std::size_t count(std::uint32_t slabs) noexcept { return static_cast<std::size_t>(std::popcount(slabs)); }

std::uint32_t hot(const chunk& c) noexcept { return c.warm & ~c.used; }

// Each run of neighbours in one call.
void discard(char* begin, std::uint32_t slabs) noexcept {
  while (slabs != 0) {
    const auto first = static_cast<std::size_t>(std::countr_zero(slabs));
    const auto n = static_cast<std::size_t>(std::countr_one(slabs >> first));
    ::madvise(begin + first * slab_bytes, n * slab_bytes, MADV_DONTNEED);
    slabs = first + n == slabs_per_chunk ? 0 : slabs >> (first + n) << (first + n);
  }
}

void* map_aligned() noexcept {
  auto map = [](std::size_t size) {
    void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
  };
  auto excess = [](char* p) { return reinterpret_cast<std::uintptr_t>(p) % chunk_bytes; };
  // The kernel maps below what it mapped last, so that the next chunk is mostly aligned as it comes.
  char* begin = map(chunk_bytes);
  if (!begin || excess(begin) == 0) return begin;
  ::munmap(begin, chunk_bytes);
  begin = map(2 * chunk_bytes);
  if (!begin) return nullptr;
  const std::size_t ahead = (chunk_bytes - excess(begin)) % chunk_bytes;
  if (ahead != 0) ::munmap(begin, ahead);
  ::munmap(begin + ahead + chunk_bytes, chunk_bytes - ahead);
  return begin + ahead;
}

}  // namespace

void chunk_list::push_front(chunk& c) noexcept {
  c.on = this;
  c.prev = nullptr;
  c.next = first;
  (first ? first->prev : last) = &c;
  first = &c;
}

void chunk_list::push_back(chunk& c) noexcept {
  c.on = this;
  c.prev = last;
  c.next = nullptr;
  (last ? last->next : first) = &c;
  last = &c;
}

void chunk_list::remove(chunk& c) noexcept {
  (c.prev ? c.prev->next : first) = c.next;
  (c.next ? c.next->prev : last) = c.prev;
  c.on = nullptr;
}

slab_store::place slab_store::take() noexcept {
  chunk* c = nullptr;
  std::uint32_t bit = 0;
  bool advise = false;
  {
    std::lock_guard lock(mutex_);
    c = ready_.first ? ready_.first : empty_.first ? empty_.first : bare_.first ? bare_.first : map_chunk();
    if (!c) return {nullptr, nullptr};
    if (const std::uint32_t with_pages = hot(*c)) {
      bit = with_pages & (0 - with_pages);
      --hot_count_;
    } else {
      bit = ~c->used & (c->used + 1);
      if (c->used == 0 && !c->resident && (c->advised || warm_count_ >= huge_from)) {
        c->resident = true;
        advise = !std::exchange(c->advised, true);
        warm_count_ += slabs_per_chunk;
      } else if (!c->resident) {
        ++warm_count_;
      }
      peak_ = std::max(peak_, warm_count_);
    }
    c->used |= bit;
    c->warm |= bit;
    file(*c);
  }
  // Where the kernel has no huge pages it refuses, and single pages come as they are touched.
  if (advise) ::madvise(c->begin, chunk_bytes, MADV_HUGEPAGE);
  return {c->begin + static_cast<std::size_t>(std::countr_zero(bit)) * slab_bytes, c};
}

void slab_store::give(void* empty, chunk& of) noexcept {
  chunk* claimed = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto offset = static_cast<std::size_t>(static_cast<char*>(empty) - of.begin);
    of.used &= ~(1U << (offset / slab_bytes));
    file(of);
    const std::size_t bound = std::max(hot_slabs, peak_ / hot_share);
    if (++hot_count_ > bound) {
      if (empty_.last)
        claimed = claim(*empty_.last);
      else if (ready_.last && hot_count_ > bound + ready_slabs)
        claimed = claim(*ready_.last);
    }
  }
  release(claimed);
}

void slab_store::trim() noexcept {
  chunk* claimed = nullptr;
  {
    std::lock_guard lock(mutex_);
    while (chunk* c = empty_.last ? empty_.last : ready_.last) claim(*c)->next = std::exchange(claimed, c);
    peak_ = warm_count_;
  }
  release(claimed);
}

std::size_t slab_store::bytes() noexcept {
  std::lock_guard lock(mutex_);
  return warm_count_ * slab_bytes;
}

/// A chunk on no list; nullptr when memory is out. Chunks are kept for ever, as address space.
chunk* slab_store::map_chunk() noexcept {
  void* record = std::malloc(sizeof(chunk));
  void* begin = record ? map_aligned() : nullptr;
  if (begin) return new (record) chunk{static_cast<char*>(begin)};
  std::free(record);
  return nullptr;
}

/// Puts a chunk on the list where it belongs (Z1); the one touched last stands first.
void slab_store::file(chunk& c) noexcept {
  if (c.on) c.on->remove(c);
  if (c.claimed != 0 || c.used == all_slabs) return;
  if (hot(c) != 0)
    (c.used != 0 ? ready_ : empty_).push_front(c);
  else if (c.used != 0)
    bare_.push_front(c);
  else
    bare_.push_back(c);
}

/// Marks a chunk's empty slabs for release, and ends the list that `release` expects.
chunk* slab_store::claim(chunk& c) noexcept {
  c.on->remove(c);
  hot_count_ -= count(hot(c));
  c.claimed = c.resident ? ~c.used : hot(c);
  c.next = nullptr;
  return &c;
}

void slab_store::release(chunk* claimed) noexcept {
  while (chunk* c = claimed) {
    claimed = c->next;
    const bool in_part = c->claimed != all_slabs;
    // Only the claimer changes these while pages are being released.
    if (c->resident && in_part) {
      // Or the kernel would, in time, fill the gap with a huge page again.
      ::madvise(c->begin, chunk_bytes, MADV_NOHUGEPAGE);
      c->advised = false;
    }
    discard(c->begin, c->claimed);
    std::lock_guard lock(mutex_);
    warm_count_ -= count(c->claimed);
    c->warm &= ~c->claimed;
    c->claimed = 0;
    c->resident = false;
    file(*c);
  }
}

}  // namespace troupe::detail
