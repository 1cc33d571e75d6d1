#include <troupe/base/pool.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <utility>

// Invariants:
// P1  A full magazine holds exactly `magazine_size` blocks of one class; depots hold only full ones.
// P2  A slab is on its class's list of partial slabs exactly while its free list is not empty.
// P3  A slab whose carved blocks are all on its free list is given up at once, unless blocks are still carved from it.
// P4  Locks are taken in the order class, slab store; pages are released under neither.
// P5  Pages of a slab are touched only when blocks are carved from them.

namespace troupe::detail {

constinit thread_local pool_cache pool_tls __attribute__((tls_model("initial-exec"))) = {};

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool pass_through = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool pass_through = true;
#else
constexpr bool pass_through = false;
#endif
#else
constexpr bool pass_through = false;
#endif

constexpr std::size_t slab_bytes = 64 * 1024;
constexpr std::size_t slabs_per_chunk = 16;
constexpr std::size_t slab_header = 64;
constexpr std::size_t hot_slabs = 32;         // empty slabs kept with their pages; beyond it half of them go
constexpr std::size_t depot_bytes = 1 << 20;  // bound of one class's depot
constexpr std::uint32_t magazine_size = 64;

struct magazine {
  magazine* next;
  void* blocks[magazine_size];
};

struct free_block {
  free_block* next;
};

struct slab {
  slab* prev;
  slab* next;
  free_block* free;
  std::uint32_t free_count;
  std::uint32_t carved;
  std::uint32_t capacity;
};
static_assert(sizeof(slab) <= slab_header);

slab* slab_of(void* block) noexcept {
  return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

/// Empty slabs of no class.
class slab_store {
public:
  /// A slab to be written from its first byte; nullptr when memory is out.
  void* take() noexcept {
    std::lock_guard lock(mutex_);
    if (hot_count_ != 0) return hot_[--hot_count_];
    if (cold_count_ == 0 && !map_chunk()) return nullptr;
    ++warm_;
    return cold_[--cold_count_];
  }

  void give(void* empty) noexcept {
    void* released[hot_slabs];
    std::size_t count = 0;
    {
      std::lock_guard lock(mutex_);
      if (hot_count_ == hot_slabs) count = pick(released, hot_slabs / 2);
      hot_[hot_count_++] = empty;
    }
    release(released, count);
  }

  void trim() noexcept {
    void* released[hot_slabs];
    std::size_t count = 0;
    {
      std::lock_guard lock(mutex_);
      count = pick(released, hot_count_);
    }
    release(released, count);
  }

  std::size_t bytes() noexcept {
    std::lock_guard lock(mutex_);
    return warm_ * slab_bytes;
  }

private:
  // The oldest: the latest are the ones whose lines are still in a cache.
  std::size_t pick(void** to, std::size_t count) noexcept {
    std::copy_n(hot_, count, to);
    std::copy(hot_ + count, hot_ + hot_count_, hot_);
    hot_count_ -= count;
    return count;
  }

  // Neighbours go in one call: a burst that is freed in the order of its allocation leaves long runs of them.
  void release(void** slabs, std::size_t count) noexcept {
    if (count == 0) return;
    std::sort(slabs, slabs + count, std::greater<>());
    for (std::size_t i = 0; i < count;) {
      std::size_t n = 1;
      while (i + n < count && static_cast<char*>(slabs[i]) - n * slab_bytes == slabs[i + n]) ++n;
      ::madvise(slabs[i + n - 1], n * slab_bytes, MADV_DONTNEED);
      i += n;
    }
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < count; ++i) cold_[cold_count_++] = slabs[i];
    warm_ -= count;
  }

  bool map_chunk() noexcept {
    if (mapped_ + slabs_per_chunk > cold_capacity_) {
      // Room for every slab there is, so that releasing never allocates.
      const std::size_t capacity = std::max<std::size_t>(256, cold_capacity_ * 2);
      void* grown = std::realloc(cold_, capacity * sizeof(void*));
      if (!grown) return false;
      cold_ = static_cast<void**>(grown);
      cold_capacity_ = capacity;
    }
    constexpr std::size_t size = slab_bytes * slabs_per_chunk;
    void* raw = ::mmap(nullptr, size + slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return false;
    char* const begin = static_cast<char*>(raw);
    const std::size_t ahead = (slab_bytes - reinterpret_cast<std::uintptr_t>(begin) % slab_bytes) % slab_bytes;
    if (ahead != 0) ::munmap(begin, ahead);
    ::munmap(begin + ahead + size, slab_bytes - ahead);
    for (std::size_t i = slabs_per_chunk; i-- > 0;) cold_[cold_count_++] = begin + ahead + i * slab_bytes;
    mapped_ += slabs_per_chunk;
    return true;
  }

  std::mutex mutex_;
  void* hot_[hot_slabs] = {};  // with pages
  std::size_t hot_count_ = 0;
  void** cold_ = nullptr;  // address space only
  std::size_t cold_count_ = 0;
  std::size_t cold_capacity_ = 0;
  std::size_t mapped_ = 0;  // slabs there are
  std::size_t warm_ = 0;    // slabs that may have pages
};

constinit slab_store store;

/// Depot and slabs of one class. Every function but `stats` expects `mutex` to be held by the caller.
class size_class {
public:
  std::mutex mutex;

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
  magazine* exchange_full(magazine* m, std::size_t size, slab*& given_up) noexcept {
    const std::size_t limit = depot_limit(size);
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
  std::uint32_t take(void** to, std::uint32_t want, std::size_t size) noexcept {
    std::uint32_t n = 0;
    while (n < want && partial_) n += take_free(partial_, to + n, want - n);
    while (n < want) {
      if (!current_ && !open_slab(size)) break;
      for (; n < want && current_->carved < current_->capacity; ++n)
        to[n] = reinterpret_cast<char*>(current_) + slab_header + size * current_->carved++;
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

  void stats(std::size_t size, pool_statistics& to) noexcept {
    std::lock_guard lock(mutex);
    const std::size_t depot = full_count_ * magazine_size;
    to.in_use += (outstanding_ - depot) * size;
    to.depot += depot * size;
  }

private:
  // A free block in the depot keeps its slab. That is cheap while slabs are densely used; when they are not, because a
  // burst ebbs away, the depot may pin at most a sixteenth of what the blocks in use pin anyway.
  std::size_t depot_limit(std::size_t size) const noexcept {
    const std::size_t bound = depot_bytes / (size * magazine_size);
    if (slab_free_ * size <= depot_bytes) return bound;
    const std::size_t in_use = outstanding_ / magazine_size - full_count_;
    return std::min(in_use / 16, bound);
  }

  void sort_back(magazine* m, slab*& given_up) noexcept {
    for (void* block : m->blocks) give(block, given_up);
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

  bool open_slab(std::size_t size) noexcept {
    auto* s = static_cast<slab*>(store.take());
    if (!s) return false;
    *s = slab{nullptr, nullptr, nullptr, 0, 0, static_cast<std::uint32_t>((slab_bytes - slab_header) / size)};
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

  magazine* full_ = nullptr;
  magazine* empty_ = nullptr;
  std::size_t full_count_ = 0;
  slab* partial_ = nullptr;
  slab* current_ = nullptr;      // the one that blocks are carved from
  std::size_t slab_free_ = 0;    // blocks on the free lists of slabs
  std::size_t outstanding_ = 0;  // blocks carved and not on such a list
};

constinit size_class classes[pool_classes];

void hand_over(slab* given_up) noexcept {
  while (given_up) {
    slab* s = given_up;
    given_up = s->next;
    store.give(s);
  }
}

constexpr std::size_t size_of(std::size_t index) noexcept { return (index + 1) * pool_granule; }

magazine* magazine_of(void** blocks) noexcept {
  return reinterpret_cast<magazine*>(reinterpret_cast<char*>(blocks) - offsetof(magazine, blocks));
}

/// The part of a thread's cache that only the slow path needs: the second magazine of each class, full or empty. With
/// two, a thread that allocates and frees around a boundary does not go to the depot each time.
struct reserve {
  magazine* other[pool_classes];
  bool full[pool_classes];
  bool ended;
};

constinit thread_local reserve reserve_tls = {};

void flush_class(std::size_t index) noexcept {
  pool_rounds& rounds = pool_tls.loaded[index];
  if (rounds.capacity == 0) return;
  slab* given_up = nullptr;
  {
    size_class& c = classes[index];
    std::lock_guard lock(c.mutex);
    magazine* m = magazine_of(rounds.blocks);
    for (std::uint32_t i = 0; i < rounds.count; ++i) c.give(m->blocks[i], given_up);
    c.push_empty(m);
    if (magazine* other = std::exchange(reserve_tls.other[index], nullptr))
      c.push_empty(std::exchange(reserve_tls.full[index], false) ? c.exchange_full(other, size_of(index), given_up)
                                                                 : other);
    rounds = {};
  }
  hand_over(given_up);
}

struct thread_end {
  thread_end() noexcept {}
  ~thread_end() {
    reserve_tls.ended = true;
    for (std::size_t i = 0; i < pool_classes; ++i) flush_class(i);
  }
};

/// Gives the calling thread two empty magazines of a class; false when memory is out or the thread is ending.
bool equip(std::size_t index) noexcept {
  if (reserve_tls.ended) return false;
  static thread_local thread_end hook;
  size_class& c = classes[index];
  std::lock_guard lock(c.mutex);
  magazine* first = c.pop_empty();
  magazine* second = first ? c.pop_empty() : nullptr;
  if (!second) {
    if (first) c.push_empty(first);
    return false;
  }
  pool_tls.loaded[index] = {first->blocks, 0, magazine_size};
  reserve_tls.other[index] = second;
  return true;
}

void swap_magazines(std::size_t index) noexcept {
  pool_rounds& rounds = pool_tls.loaded[index];
  magazine*& other = reserve_tls.other[index];
  bool& full = reserve_tls.full[index];
  magazine* was = magazine_of(rounds.blocks);
  rounds.blocks = other->blocks;
  rounds.count = full ? magazine_size : 0;
  other = was;
  full = !full;
}

}  // namespace

void* pool_allocate_slow(std::size_t bytes) {
  const std::size_t index = pool_class_of(bytes);
  if (pass_through || index >= pool_classes) return ::operator new(bytes);
  pool_rounds& rounds = pool_tls.loaded[index];
  size_class& c = classes[index];
  if (rounds.capacity == 0 && !equip(index)) {
    void* block = nullptr;
    std::lock_guard lock(c.mutex);
    if (c.take(&block, 1, size_of(index)) == 0) throw std::bad_alloc();
    return block;
  }
  if (reserve_tls.full[index]) {
    swap_magazines(index);
  } else {
    std::lock_guard lock(c.mutex);
    if (magazine* m = c.exchange_empty(magazine_of(rounds.blocks)))
      rounds = {m->blocks, magazine_size, magazine_size};
    else
      rounds.count = c.take(rounds.blocks, magazine_size, size_of(index));
  }
  if (rounds.count == 0) throw std::bad_alloc();
  return rounds.blocks[--rounds.count];
}

void pool_free_slow(void* block, std::size_t bytes) noexcept {
  const std::size_t index = pool_class_of(bytes);
  if (pass_through || index >= pool_classes) return ::operator delete(block);
  pool_rounds& rounds = pool_tls.loaded[index];
  size_class& c = classes[index];
  slab* given_up = nullptr;
  if (rounds.capacity == 0 && !equip(index)) {
    {
      std::lock_guard lock(c.mutex);
      c.give(block, given_up);
    }
    return hand_over(given_up);
  }
  if (rounds.count == magazine_size) {
    if (reserve_tls.full[index]) {
      std::lock_guard lock(c.mutex);
      magazine*& other = reserve_tls.other[index];
      other = c.exchange_full(other, size_of(index), given_up);
      reserve_tls.full[index] = false;
    }
    swap_magazines(index);
  }
  rounds.blocks[rounds.count++] = block;
  hand_over(given_up);
}

}  // namespace troupe::detail

namespace troupe {

void pool_trim() noexcept {
  for (std::size_t i = 0; i < detail::pool_classes; ++i) {
    detail::flush_class(i);
    detail::slab* given_up = nullptr;
    {
      std::lock_guard lock(detail::classes[i].mutex);
      detail::classes[i].trim(given_up);
    }
    detail::hand_over(given_up);
  }
  detail::store.trim();
}

pool_statistics pool_stats() noexcept {
  pool_statistics out;
  for (std::size_t i = 0; i < detail::pool_classes; ++i) detail::classes[i].stats(detail::size_of(i), out);
  out.slabs = detail::store.bytes();
  return out;
}

}  // namespace troupe
