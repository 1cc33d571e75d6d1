#include <troupe/scheduler/event.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Event : public Synchronisation {};

TEST_F(Event, lets_green_and_os_threads_go_on_and_those_who_come_later) {
  troupe::event e;
  std::atomic<int> passed{0};
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      co_await e.wait();
      ++passed;
    }));
  }
  std::thread os([&] {
    e.wait().get();
    ++passed;
  });
  EXPECT_FALSE(e.is_set());
  EXPECT_EQ(e.wait_for(1ms).get().error(), errc::timeout);
  EXPECT_EQ(passed, 0);
  e.set();
  e.set();
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  os.join();
  EXPECT_EQ(passed, 5);
  e.wait().get();
  EXPECT_TRUE(e.is_set());
  e.clear();
  EXPECT_EQ(e.wait_for(0ms).get().error(), errc::timeout);
}

TEST_F(Event, wakes_in_the_order_of_coming) {
  troupe::run_loop loop;
  troupe::event e;
  std::vector<int> order;
  for (int i = 0; i != 5; ++i) {
    spawn(loop, [&, i]() -> troupe::task<> {
      co_await e.wait();
      order.push_back(i);
    });
  }
  loop.run();
  EXPECT_TRUE(order.empty());
  e.set();
  loop.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST_F(Event, whoever_has_waited_may_destroy_it_at_once) {
  for (int round = 0; round != 2'000; ++round) {
    auto e = std::make_unique<troupe::event>();
    std::thread setter;
    auto f = round % 2 ? troupe::future<void>() : spawn(home(), [&]() -> troupe::task<> {
      e->set();
      co_return;
    });
    if (round % 2) setter = std::thread([&] { e->set(); });
    e->wait().get();
    e.reset();
    if (setter.joinable()) setter.join();
  }
}

TEST_F(Event, timeouts_and_set_race) {
  for (int round = 0; round != 500; ++round) {
    troupe::event e;
    auto waiter = spawn(home(), [&, round]() -> troupe::task<bool> {
      const auto r = co_await e.wait_for(std::chrono::microseconds(round % 50));
      co_return r || r.error() == errc::timeout;
    });
    for (int spin = 0; spin != (round % 64) * 8; ++spin) troupe::cpu_relax();
    e.set();
    ASSERT_TRUE(*waiter.get(60s));
  }
}

TEST_F(Event, a_killed_waiter_leaves_and_the_others_stay) {
  for (int round = 0; round != 200; ++round) {
    troupe::event e;
    std::atomic<bool> waits{false};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      waits = true;
      co_await e.wait();
      co_await troupe::this_task::sleep_for(1h);
    });
    while (!waits) std::this_thread::yield();
    std::thread killer([&] { kill_all(); });
    if (round % 2) e.set();
    killer.join();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    e.set();
    e.wait().get();
  }
}

TEST_F(Event, a_wait_that_nobody_could_end_is_told_on_a_deterministic_loop) {
  troupe::run_loop loop({.seed = 3});
  troupe::event e;
  EXPECT_TRUE(throws(errc::deadlock, [&] { e.wait().get(); }));
}

}  // namespace
