#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <troupe/base/pool.hpp>
#include <utility>
#include <vector>

#include "../common.hpp"

namespace {

using tests::resident_bytes;
using troupe::pool_allocate;
using troupe::pool_free;
using troupe::pool_stats;

// False in builds with a sanitizer, where every call is passed on to operator new.
bool pool_is_on() {
  pool_free(pool_allocate(48), 48);
  return pool_stats().slabs != 0;
}

long page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Frees in its destructor, which runs after those of the thread-locals of main.
struct holder {
  void* block = nullptr;
  ~holder() {
    if (block) pool_free(block, 96);
    void* again = pool_allocate(96);
    std::memset(again, 1, 96);
    pool_free(again, 96);
  }
};

holder static_holder;

TEST(Pool, blocks_are_aligned_and_do_not_overlap) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (int round = 0; round < 200; ++round)
    for (std::size_t size :
         {0U, 1U, 15U, 16U, 17U, 48U, 64U, 500U, 512U, 513U, 640U, 641U, 1025U, 3072U, 4096U, 4097U, 5000U}) {
      auto* p = static_cast<unsigned char*>(pool_allocate(size));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(p) % 16, 0U);
      std::memset(p, static_cast<int>(blocks.size() % 251), size);
      blocks.emplace_back(p, size);
    }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    auto [p, size] = blocks[i];
    ASSERT_TRUE(std::all_of(p, p + size, [&](unsigned char c) { return c == i % 251; }));
    pool_free(p, size);
  }
}

TEST(Pool, over_aligned_blocks_are_aligned) {
  for (std::size_t alignment : {1U, 16U, 32U, 64U, 4096U}) {
    void* p = pool_allocate(100, alignment);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0U);
    pool_free(p, 100, alignment);
  }
}

TEST(Pool, a_class_derived_from_pooled_lives_in_the_pool) {
  struct base : troupe::pooled {
    virtual ~base() = default;
  };
  struct alignas(64) derived : base {
    char text[100] = "";
  };
  std::unique_ptr<base> p = std::make_unique<derived>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.get()) % 64, 0U);
  p = std::make_unique<base>();
}

TEST(Pool, a_block_freed_last_is_allocated_first) {
  if (!pool_is_on()) GTEST_SKIP() << "under a sanitizer the pool leaves all blocks to operator new";
  for (std::size_t size : {112U, 600U, 2000U, 4096U}) {
    void* p = pool_allocate(size);
    pool_free(p, size);
    EXPECT_EQ(pool_allocate(size), p) << size;
    pool_free(p, size);
  }
}

TEST(Pool, what_a_thread_had_at_hand_comes_back_when_it_ends) {
  if (!pool_is_on()) GTEST_SKIP() << "under a sanitizer the pool leaves all blocks to operator new";
  troupe::pool_trim();
  const auto before = pool_stats().in_use;
  std::thread([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i) blocks.push_back(pool_allocate(208));
    for (void* p : blocks) pool_free(p, 208);
  }).join();
  EXPECT_EQ(pool_stats().in_use, before);
}

TEST(Pool, serves_the_destructors_of_thread_locals_and_statics) {
  static_holder.block = pool_allocate(96);
  std::thread([] {
    // Made before the thread's first use of the pool, hence destroyed after the pool has let go of the thread.
    static thread_local holder h;
    h.block = nullptr;
    h.block = pool_allocate(96);
  }).join();
}

