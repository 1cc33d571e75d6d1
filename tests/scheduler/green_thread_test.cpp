#include <troupe/base/log.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/sync_wait.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using troupe::task;
namespace this_task = troupe::this_task;

class GreenThread : public testing::Test {
protected:
  ~GreenThread() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "green"});
};

TEST_F(GreenThread, keeps_callable_and_arguments_until_it_ends) {
  std::string text(100, 'x');
  auto f = troupe::spawn(
      home(),
      [suffix = std::string(100, 'y')](std::string kept) -> task<std::string> {
        co_await this_task::sleep_for(2ms);
        co_return kept + suffix;
      },
      text);
  text.clear();
  EXPECT_EQ(f.get(60s)->size(), 200u);
}

TEST_F(GreenThread, join_waits_for_the_end_and_leaves_the_result) {
  troupe::promise<int> answer(home());
  auto asked = answer.get_future();
  auto child = troupe::spawn(
      home(),
      [](troupe::future<int> source) -> task<int> {
        auto got = co_await source;
        co_return *got;
      },
      std::move(asked));
  EXPECT_EQ(child.join(1ms).error(), troupe::errc::timeout);
  answer.give(42);
  EXPECT_TRUE(child.join().has_value());
  EXPECT_TRUE(child.done());
  EXPECT_EQ(*child.get(), 42);
  EXPECT_EQ(troupe::green_thread<int>().join().error(), troupe::errc::invalid_argument);
}

TEST_F(GreenThread, of_one_argument_takes_a_block_of_112_bytes_beside_its_frame) {
  using made = troupe::detail::green_object<troupe::detail::green_strand, task<> (*)(int*), int*>;
  EXPECT_LE(sizeof(made), 112u) << "a million that sleep are to take 256 bytes each, of which the frame is 128";
}

task<int> depth(int n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await depth(n - 1);
}

TEST_F(GreenThread, a_long_chain_of_tasks_does_not_use_up_the_stack) {
  auto f = troupe::spawn(home(), [] { return depth(20'000); });
  EXPECT_EQ(*f.get(60s), 20'000);
}

TEST_F(GreenThread, a_long_loop_of_tasks_that_end_at_once_does_not_either) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    int sum = 0;
    for (int i = 0; i != 100'000; ++i) sum += co_await depth(1);
    co_return sum;
  });
  EXPECT_EQ(*f.get(60s), 100'000);
}

TEST_F(GreenThread, an_exception_passes_through_the_tasks_and_becomes_an_error) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    const auto thrower = [](int n) -> task<int> {
      co_await this_task::yield();
      if (n == 1) throw std::runtime_error("deep inside");
      co_return n;
    };
    try {
      (void)co_await thrower(1);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(std::string("caught ") + e.what());
    }
    co_return 0;
  });
  auto r = f.get(60s);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), troupe::errc::crashed);
  EXPECT_EQ(r.error().message(), "caught deep inside");
}

TEST_F(GreenThread, sleeps_are_never_shorter_than_asked_for) {
  auto f = troupe::spawn(home(), []() -> task<bool> {
    bool good = true;
    for (int i = 0; i != 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const auto length = std::chrono::microseconds(i * 137);
      good = co_await this_task::sleep_for(length) && good;
      good = good && std::chrono::steady_clock::now() - start >= length;
    }
    co_return good;
  });
  EXPECT_TRUE(*f.get(60s));
}

