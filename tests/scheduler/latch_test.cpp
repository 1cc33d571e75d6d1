#include <troupe/scheduler/latch.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Latch : public Synchronisation {};

TEST_F(Latch, opens_when_green_and_os_threads_have_all_counted_down) {
  for (int round = 0; round != 200; ++round) {
    auto l = std::make_unique<troupe::latch>(8);
    std::atomic<int> counted{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 6; ++i) {
      spawn(home(), [&]() -> troupe::task<> {
        ++counted;
        EXPECT_TRUE(l->count_down());
        co_return;
      });
    }
    for (int i = 0; i != 2; ++i) {
      threads.emplace_back([&] {
        ++counted;
        EXPECT_TRUE(l->count_down());
      });
    }
    l->wait().get();
    EXPECT_EQ(counted, 8);
    EXPECT_TRUE(l->try_wait());
    l.reset();  // whoever has waited may destroy it at once
    for (auto& t : threads) t.join();
  }
}

TEST_F(Latch, those_who_arrive_and_wait_go_on_together) {
  troupe::latch l(5);
  std::atomic<int> arrived{0};
  std::vector<troupe::future<bool>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<bool> {
      ++arrived;
      co_await l.arrive_and_wait();
      co_return arrived == 5;
    }));
  }
  EXPECT_FALSE(l.try_wait());
  EXPECT_EQ(l.wait_for(1ms).get().error(), errc::timeout);
  ++arrived;
  l.arrive_and_wait().get();
  for (auto& f : green) EXPECT_TRUE(*f.get(60s));
}

TEST_F(Latch, counting_below_zero_is_an_error) {
  troupe::latch l(3);
  EXPECT_EQ(l.count_down(4).error(), errc::invalid_argument);
  EXPECT_TRUE(l.count_down(2));
  EXPECT_TRUE(l.count_down());
  EXPECT_TRUE(l.count_down(0));
  EXPECT_EQ(l.count_down().error(), errc::invalid_argument);
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { l.arrive_and_wait().get(); }));
  l.wait().get();
}

TEST_F(Latch, a_killed_waiter_has_counted_all_the_same) {
  troupe::latch l(2);
  auto doomed = spawn(home(), [&]() -> troupe::task<> { co_await l.arrive_and_wait(); });
  EXPECT_EQ(l.wait_for(0ms).get().error(), errc::timeout);
  while (!doomed.done()) {
    kill_all();
    std::this_thread::yield();
  }
  const auto r = doomed.get();
  EXPECT_EQ(r.error(), errc::cancelled);
}

TEST_F(Latch, timeouts_and_the_last_step_race) {
  for (int round = 0; round != 500; ++round) {
    troupe::latch l(1);
    auto waiter = spawn(home(), [&, round]() -> troupe::task<bool> {
      const auto r = co_await l.wait_for(std::chrono::microseconds(round % 50));
      co_return r || r.error() == errc::timeout;
    });
    for (int spin = 0; spin != (round % 64) * 8; ++spin) troupe::cpu_relax();
    EXPECT_TRUE(l.count_down());
    ASSERT_TRUE(*waiter.get(60s));
  }
}

}  // namespace
