#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Mutex : public testing::Test {
protected:
  ~Mutex() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "mutex"});
  troupe::mutex m;
};

TEST_F(Mutex, is_held_by_one_of_many_green_and_os_threads) {
  constexpr int rounds = 2'000;
  long sum = 0;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 8; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (int n = 0; n != rounds; ++n) {
        auto held = co_await m.scoped();
        const long before = sum;
        if (n % 16 == 0) co_await troupe::this_task::yield();
        sum = before + 1;
      }
    }));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i != 2; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n != rounds; ++n) {
        m.lock().get();
        ++sum;
        ASSERT_TRUE(m.unlock());
      }
    });
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  for (auto& t : threads) t.join();
  EXPECT_EQ(sum, 10 * rounds);
  EXPECT_TRUE(m.try_lock());
}

TEST_F(Mutex, the_one_who_waited_longest_is_next) {
  troupe::run_loop loop;
  std::vector<int> order;
  m.lock().get();
  std::vector<troupe::future<void>> waiting;
  for (int i = 0; i != 5; ++i) {
    waiting.push_back(spawn(loop, [&, i]() -> troupe::task<> {
      auto held = co_await m.scoped();
      order.push_back(i);
    }));
  }
  waiting.push_back(spawn(loop, [&]() -> troupe::task<> { co_return; }));
  EXPECT_TRUE(waiting.back().get(60s));
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(m.unlock());
  for (std::size_t i = 0; i != 5; ++i) EXPECT_TRUE(waiting[i].get(60s));
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST_F(Mutex, a_timed_lock_gives_up) {
  m.lock().get();
  auto gave_up = spawn(home(), [&]() -> troupe::task<bool> {
    const auto r = co_await m.try_lock_for(2ms);
    co_return !r && r.error() == errc::timeout;
  });
  EXPECT_TRUE(*gave_up.get(60s));
  std::thread other([&] { EXPECT_EQ(m.try_lock_for(2ms).get().error(), errc::timeout); });
  other.join();
  EXPECT_TRUE(m.unlock());
  EXPECT_TRUE(m.try_lock_for(0ms).get());
}

TEST_F(Mutex, timeouts_and_hand_overs_race_without_losing_it) {
  std::atomic<int> got{0};
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (int n = 0; n != 300; ++n) {
        const auto r = co_await m.try_lock_for(std::chrono::microseconds(n % 7 * 20));
        if (!r) continue;
        ++got;
        co_await troupe::this_task::sleep_for(10us);
        EXPECT_TRUE(m.unlock());
      }
    }));
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  EXPECT_GT(got, 0);
  EXPECT_TRUE(m.try_lock());
}

TEST_F(Mutex, what_is_not_held_cannot_be_unlocked) {
  EXPECT_EQ(m.unlock().error(), errc::invalid_argument);
  m.lock().get();
  std::thread other([&] { EXPECT_EQ(m.unlock().error(), errc::invalid_argument); });
  other.join();
  EXPECT_TRUE(m.unlock());
  EXPECT_EQ(m.unlock().error(), errc::invalid_argument);
}

TEST_F(Mutex, locking_it_twice_is_a_deadlock_that_is_told) {
  m.lock().get();
  try {
    m.lock().get();
    ADD_FAILURE();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), errc::deadlock);
  }
}

TEST_F(Mutex, a_killed_waiter_passes_it_on) {
  for (int round = 0; round != 200; ++round) {
    m.lock().get();
    std::atomic<bool> waits{false};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      waits = true;
      auto held = co_await m.scoped();
      co_await troupe::this_task::sleep_for(1h);
    });
    while (!waits) std::this_thread::yield();
    std::thread killer([&] { home().strands().for_each([](troupe::strand& s) { s.request_kill(); }); });
    EXPECT_TRUE(m.unlock());
    killer.join();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    EXPECT_TRUE(m.try_lock_for(60s).get()) << round;
    EXPECT_TRUE(m.unlock());
  }
}

TEST_F(Mutex, a_thread_that_drives_a_loop_runs_it_while_it_waits) {
  troupe::run_loop loop({.seed = 7});
  auto holder = spawn(loop, [&]() -> troupe::task<> {
    auto held = co_await m.scoped();
    co_await troupe::this_task::sleep_for(1h);
  });
  EXPECT_TRUE(m.try_lock_for(0ms).get());
  EXPECT_TRUE(m.unlock());
  EXPECT_TRUE(holder.get(1min).error() == errc::timeout);
  EXPECT_TRUE(m.try_lock_for(2h).get());
  EXPECT_TRUE(m.unlock());
}

TEST_F(Mutex, a_thread_that_drives_a_strict_loop_sees_that_it_has_been_granted) {
  troupe::run_loop loop;
  auto holder = spawn(loop, [&]() -> troupe::task<> {
    auto held = co_await m.scoped();
    co_await troupe::this_task::sleep_for(5ms);
  });
  EXPECT_EQ(holder.get(1ms).error(), errc::timeout);  // it has begun, and holds the mutex
  m.lock().get();
  EXPECT_TRUE(m.unlock());
  loop.run();
}

TEST_F(Mutex, a_wait_that_nobody_could_end_is_told_on_a_deterministic_loop) {
  troupe::run_loop loop({.seed = 7});
  auto holder = spawn(loop, [&]() -> troupe::task<> { co_await m.lock(); });
  EXPECT_TRUE(holder.get(60s));
  EXPECT_THROW(m.lock().get(), troupe::troupe_error);
}

}  // namespace