TEST_F(GreenThread, a_thousand_sleep_at_the_same_time_on_two_workers) {
  std::atomic<int> begun{0};
  for (int i = 0; i != 1'000; ++i) {
    auto dropped = troupe::spawn(
        home(),
        [](std::atomic<int>& n, int number) -> task<> {
          ++n;
          // None would wake up for good if those who sleep held the workers.
          while (n.load() != 1'000) co_await this_task::sleep_for(std::chrono::milliseconds(10 + number % 20));
        },
        std::ref(begun), i);
  }
  EXPECT_TRUE(home().wait_quiescent(troupe::steady_now() + 60'000'000'000));
  EXPECT_EQ(home().strands().size(), 0u);
}

TEST_F(GreenThread, a_kill_ends_it_at_its_wait_and_destroys_its_locals) {
  struct local {
    explicit local(std::atomic<int>& n) : alive(n) { ++alive; }
    ~local() { --alive; }
    std::atomic<int>& alive;
  };
  std::atomic<int> alive{0};
  for (int round = 0; round != 200; ++round) {
    auto f = troupe::spawn(
        home(),
        [](std::atomic<int>& n) -> task<> {
          const local here(n);
          for (;;) co_await this_task::sleep_for(1h);
        },
        std::ref(alive));
    if (round % 2 == 0) std::this_thread::sleep_for(20us);
    home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
    EXPECT_EQ(f.get(60s).error(), troupe::errc::cancelled);
    ASSERT_TRUE(home().wait_quiescent(troupe::steady_now() + 60'000'000'000));
    ASSERT_EQ(alive.load(), 0);
  }
}

task<int> echo(int n) { co_return n; }

task<int> echo_later(int n) {
  co_await this_task::yield();
  co_return n;
}

TEST_F(GreenThread, joins_children_that_end_at_once_or_later) {
  auto f = troupe::spawn(
      home(),
      [](troupe::scheduler& home) -> task<int> {
        int sum = 0;
        for (int i = 0; i != 1'000; ++i) {
          auto child = troupe::spawn(home, i % 3 == 0 ? echo_later : echo, 1);
          auto r = co_await child;
          sum += r.value();
        }
        co_return sum;
      },
      std::ref(home()));
  EXPECT_EQ(*f.get(), 1'000);
}

task<int> nested_joins(troupe::scheduler& home, int depth) {
  if (depth == 0) co_return 0;
  auto child = troupe::spawn(home, nested_joins, std::ref(home), depth - 1);
  auto below = co_await child;
  co_return below.value() + 1;
}

TEST_F(GreenThread, children_that_join_children_do_not_use_up_the_stack) {
  EXPECT_EQ(*troupe::spawn(home(), nested_joins, std::ref(home()), 5'000).get(), 5'000);
}

TEST(GreenThreadAlone, one_that_joins_children_again_and_again_lets_others_run) {
  auto pool = troupe::work_stealing_pool::start({.workers = 1, .name = "alone"});
  std::atomic<bool> others_ran{false};
  auto joiner = troupe::spawn(
      *pool,
      [](troupe::scheduler& home, std::atomic<bool>& over) -> task<> {
        auto other = troupe::spawn(
            home,
            [](std::atomic<bool>& mark) -> task<> {
              mark = true;
              co_return;
            },
            std::ref(over));
        while (!over) {
          auto child = troupe::spawn(home, echo, 1);
          auto r = co_await child;
          (void)r;
        }
        (void)co_await other;
      },
      std::ref(*pool), std::ref(others_ran));
  EXPECT_TRUE(joiner.get());
  pool->stop(troupe::timers::never);
}

TEST_F(GreenThread, a_handle_knows_its_number_and_outlives_the_green_thread) {
  auto one = troupe::spawn(home(), echo, 1);
  auto two = troupe::spawn(home(), echo, 2);
  EXPECT_NE(one.id(), two.id());
  EXPECT_TRUE(one.wait().get());
  EXPECT_EQ(one.id(), one.id());
  EXPECT_FALSE(one.name().empty());
  troupe::future<int> result = std::move(one);
  EXPECT_EQ(*result.get(), 1);
  two.detach();
  EXPECT_FALSE(two.valid());
  pool->wait_quiescent(troupe::timers::never);
}

TEST_F(GreenThread, an_error_carries_the_exception_that_ended_it) {
  auto f = troupe::spawn(home(), []() -> task<> {
    throw std::out_of_range("far");
    co_return;
  });
  const auto r = f.get();
  ASSERT_FALSE(r);
  EXPECT_THROW(std::rethrow_exception(r.error().cause()), std::out_of_range);
}

task<bool> is_refused(const task<int>& t) {
  try {
    const int n = co_await t;
    co_return n < 0;
  } catch (const troupe::troupe_error& e) {
    co_return e.code() == troupe::errc::invalid_argument;
  }
}

TEST_F(GreenThread, a_task_is_awaited_once_and_not_when_it_was_moved_from) {
  auto all = troupe::spawn(home(), []() -> task<bool> {
    task<int> once = echo(1);
    const int n = co_await once;
    const bool again = co_await is_refused(once);
    const bool empty = co_await is_refused(task<int>());
    co_return n == 1 && again&& empty;
  });
  EXPECT_TRUE(all.get().value());
}

// A child that blocks its thread holds up neither the deadline nor the stop of the one that waits for it.
TEST_F(GreenThread, who_waits_for_a_child_that_blocks_a_thread_is_still_told_to_stop) {
  std::promise<void> release;
  auto blocked = release.get_future().share();
  auto parent = troupe::spawn(
      home(),
      [](troupe::scheduler& home, std::shared_future<void> until) -> task<bool> {
        auto child = troupe::spawn(
            home,
            [](std::shared_future<void> u) -> task<> {
              u.wait();
              co_return;
            },
            until);
        auto r = co_await child;
        co_return r.has_value();
      },
      std::ref(home()), blocked);
  while (!parent.running()) std::this_thread::yield();
  parent.request_stop();
  const auto r = parent.get();
  release.set_value();
  ASSERT_TRUE(r);
  EXPECT_FALSE(*r);
}

TEST_F(GreenThread, spawned_behind_the_end_of_its_scheduler_has_an_error_at_once) {
  const auto own = troupe::work_stealing_pool::start({.workers = 1, .name = "ended"});
  own->stop(troupe::timers::never);
  troupe::run_loop loop;
  loop.stop(loop.now());
  for (troupe::scheduler* ended :
       {static_cast<troupe::scheduler*>(own.get()), static_cast<troupe::scheduler*>(&loop)}) {
    const auto held = std::make_shared<int>(1);
    auto late = troupe::spawn(
        *ended, [](std::shared_ptr<int> n) -> task<int> { co_return *n; }, held);
    ASSERT_TRUE(late.done());
    EXPECT_EQ(late.get().error(), troupe::errc::shutdown);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(ended->strands().size(), 0u);
    try {
      (void)troupe::sync_wait(*ended, echo(1));
      ADD_FAILURE() << "it has run";
    } catch (const troupe::troupe_error& e) {
      EXPECT_EQ(e.code(), troupe::errc::shutdown);
    }
  }
}

// Between the list of those whom a shutdown kills and the end of the threads nobody would end it.
TEST_F(GreenThread, spawned_after_the_end_of_spawning_never_begins) {
  home().end_spawning();
  auto late = troupe::spawn(home(), []() -> task<> { (void)co_await troupe::this_task::sleep_for(1h); });
  ASSERT_TRUE(late.done());
  EXPECT_EQ(late.get().error(), troupe::errc::shutdown);
  EXPECT_EQ(home().strands().size(), 0u);
}

}  // namespace
