#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

/// The allocator of envelopes, coroutine frames, actor cells and the logs of exchanges: size classes of 16 bytes up to
/// 512 and a few up to 4,096, with per-thread magazines (Bonwick and Adams, "Magazines and Vmem", USENIX 2001), so that
/// a block allocated here and freed there costs one lock per 64 blocks on either side (8 to 16 of the large ones). A
/// large burst gets huge pages where the system has them; what it left behind goes back to the operating system.
///
/// Any thread may call anything here at any time, destructors of statics and of thread-locals included. A library built
/// with AddressSanitizer or ThreadSanitizer passes every call on to operator new and delete, so that they see each
/// block.
namespace troupe {

namespace detail {

inline constexpr std::size_t pool_granule = 16;
inline constexpr std::size_t pool_small_classes = 32;  // those that the inline path serves
inline constexpr std::size_t pool_classes = pool_small_classes + 8;
inline constexpr std::size_t pool_limit = 4096;

/// The blocks of one class that a thread has at hand. All zero means that the slow path has to be asked: so it is in a
/// thread that is new, in one that has ended its thread-locals, and for ever under a sanitizer.
struct pool_rounds {
  void** blocks;
  std::uint32_t count;
  std::uint32_t capacity;
};

struct pool_cache {
  pool_rounds loaded[pool_classes];
};

// Zero-initialised and trivially destroyed, hence reached without a guard; initial-exec, hence without a call.
extern constinit thread_local pool_cache pool_tls __attribute__((tls_model("initial-exec")));

[[gnu::returns_nonnull]] void* pool_allocate_slow(std::size_t bytes);
void pool_free_slow(void* block, std::size_t bytes) noexcept;

/// Beyond the last small class for sizes that have none, 0 among them.
constexpr std::size_t pool_small_class_of(std::size_t bytes) noexcept { return (bytes - 1) / pool_granule; }

}  // namespace detail

/// Memory for `bytes` bytes, aligned to 16. Throws `std::bad_alloc`.
[[nodiscard, gnu::returns_nonnull]] inline void* pool_allocate(std::size_t bytes) {
  const std::size_t index = detail::pool_small_class_of(bytes);
  if (index < detail::pool_small_classes) [[likely]] {
    auto& rounds = detail::pool_tls.loaded[index];
    if (rounds.count != 0) [[likely]]
      return rounds.blocks[--rounds.count];
  }
  return detail::pool_allocate_slow(bytes);
}

/// Gives back what `pool_allocate(bytes)` returned, from any thread, with the same size.
inline void pool_free(void* block, std::size_t bytes) noexcept {
  const std::size_t index = detail::pool_small_class_of(bytes);
  if (index < detail::pool_small_classes) [[likely]] {
    auto& rounds = detail::pool_tls.loaded[index];
    if (rounds.count != rounds.capacity) [[likely]] {
      rounds.blocks[rounds.count++] = block;
      return;
    }
  }
  detail::pool_free_slow(block, bytes);
}

/// Memory with an alignment (a power of two). Above 16 it does not come from the pool. Throws `std::bad_alloc`.
[[nodiscard, gnu::returns_nonnull]] inline void* pool_allocate(std::size_t bytes, std::size_t alignment) {
  if (alignment <= detail::pool_granule) [[likely]]
    return pool_allocate(bytes);
  return ::operator new(bytes, std::align_val_t(alignment));
}

/// Gives back what `pool_allocate(bytes, alignment)` returned, with the same arguments.
inline void pool_free(void* block, std::size_t bytes, std::size_t alignment) noexcept {
  if (alignment <= detail::pool_granule) [[likely]]
    return pool_free(block, bytes);
  // Unsized: clang before 19 declares the sized forms only on request.
  ::operator delete(block, std::align_val_t(alignment));
}

/// Gives the operating system all that can be given: the calling thread's magazines, the depots, empty slabs. A
/// microsecond when there is nothing, up to a millisecond after a burst; for moments when a thread goes idle for long.
void pool_trim() noexcept;

/// What the pool holds, in bytes. The magazines that threads have at hand count as in use.
struct pool_statistics {
  std::size_t slabs = 0;   ///< memory taken from the operating system and not given back
  std::size_t in_use = 0;  ///< blocks that are allocated, or at hand in some thread
  std::size_t depot = 0;   ///< free blocks in full magazines, ready for any thread
};

/// A snapshot, exact only while no other thread allocates. Takes every lock of the pool once.
pool_statistics pool_stats() noexcept;

/// Base of a class whose objects live in the pool; serves derived classes of any size and alignment.
struct pooled {
  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return pool_allocate(bytes, static_cast<std::size_t>(alignment));
  }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* block, std::size_t bytes) noexcept { pool_free(block, bytes); }
  static void operator delete(void* block, std::size_t bytes, std::align_val_t alignment) noexcept {
    pool_free(block, bytes, static_cast<std::size_t>(alignment));
  }
};

}  // namespace troupe
