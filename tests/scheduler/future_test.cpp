#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Future : public testing::Test {
protected:
  ~Future() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool =
      troupe::work_stealing_pool::start({.workers = 2, .name = "future"});
};

TEST_F(Future, gives_what_was_promised_before_or_after_one_waits) {
  troupe::promise<int> early(home());
  auto a = early.get_future();
  EXPECT_FALSE(a.done());
  EXPECT_TRUE(early.give(1));
  EXPECT_TRUE(a.done());
  EXPECT_EQ(*a.get(), 1);

  troupe::promise<int> late(home());
  auto b = late.get_future();
  std::thread giver([&] {
    std::this_thread::sleep_for(5ms);
    late.give(2);
  });
  EXPECT_EQ(*b.get(), 2);
  giver.join();
}

TEST_F(Future, an_os_thread_gets_a_timeout_and_the_result_then_comes_late) {
  troupe::promise<int> p(home());
  auto f = p.get_future(2ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(f.get().error(), errc::timeout);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2ms);
  EXPECT_FALSE(p.give(1));
}

TEST_F(Future, a_promise_that_goes_without_a_result_gives_cancelled) {
  troupe::future<int> f;
  {
    troupe::promise<int> p(home());
    f = p.get_future();
  }
  EXPECT_EQ(f.get().error(), errc::cancelled);
}

TEST_F(Future, cancel_wakes_the_waiter_and_refuses_the_result) {
  troupe::promise<int> p(home());
  auto f = p.get_future();
  EXPECT_TRUE(f.cancel());
  EXPECT_FALSE(f.cancel());
  EXPECT_EQ(f.get().error(), errc::cancelled);
  EXPECT_FALSE(p.give(1));
}

TEST_F(Future, carries_move_only_values) {
  troupe::promise<std::unique_ptr<int>> p(home());
  auto f = p.get_future();
  p.give(std::make_unique<int>(3));
  EXPECT_EQ(**f.get(), 3);
}

TEST_F(Future, green_threads_that_block_their_workers_are_stood_in_for) {
  constexpr int many = 10;
  std::vector<troupe::promise<int>> promises;
  std::vector<troupe::future<int>> blocked;
  for (int i = 0; i != many; ++i) {
    promises.emplace_back(home());
    blocked.push_back(spawn(
        home(), [](troupe::future<int> inner) -> troupe::task<int> { co_return inner.get(60s).value(); },
        promises.back().get_future()));
  }
  // Runs although all of the others hold a thread.
  auto giver = spawn(
      home(),
      [](std::vector<troupe::promise<int>> all) -> troupe::task<> {
        for (int i = 0; i != many; ++i) all[static_cast<std::size_t>(i)].give(i);
        co_return;
      },
      std::move(promises));
  for (int i = 0; i != many; ++i) EXPECT_EQ(*blocked[static_cast<std::size_t>(i)].get(60s), i);
  EXPECT_TRUE(giver.get(60s));
}

TEST_F(Future, where_nobody_can_stand_in_a_blocking_get_is_refused) {
  auto small = troupe::work_stealing_pool::start({.workers = 1, .name = "small", .stand_ins = 1});
  troupe::promise<int> p(*small);
  auto first = spawn(
      *small, [](troupe::future<int> inner) -> troupe::task<int> { co_return inner.get(60s).value(); }, p.get_future());
  troupe::promise<int> never(*small);
  auto second = spawn(
      *small,
      [](troupe::future<int> inner) -> troupe::task<bool> { co_return inner.get().error() == errc::would_deadlock; },
      never.get_future());
  EXPECT_TRUE(*second.get(60s));
  p.give(3);
  EXPECT_EQ(*first.get(60s), 3);
  small->stop(troupe::timers::never);
}

TEST_F(Future, a_green_thread_awaits_with_a_timeout) {
  troupe::promise<int> p(home());
  auto f = troupe::spawn(
      home(),
      [](troupe::future<int> inner) -> troupe::task<bool> {
        auto r = co_await inner;
        co_return r.error() == errc::timeout;
      },
      p.get_future(2ms));
  EXPECT_TRUE(*f.get(60s));
}

// The result, the timeout and a cancellation race: exactly one of them wins, and the waiter is woken exactly once.
TEST_F(Future, one_of_result_timeout_and_cancellation_wins) {
  for (int round = 0; round != 500; ++round) {
    troupe::promise<int> p(home());
    auto waiter = troupe::spawn(
        home(),
        [](troupe::future<int> inner) -> troupe::task<int> {
          auto r = co_await inner;
          co_return r ? *r : -1;
        },
        p.get_future(std::chrono::microseconds(round % 100)));
    bool given = false;
    std::thread giver([&] {
      for (int spin = 0; spin != (round % 64) * 8; ++spin) troupe::cpu_relax();
      given = p.give(7);
    });
    auto r = waiter.get(60s);
    giver.join();
    ASSERT_TRUE(r);
    ASSERT_EQ(*r == 7, given);
  }
}

TEST_F(Future, os_threads_and_promises_race_without_losing_a_result) {
  for (int round = 0; round != 1'000; ++round) {
    troupe::promise<int> p(home());
    auto f = p.get_future();
    std::thread giver([&] { p.give(round); });
    ASSERT_EQ(*f.get(), round);
    giver.join();
  }
}

}  // namespace
