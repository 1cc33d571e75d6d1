#include <troupe/scheduler/condition_variable.hpp>

#include "sync_fixture.hpp"

#include <deque>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class ConditionVariable : public Synchronisation {
protected:
  troupe::mutex m;
  troupe::condition_variable c;
};

TEST_F(ConditionVariable, a_queue_between_green_and_os_threads_loses_nothing) {
  constexpr int items = 20'000, consumers = 4;
  std::deque<int> queue;
  long sum = 0;
  int taken = 0;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != consumers; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (;;) {
        auto held = co_await m.scoped();
        co_await c.wait(held, [&] { return !queue.empty(); });
        const int item = queue.front();
        if (item < 0) co_return;
        queue.pop_front();
        sum += item;
        ++taken;
      }
    }));
  }
  std::thread os([&] {
    for (;;) {
      auto held = m.scoped().get();
      c.wait(held, [&] { return !queue.empty(); }).get();
      const int item = queue.front();
      if (item < 0) return;
      queue.pop_front();
      sum += item;
      ++taken;
    }
  });
  for (int i = 1; i <= items; ++i) {
    {
      auto held = m.scoped().get();
      queue.push_back(i);
    }
    c.notify_one();
  }
  for (bool drained = false; !drained; std::this_thread::yield()) {
    auto held = m.scoped().get();
    drained = queue.empty();
    if (drained) queue.push_back(-1);
  }
  c.notify_all();
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  os.join();
  EXPECT_EQ(taken, items);
  EXPECT_EQ(sum, static_cast<long>(items) * (items + 1) / 2);
}

TEST_F(ConditionVariable, notify_one_wakes_whoever_has_waited_longest_and_each_holds_the_mutex) {
  troupe::run_loop loop;
  std::vector<int> order;
  for (int i = 0; i != 4; ++i) {
    spawn(loop, [&, i]() -> troupe::task<> {
      auto held = co_await m.scoped();
      co_await c.wait(held);
      EXPECT_FALSE(m.try_lock());
      order.push_back(i);
      co_await troupe::this_task::yield();
      order.push_back(i);
    });
  }
  c.notify_one();
  loop.run();
  EXPECT_TRUE(order.empty());
  c.notify_one();
  loop.run();
  EXPECT_EQ(order, (std::vector{0, 0}));
  c.notify_all();
  loop.run();
  EXPECT_EQ(order, (std::vector{0, 0, 1, 1, 2, 2, 3, 3}));
}

TEST_F(ConditionVariable, the_mutex_is_held_again_after_a_timeout) {
  auto green = spawn(home(), [&]() -> troupe::task<bool> {
    co_await m.lock();
    const auto r = co_await c.wait_for(m, 2ms);
    const auto u = m.unlock();
    co_return !r && r.error() == errc::timeout && u;
  });
  EXPECT_TRUE(*green.get(60s));
  auto held = m.scoped().get();
  EXPECT_EQ(c.wait_for(held, 2ms).get().error(), errc::timeout);
  EXPECT_TRUE(held);
  EXPECT_FALSE(m.try_lock());
}

TEST_F(ConditionVariable, a_predicate_has_the_last_word_when_the_time_is_over) {
  auto held = m.scoped().get();
  EXPECT_TRUE(c.wait_for(held, 0ms, [] { return true; }).get());
  int asked = 0;
  EXPECT_EQ(c.wait_for(held, 1ms, [&] { return ++asked > 2; }).get().error(), errc::timeout);
  EXPECT_TRUE(c.wait_for(held, 1ms, [&] { return ++asked > 3; }).get());
  held.unlock();
  auto green = spawn(home(), [&]() -> troupe::task<bool> {
    auto mine = co_await m.scoped();
    bool ready = false;
    const auto never = co_await c.wait_for(mine, 1ms, [&] { return ready; });
    const auto at_last = co_await c.wait_for(mine, 1ms, [&] { return std::exchange(ready, true); });
    co_return !never && never.error() == errc::timeout && at_last;
  });
  EXPECT_TRUE(*green.get(60s));
}

TEST_F(ConditionVariable, timeouts_and_notifications_race_and_the_mutex_is_always_held) {
  int inside = 0;
  bool stop = false;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&, i]() -> troupe::task<> {
      for (int n = 0; n != 500; ++n) {
        auto held = co_await m.scoped();
        const auto r = co_await c.wait_for(held, std::chrono::microseconds((n + i) % 40));
        EXPECT_TRUE(r || r.error() == errc::timeout);
        EXPECT_EQ(++inside, 1);
        if (n % 32 == 0) co_await troupe::this_task::yield();
        --inside;
      }
      auto held = co_await m.scoped();
      stop = true;
    }));
  }
  std::thread os([&] {
    auto held = m.scoped().get();
    while (!stop) {
      const auto r = c.wait_for(held, 20us).get();
      EXPECT_TRUE(r || r.error() == errc::timeout);
      EXPECT_EQ(++inside, 1);
      --inside;
    }
  });
  bool done = false;
  while (!done) {
    c.notify_one();
    c.notify_all();
    std::this_thread::yield();
    auto held = m.scoped().get();
    done = stop;
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  os.join();
  EXPECT_TRUE(m.try_lock());
}

TEST_F(ConditionVariable, a_killed_waiter_holds_the_mutex_once_more_and_gives_it_up) {
  for (int round = 0; round != 200; ++round) {
    std::atomic<bool> waits{false};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      auto held = co_await m.scoped();
      waits = true;
      co_await c.wait(held);
      co_await troupe::this_task::sleep_for(1h);
    });
    while (!waits) std::this_thread::yield();
    auto held = m.scoped().get();  // so it waits for the condition by now
    std::thread killer([&] { kill_all(); });
    if (round % 2) c.notify_one();
    killer.join();
    held.unlock();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    ASSERT_TRUE(m.try_lock_for(60s).get()) << round;
    EXPECT_TRUE(m.unlock());
  }
}

TEST_F(ConditionVariable, waiting_without_the_mutex_is_an_error) {
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { c.wait(m).get(); }));
  troupe::mutex::guard empty;
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { c.wait(empty).get(); }));
  EXPECT_EQ(c.wait_for(m, 1ms).get().error(), errc::invalid_argument);
  m.lock().get();
  auto other = spawn(home(), [&]() -> troupe::task<bool> {
    const auto r = co_await c.wait_for(m, 1ms);
    co_return !r && r.error() == errc::invalid_argument;
  });
  EXPECT_TRUE(*other.get(60s));
}

TEST_F(ConditionVariable, a_wait_that_nobody_could_end_is_told_and_the_guard_says_whether_the_mutex_is_held) {
  troupe::run_loop loop({.seed = 3});
  auto held = m.scoped().get();
  EXPECT_TRUE(throws(errc::deadlock, [&] { c.wait(held).get(); }));
  EXPECT_TRUE(held);
  EXPECT_FALSE(m.try_lock());
  spawn(loop, [&]() -> troupe::task<> { co_await m.lock(); });  // and keeps it
  EXPECT_TRUE(throws(errc::deadlock, [&] { c.wait(held).get(); }));
  EXPECT_FALSE(held);
  EXPECT_EQ(m.unlock().error(), errc::invalid_argument);
}

}  // namespace
