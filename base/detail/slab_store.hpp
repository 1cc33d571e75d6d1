#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace troupe::detail {

inline constexpr std::size_t slab_bytes = 64 * 1024;

/// As many slabs as a huge page holds, aligned to their size.
struct chunk;

/// The doubly linked list of chunks that can be initialised at compile time.
struct chunk_list {
  chunk* first = nullptr;
  chunk* last = nullptr;

  void push_front(chunk& c) noexcept;
  void push_back(chunk& c) noexcept;
  void remove(chunk& c) noexcept;
};

struct chunk {
  char* begin;
  chunk* prev = nullptr;
  chunk* next = nullptr;
  chunk_list* on = nullptr;
  std::uint32_t used = 0;     // bit i: slab i belongs to a class
  std::uint32_t warm = 0;     // bit i: slab i has been used since its pages were last released
  std::uint32_t claimed = 0;  // slabs whose pages are being released; 0 while the chunk may be on a list
  bool resident = false;      // a huge page may back all of it, hence also the slabs that are not warm
  bool advised = false;       // the kernel has been told to use a huge page
};

/// Empty slabs of no class, and the pages behind them.
class slab_store {
public:
  struct place {
    void* at;
    chunk* of;
  };

  /// A slab to be written from its first byte; `at` is nullptr when memory is out.
  place take() noexcept;

  /// Takes a slab back. Its pages stay for the next taker, within a bound.
  void give(void* empty, chunk& of) noexcept;

  /// Releases the pages of all empty slabs.
  void trim() noexcept;

  /// Memory that has pages, as far as this class knows.
  std::size_t bytes() noexcept;

private:
  chunk* map_chunk() noexcept;
  void file(chunk& c) noexcept;
  chunk* claim(chunk& c) noexcept;
  void release(chunk* claimed) noexcept;

  std::mutex mutex_;
  chunk_list ready_;            // some slabs in use, some empty with pages
  chunk_list empty_;            // no slab in use, some with pages
  chunk_list bare_;             // empty slabs, none that was given back with pages; those with slabs in use first
  std::size_t hot_count_ = 0;   // empty slabs that were given back with pages
  std::size_t warm_count_ = 0;  // slabs that may have pages
  std::size_t peak_ = 0;        // the highest warm_count_ since the last trim
};

}  // namespace troupe::detail
