#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <troupe/base/detail/size_class.hpp>
#include <troupe/base/detail/slab_store.hpp>
#include <troupe/base/pool.hpp>
#include <utility>

namespace troupe::detail {

constinit thread_local pool_cache pool_tls __attribute__((tls_model("initial-exec"))) = {};
constinit slab_store store;

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

constexpr std::size_t large_step = 128;
constexpr std::size_t large_sizes[] = {640, 768, 1024, 1280, 1536, 2048, 3072, 4096};
static_assert(std::size(large_sizes) == pool_classes - pool_small_classes);

constexpr std::size_t size_of(std::size_t index) noexcept {
  return index < pool_small_classes ? (index + 1) * pool_granule : large_sizes[index - pool_small_classes];
}

constexpr std::uint32_t rounds_of(std::size_t index) noexcept {
  constexpr std::size_t bytes = 32 * 1024;
  if (index < pool_small_classes) return magazine_size;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(bytes / size_of(index), 8, 16));
}

// The class of each multiple of `large_step`.
constexpr auto large_classes = [] {
  std::array<std::uint8_t, pool_limit / large_step> out{};
  std::size_t index = pool_small_classes;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if ((i + 1) * large_step > size_of(index)) ++index;
    out[i] = static_cast<std::uint8_t>(index);
  }
  return out;
}();

/// `pool_classes` for sizes that have none, 0 among them.
std::size_t class_of(std::size_t bytes) noexcept {
  const std::size_t index = pool_small_class_of(bytes);
  if (index < pool_small_classes) return index;
  return bytes - 1 < pool_limit ? large_classes[(bytes - 1) / large_step] : pool_classes;
}

struct class_table {
  size_class at[pool_classes];
};

constinit class_table table = []<std::size_t... I>(std::index_sequence<I...>) {
  return class_table{{size_class(size_of(I), rounds_of(I))...}};
}
(std::make_index_sequence<pool_classes>());

constexpr size_class* classes = table.at;

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
      c.push_empty(std::exchange(reserve_tls.full[index], false) ? c.exchange_full(other, given_up) : other);
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
  pool_tls.loaded[index] = {first->blocks, 0, c.rounds()};
  reserve_tls.other[index] = second;
  return true;
}

void swap_magazines(std::size_t index) noexcept {
  pool_rounds& rounds = pool_tls.loaded[index];
  magazine*& other = reserve_tls.other[index];
  bool& full = reserve_tls.full[index];
  magazine* was = magazine_of(rounds.blocks);
  rounds.blocks = other->blocks;
  rounds.count = full ? rounds.capacity : 0;
  other = was;
  full = !full;
}

/// Up to `want` blocks from a slab opened for them; 0 when memory is out.
std::uint32_t take_from_new_slab(size_class& c, void** to, std::uint32_t want) noexcept {
  slab* const opened = c.open_slab();
  slab* given_up = nullptr;
  std::uint32_t n = 0;
  {
    std::lock_guard lock(c.mutex);
    if (opened) c.adopt(opened, given_up);
    n = c.take(to, want);
  }
  hand_over(given_up);
  return n;
}

/// A block for a thread that has no magazine; nullptr when memory is out.
void* take_one(size_class& c) noexcept {
  void* block = nullptr;
  {
    std::lock_guard lock(c.mutex);
    if (c.take(&block, 1) != 0) return block;
  }
  take_from_new_slab(c, &block, 1);
  return block;
}

/// A full magazine, or at least a block in this one; false when memory is out.
bool refill(size_class& c, pool_rounds& rounds) noexcept {
  {
    std::lock_guard lock(c.mutex);
    if (magazine* m = c.exchange_empty(magazine_of(rounds.blocks))) {
      rounds = {m->blocks, rounds.capacity, rounds.capacity};
      return true;
    }
    rounds.count = c.take(rounds.blocks, rounds.capacity);
  }
  if (rounds.count == 0) rounds.count = take_from_new_slab(c, rounds.blocks, rounds.capacity);
  return rounds.count != 0;
}

}  // namespace

void* pool_allocate_slow(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  if (pass_through || index >= pool_classes) return ::operator new(bytes);
  pool_rounds& rounds = pool_tls.loaded[index];
  size_class& c = classes[index];
  if (rounds.capacity == 0 && !equip(index)) {
    if (void* block = take_one(c)) return block;
    throw std::bad_alloc();
  }
  if (rounds.count != 0) {
    // A large class: the inline path looks at the small ones only.
  } else if (reserve_tls.full[index]) {
    swap_magazines(index);
  } else if (!refill(c, rounds)) {
    throw std::bad_alloc();
  }
  return rounds.blocks[--rounds.count];
}

void pool_free_slow(void* block, std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes);
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
  if (rounds.count == rounds.capacity) {
    if (reserve_tls.full[index]) {
      std::lock_guard lock(c.mutex);
      magazine*& other = reserve_tls.other[index];
      other = c.exchange_full(other, given_up);
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
  for (std::size_t i = 0; i < detail::pool_classes; ++i) detail::classes[i].stats(out);
  out.slabs = detail::store.bytes();
  return out;
}

}  // namespace troupe
