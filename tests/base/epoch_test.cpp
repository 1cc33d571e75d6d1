#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <troupe/base/epoch.hpp>
#include <vector>

namespace {

using troupe::epoch_guard;

struct counted {
  explicit counted(std::atomic<int>& d) : destroyed(d) {}
  ~counted() { ++destroyed; }
  std::atomic<int>& destroyed;
};

TEST(Epoch, collecting_destroys_what_nobody_can_see) {
  std::atomic<int> destroyed{0};
  troupe::epoch_drain();
  troupe::epoch_retire(new counted(destroyed));
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(troupe::epoch_pending(), 1U);
  EXPECT_EQ(troupe::epoch_collect(), 1U);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(troupe::epoch_pending(), 0U);
}

TEST(Epoch, a_guard_holds_up_what_is_retired_while_it_lives) {
  std::atomic<int> destroyed{0};
  {
    epoch_guard outer;
    {
      epoch_guard inner;
      troupe::epoch_retire(new counted(destroyed));
    }
    for (int i = 0; i < 10; ++i) troupe::epoch_collect();
    EXPECT_EQ(destroyed, 0);
  }
  troupe::epoch_collect();
  EXPECT_EQ(destroyed, 1);
}

TEST(Epoch, a_guard_of_another_thread_holds_up_too) {
  std::atomic<int> destroyed{0};
  std::latch pinned(1), leave(1);
  std::thread reader([&] {
    epoch_guard guard;
    pinned.count_down();
    leave.wait();
  });
  pinned.wait();
  troupe::epoch_retire(new counted(destroyed));
  for (int i = 0; i < 10; ++i) troupe::epoch_collect();
  EXPECT_EQ(destroyed, 0);
  leave.count_down();
  reader.join();
  troupe::epoch_drain();
  EXPECT_EQ(destroyed, 1);
}

TEST(Epoch, retiring_collects_by_itself_now_and_then) {
  std::atomic<int> destroyed{0};
  for (int i = 0; i < 10'000; ++i) troupe::epoch_retire(new counted(destroyed));
  EXPECT_GT(destroyed, 9'000);
  troupe::epoch_drain();
  EXPECT_EQ(destroyed, 10'000);
}

TEST(Epoch, destroyers_may_retire_further) {
  struct chain {
    std::atomic<int>& destroyed;
    int left;
    ~chain() {
      ++destroyed;
      if (left > 0) troupe::epoch_retire(new chain{destroyed, left - 1});
    }
  };
  std::atomic<int> destroyed{0};
  troupe::epoch_retire(new chain{destroyed, 999});
  while (troupe::epoch_pending() != 0) troupe::epoch_drain();
  EXPECT_EQ(destroyed, 1000);
}

TEST(Epoch, guards_work_in_destructors_of_thread_locals) {
  struct late {
    ~late() { epoch_guard guard; }
  };
  for (int i = 0; i < 3; ++i)
    std::thread([] {
      static thread_local late before_the_first_guard;
      [[maybe_unused]] auto* touch = &before_the_first_guard;
      epoch_guard guard;
    }).join();
  std::atomic<int> destroyed{0};
  troupe::epoch_retire(new counted(destroyed));
  troupe::epoch_drain();
  EXPECT_EQ(destroyed, 1);
}

TEST(EpochDeathTest, draining_under_a_guard_is_refused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        epoch_guard guard;
        troupe::epoch_drain();
      },
      "epoch_drain");
}

// Readers follow pointers that writers replace and retire. A destroyed cell is poisoned and kept by the test, which
// reuses it later, so that reading it is a wrong value rather than a crash, and a race for ThreadSanitizer.
TEST(Epoch, readers_never_see_a_destroyed_object) {
  constexpr std::uint64_t poison = 0xDEADDEADDEADDEAD;
  constexpr int replacements = 30'000;
  struct cell {
    std::uint64_t a = 0, b = 0;
  };
  struct shelf {
    std::mutex mutex;
    std::vector<cell*> free;
    std::vector<std::unique_ptr<cell>> all;
  };
  static shelf cells;
  auto make = [&](std::uint64_t value) {
    cell* c = nullptr;
    {
      std::lock_guard lock(cells.mutex);
      if (cells.free.empty()) {
        c = cells.all.emplace_back(std::make_unique<cell>()).get();
      } else {
        c = cells.free.back();
        cells.free.pop_back();
      }
    }
    c->a = value;
    c->b = ~value;
    return c;
  };
  auto destroy = [](void* p) {
    auto* c = static_cast<cell*>(p);
    c->a = c->b = poison;
    std::lock_guard lock(cells.mutex);
    cells.free.push_back(c);
  };

  std::array<std::atomic<cell*>, 4> shared;
  for (auto& s : shared) s = make(1);
  std::atomic<int> writing{2};
  std::atomic<long> wrong{0};
  std::vector<std::thread> team;
  for (int r = 0; r < 3; ++r)
    team.emplace_back([&] {
      while (writing.load(std::memory_order_relaxed) != 0)
        for (int i = 0; i < 100; ++i) {
          epoch_guard guard;
          for (auto& s : shared) {
            const cell* c = s.load(std::memory_order_acquire);
            if (i % 10 == 0) std::this_thread::yield();
            if (c->a != ~c->b) wrong.fetch_add(1, std::memory_order_relaxed);
          }
        }
    });
  for (unsigned w = 0; w < 2; ++w)
    team.emplace_back([&, w] {
      for (int i = 0; i < replacements; ++i) {
        auto& s = shared[(static_cast<unsigned>(i) + w) % shared.size()];
        cell* old = s.exchange(make(static_cast<std::uint64_t>(i)), std::memory_order_acq_rel);
        troupe::epoch_retire(old, destroy);
        if (i % 64 == 0) std::thread([] { epoch_guard guard; }).join();  // records come and go
      }
      writing.fetch_sub(1, std::memory_order_relaxed);
    });
  for (auto& t : team) t.join();
  EXPECT_EQ(wrong, 0);
  for (auto& s : shared) troupe::epoch_retire(s.load(), destroy);
  troupe::epoch_drain();
  EXPECT_EQ(cells.free.size(), cells.all.size());
}

}  // namespace
