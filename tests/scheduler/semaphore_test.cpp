#include <troupe/scheduler/semaphore.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Semaphore : public Synchronisation {};

TEST_F(Semaphore, never_lets_more_in_than_it_has_permits) {
  troupe::semaphore s(3);
  std::atomic<int> inside{0}, most{0};
  const auto enter = [&] {
    const int now = ++inside;
    for (int m = most; now > m && !most.compare_exchange_weak(m, now);) continue;
  };
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 8; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (int n = 0; n != 12'000; ++n) {
        co_await s.acquire();
        enter();
        if (n % 16 == 0) co_await troupe::this_task::yield();
        --inside;
        EXPECT_TRUE(s.release());
      }
    }));
  }
  std::thread os([&] {
    for (int n = 0; n != 4'000; ++n) {
      s.acquire().get();
      enter();
      --inside;
      EXPECT_TRUE(s.release());
    }
  });
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  os.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(s.available(), 3u);
  for (int i = 0; i != 3; ++i) EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
}

TEST_F(Semaphore, gives_permits_in_the_order_of_coming_and_nobody_overtakes) {
  troupe::run_loop loop;
  troupe::semaphore s(0);
  std::vector<int> order;
  for (int i = 0; i != 5; ++i) {
    spawn(loop, [&, i]() -> troupe::task<> {
      co_await s.acquire();
      order.push_back(i);
    });
  }
  loop.run();
  EXPECT_FALSE(s.try_acquire());
  EXPECT_TRUE(s.release(2));
  EXPECT_FALSE(s.try_acquire());
  loop.run();
  EXPECT_EQ(order, (std::vector{0, 1}));
  EXPECT_TRUE(s.release(4));
  EXPECT_EQ(s.available(), 1u);
  loop.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
}

TEST_F(Semaphore, timeouts_and_releases_race_without_losing_a_permit) {
  troupe::semaphore s(2);
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 6; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (int n = 0; n != 300; ++n) {
        const auto r = co_await s.try_acquire_for(std::chrono::microseconds(n % 7 * 20));
        if (!r) continue;
        co_await troupe::this_task::sleep_for(10us);
        EXPECT_TRUE(s.release());
      }
    }));
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  EXPECT_EQ(s.available(), 2u);
}

TEST_F(Semaphore, an_os_thread_gives_up_in_time_and_a_permit_can_be_had_afterwards) {
  troupe::semaphore s(0);
  EXPECT_EQ(s.try_acquire_for(2ms).get().error(), errc::timeout);
  EXPECT_TRUE(s.release());
  EXPECT_TRUE(s.try_acquire_for(0ms).get());
}

TEST_F(Semaphore, a_killed_waiter_passes_its_permit_on) {
  for (int round = 0; round != 200; ++round) {
    troupe::semaphore s(0);
    std::atomic<bool> waits{false};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      waits = true;
      co_await s.acquire();
      EXPECT_TRUE(s.release());  // it was quicker than the killer
      co_await troupe::this_task::sleep_for(1h);
    });
    while (!waits) std::this_thread::yield();
    std::thread killer([&] { kill_all(); });
    EXPECT_TRUE(s.release());
    killer.join();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    ASSERT_TRUE(s.try_acquire_for(60s).get()) << round;
    EXPECT_EQ(s.available(), 0u);
  }
}

TEST_F(Semaphore, a_bounded_one_takes_back_no_more_than_its_bound) {
  troupe::bounded_semaphore s(2);
  EXPECT_EQ(s.release().error(), errc::invalid_argument);
  s.acquire().get();
  EXPECT_EQ(s.release(2).error(), errc::invalid_argument);
  EXPECT_TRUE(s.release());
  EXPECT_EQ(s.available(), 2u);
  EXPECT_THROW(troupe::bounded_semaphore(3, 2), troupe::troupe_error);
  EXPECT_EQ(troupe::semaphore(1).release(SIZE_MAX).error(), errc::invalid_argument);
}

}  // namespace