TEST(Pool, blocks_that_wander_between_threads_keep_their_contents) {
  struct block {
    unsigned char* at;
    std::size_t size;
    unsigned char fill;
  };
  constexpr unsigned threads = 4;
  constexpr int steps = 100'000;
  struct {
    std::mutex mutex;
    std::vector<block> blocks;
  } inbox[threads];
  std::atomic<int> damaged{0};
  auto check_and_free = [&](const block& b) {
    if (!std::all_of(b.at, b.at + b.size, [&](unsigned char c) { return c == b.fill; })) ++damaged;
    std::memset(b.at, 0xEE, b.size);
    pool_free(b.at, b.size);
  };
  std::vector<std::thread> team;
  for (unsigned id = 0; id < threads; ++id)
    team.emplace_back([&, id] {
      std::mt19937 random(id);
      std::vector<block> mine;
      for (int i = 0; i < steps; ++i) {
        const std::size_t size = 1 + random() % (i % 16 == 0 ? 5000 : 600);
        const block b{static_cast<unsigned char*>(pool_allocate(size)), size, static_cast<unsigned char>(random())};
        std::memset(b.at, b.fill, size);
        auto& to = inbox[random() % threads];
        {
          std::lock_guard lock(to.mutex);
          to.blocks.push_back(b);
        }
        // In bursts, so that magazines run full and empty.
        if (random() % 512 == 0) {
          {
            std::lock_guard lock(inbox[id].mutex);
            mine.swap(inbox[id].blocks);
          }
          for (auto& m : mine) check_and_free(m);
          mine.clear();
        }
      }
    });
  for (auto& t : team) t.join();
  for (auto& i : inbox)
    for (auto& b : i.blocks) check_and_free(b);
  EXPECT_EQ(damaged, 0);
}

enum class order { of_allocation, random };

void memory_comes_back(std::size_t count, order how) {
  if (!pool_is_on()) GTEST_SKIP() << "under a sanitizer the pool leaves all blocks to operator new";
  std::vector<void*> blocks(count);
  for (std::size_t i = 0; i < count; ++i) blocks[i] = &blocks[i];  // the pages of the vector belong to the baseline
  const std::size_t baseline = resident_bytes();
  for (auto& p : blocks) p = std::memset(pool_allocate(48), 1, 48);
  const std::size_t peak = resident_bytes();
  ASSERT_GT(peak, baseline + count * 45);
  if (how == order::random) std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(1));

  std::latch freed(1), measured(1);
  std::thread other([&] {
    for (void* p : blocks) pool_free(p, 48);
    // In random order each block that the thread keeps at hand may hold a slab of its own.
    if (how == order::random) troupe::pool_trim();
    freed.count_down();
    measured.wait();
  });
  freed.wait();
  const std::size_t after = resident_bytes();
  measured.count_down();
  other.join();
  EXPECT_LE(after, baseline + (peak - baseline) / 20) << "baseline " << baseline << ", peak " << peak;
}

TEST(Pool, C10_memory_comes_back_after_a_burst_that_another_thread_freed) {
  memory_comes_back(10'000'000, order::of_allocation);
}

TEST(Pool, C10_memory_comes_back_when_a_burst_is_freed_in_random_order) {
  memory_comes_back(10'000'000, order::random);
}

TEST(Pool, C10_memory_comes_back_after_a_burst_of_a_hundred_megabytes) {
  troupe::pool_trim();
  memory_comes_back(2'000'000, order::of_allocation);
}

TEST(Pool, the_ebb_and_flow_of_a_queue_does_not_go_to_the_kernel) {
  if (!pool_is_on()) GTEST_SKIP() << "under a sanitizer the pool leaves all blocks to operator new";
  std::vector<void*> blocks(32'000);
  auto flow = [&](int times) {
    for (int i = 0; i < times; ++i) {
      for (auto& p : blocks) p = std::memset(pool_allocate(48), 1, 48);
      for (auto& p : blocks) pool_free(p, 48);
    }
  };
  flow(1);
  const long before = page_faults();
  flow(50);
  EXPECT_LT(page_faults() - before, 100);
}

TEST(Pool, trimming_leaves_nothing_but_what_is_in_use) {
  if (!pool_is_on()) GTEST_SKIP() << "under a sanitizer the pool leaves all blocks to operator new";
  std::vector<void*> blocks(10'000);
  for (auto& p : blocks) p = pool_allocate(320);
  for (auto& p : blocks) pool_free(p, 320);
  EXPECT_GT(pool_stats().depot, 0U);
  troupe::pool_trim();
  const auto stats = pool_stats();
  EXPECT_EQ(stats.depot, 0U);
  // A block in use keeps a slab at worst.
  EXPECT_LE(stats.slabs, stats.in_use / 16 * 64 * 1024);
}

}  // namespace
