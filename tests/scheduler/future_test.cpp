#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
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

TEST_F(Future, result_gives_the_value_or_throws_what_was_thrown) {
  auto good = spawn(home(), []() -> troupe::task<int> { co_return 4; });
  EXPECT_EQ(good.result(), 4);
  auto bad = spawn(home(), []() -> troupe::task<int> {
    throw std::out_of_range("too far");
    co_return 0;
  });
  EXPECT_THROW((void)bad.result(), std::out_of_range);
  troupe::promise<int> p(home());
  auto given_up = p.get_future();
  p.fail(troupe::error(errc::closed, "no more"));
  try {
    (void)given_up.result();
    ADD_FAILURE() << "did not throw";
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), errc::closed);
  }
}

TEST_F(Future, a_result_that_does_not_come_in_time_is_still_awaited) {
  troupe::promise<int> p(home());
  auto f = p.get_future();
  EXPECT_EQ(f.wait(1ms).get().error(), errc::timeout);
  EXPECT_THROW((void)f.result(1ms), troupe::troupe_error);
  EXPECT_THROW((void)f.exception(1ms), troupe::troupe_error);
  auto asleep = spawn(
      home(),
      [](troupe::future<int>& inner) -> troupe::task<bool> {
        auto came = co_await inner.wait(1ms);
        co_return came.error() == errc::timeout;
      },
      std::ref(f));
  EXPECT_TRUE(asleep.result());
  EXPECT_TRUE(p.give(3));
  EXPECT_TRUE(f.wait().get());
  EXPECT_EQ(f.exception(), nullptr);
  EXPECT_EQ(f.result(), 3);
  EXPECT_EQ(f.get().error(), errc::invalid_argument);
}

TEST_F(Future, exception_tells_what_result_would_throw_and_leaves_it) {
  auto f = spawn(home(), []() -> troupe::task<> {
    throw std::out_of_range("too far");
    co_return;
  });
  ASSERT_NE(f.exception(), nullptr);
  EXPECT_THROW(std::rethrow_exception(f.exception()), std::out_of_range);
  EXPECT_THROW(f.result(), std::out_of_range);
}

TEST_F(Future, who_cancels_finds_it_cancelled_unless_the_work_has_begun) {
  troupe::promise<int> idle(home());
  auto f = idle.get_future();
  EXPECT_FALSE(f.cancelled());
  EXPECT_FALSE(f.running());
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled() && f.done());
  EXPECT_FALSE(idle.set_running());

  troupe::promise<int> busy(home());
  auto g = busy.get_future();
  EXPECT_TRUE(busy.set_running());
  EXPECT_TRUE(g.running());
  EXPECT_FALSE(g.cancel());
  busy.give(1);
  EXPECT_FALSE(g.running());
  EXPECT_EQ(g.result(), 1);

  troupe::future<int> orphan = troupe::promise<int>(home()).get_future();
  EXPECT_TRUE(orphan.cancelled());
}

TEST_F(Future, one_that_stands_for_nothing_gives_an_error_to_whoever_waits) {
  troupe::future<int> none;
  EXPECT_FALSE(none.valid());
  EXPECT_TRUE(none.done());
  EXPECT_FALSE(none.running());
  EXPECT_FALSE(none.cancelled());
  EXPECT_FALSE(none.cancel());
  EXPECT_EQ(none.get().error(), errc::invalid_argument);
  EXPECT_EQ(none.wait().get().error(), errc::invalid_argument);
  EXPECT_THROW((void)none.result(), troupe::troupe_error);
  EXPECT_THROW((void)none.exception(), troupe::troupe_error);
  auto awaits = troupe::spawn(
      home(),
      [](troupe::future<int> f) -> troupe::task<bool> {
        auto r = co_await f;
        auto came = co_await f.wait();
        co_return r.error() == errc::invalid_argument&& came.error() == errc::invalid_argument;
      },
      std::move(none));
  EXPECT_TRUE(*awaits.get());
}

TEST_F(Future, then_goes_on_with_the_result_and_may_be_chained) {
  troupe::promise<int> p(home());
  auto text = p.get_future().then([](troupe::result<int> r) { return r.value() * 2; }).then([](troupe::result<int> r) {
    return std::to_string(*r);
  });
  EXPECT_FALSE(text.done());
  p.give(21);
  EXPECT_EQ(text.result(), "42");
  auto failed = spawn(home(), []() -> troupe::task<> {
                  throw std::runtime_error("no");
                  co_return;
                }).then([](troupe::result<void> r) { return r.error().message(); });
  EXPECT_EQ(failed.result(), "no");
}

TEST_F(Future, a_promise_gives_once_and_has_one_future) {
  troupe::promise<int> p(home());
  auto f = p.get_future();
  EXPECT_THROW((void)p.get_future(), troupe::troupe_error);
  EXPECT_TRUE(p.give(1));
  EXPECT_FALSE(p.give(2));
  EXPECT_THROW((void)p.get_future(), troupe::troupe_error);
  EXPECT_EQ(*f.get(), 1);
}

// g++ 12 copies an awaitable that is captured so, if it is its own awaiter: then this does not compile.
TEST_F(Future, that_a_lambda_has_captured_by_reference_can_be_awaited) {
  troupe::promise<std::string> p(home());
  auto asked = p.get_future();
  auto first = troupe::spawn(home(), [&asked]() -> troupe::task<std::string> {
    auto r = co_await asked;
    co_return *r;
  });
  auto second = troupe::spawn(home(), [&]() -> troupe::task<std::string> { co_return (co_await first).value() + "!"; });
  p.give(std::string(100, 'x'));
  EXPECT_EQ(*second.get(60s), std::string(100, 'x') + "!");
}

}  // namespace
