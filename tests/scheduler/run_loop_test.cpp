#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/run_until.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/timed_call.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::run_loop;
using troupe::task;

task<> counts(std::string& log, char name, int steps) {
  for (int i = 0; i != steps; ++i) {
    log += name;
    co_await troupe::this_task::yield();
  }
}

TEST(RunLoop, without_a_seed_jobs_run_in_strict_rotation) {
  run_loop loop;
  std::string log;
  for (char name : {'a', 'b', 'c'}) {
    auto dropped = troupe::spawn(loop, counts, std::ref(log), name, 3);
  }
  loop.run();
  EXPECT_EQ(log, "abcabcabc");
  EXPECT_EQ(loop.strands().size(), 0u);
}

TEST(RunLoop, whoever_waits_for_a_future_runs_the_jobs) {
  run_loop loop;
  auto f = troupe::spawn(loop, []() -> task<std::thread::id> {
    co_await troupe::this_task::sleep_for(1ms);
    co_return std::this_thread::get_id();
  });
  EXPECT_EQ(*f.get(), std::this_thread::get_id());
}

TEST(RunLoop, a_second_thread_may_wait_while_the_first_drives) {
  run_loop loop;
  auto slow = [](int n) -> task<int> {
    co_await troupe::this_task::sleep_for(5ms);
    co_return n;
  };
  auto a = troupe::spawn(loop, slow, 1);
  auto b = troupe::spawn(loop, slow, 2);
  int got = 0;
  std::thread other([&] { got = *b.get(); });
  EXPECT_EQ(*a.get(), 1);
  other.join();
  EXPECT_EQ(got, 2);
}

TEST(RunLoop, a_job_may_come_from_another_thread) {
  run_loop loop;
  troupe::promise<int> p(loop);
  auto f = troupe::spawn(
      loop,
      [](troupe::future<int> inner) -> task<int> {
        auto r = co_await inner;
        co_return *r;
      },
      p.get_future());
  std::thread giver([&] {
    std::this_thread::sleep_for(5ms);
    p.give(4);
  });
  EXPECT_EQ(*f.get(), 4);
  giver.join();
}

TEST(RunLoop, a_deadline_is_kept_although_something_can_always_run) {
  run_loop loop;
  auto f = troupe::spawn(loop, []() -> task<> {
    for (;;) co_await troupe::this_task::yield();
  });
  EXPECT_EQ(f.get(20ms).error(), troupe::errc::timeout);
  EXPECT_FALSE(loop.wait_quiescent(loop.now() + 20'000'000));
  loop.strands().for_each([](troupe::strand& s) { s.request_kill(); });
  loop.run();
}

std::string interleaving(std::uint64_t seed, std::uint64_t& trace) {
  run_loop loop({seed});
  std::string log;
  for (char name : {'a', 'b', 'c'}) {
    auto dropped = troupe::spawn(loop, counts, std::ref(log), name, 10);
  }
  loop.run();
  trace = loop.trace();
  return log;
}

TEST(RunLoop, a_seed_fixes_the_interleaving) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t other = 0;
  EXPECT_EQ(interleaving(1, first), interleaving(1, second));
  EXPECT_EQ(first, second);
  EXPECT_NE(interleaving(2, other), interleaving(1, first));
  EXPECT_NE(other, first);
}

TEST(RunLoop, with_a_seed_timers_fire_in_the_order_of_virtual_time) {
  run_loop loop({3});
  std::string log;
  for (auto [name, hours] : {std::pair{'c', 30}, {'a', 10}, {'b', 20}}) {
    auto dropped = troupe::spawn(
        loop,
        [](std::string& out, char n, int h) -> task<> {
          co_await troupe::this_task::sleep_for(std::chrono::hours(h));
          out += n;
        },
        std::ref(log), name, hours);
  }
  loop.run();
  EXPECT_EQ(log, "abc");
}

TEST(RunLoop, runs_until_the_result_is_there_and_then_stands_still) {
  run_loop loop;
  int turns = 0;
  auto endless = troupe::spawn(
      loop,
      [](int& n) -> task<> {
        for (;; ++n) co_await troupe::this_task::yield();
      },
      std::ref(turns));
  auto outcome = run_until(loop, []() -> task<int> {
    co_await troupe::this_task::yield();
    co_return 42;
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, 42);
  EXPECT_GT(turns, 0);
  const int then = turns;
  EXPECT_EQ(*run_until(loop, [](int n) -> task<int> { co_return n; }(then)), then);  // a task, made already
  troupe::promise<int> p(loop);
  auto f = p.get_future();
  call_soon(loop, [&] { p.give(7); });
  EXPECT_EQ(*run_until(loop, std::move(f)), 7);
  loop.strands().for_each([](troupe::strand& s) { s.request_kill(); });
  loop.run();
}

TEST(RunLoop, runs_forever_until_another_thread_stops_it) {
  run_loop loop;
  std::atomic<int> calls{0};
  std::thread other([&] {
    for (int i = 0; i != 100; ++i) call_soon(loop, [&] { ++calls; });
    call_soon(loop, [&] { loop.stop(); });
  });
  loop.run_forever();
  other.join();
  EXPECT_EQ(calls, 100);
  loop.stop();  // the next one returns at once
  loop.run_forever();
}

TEST(RunLoop, with_a_seed_runs_forever_while_anything_can_come) {
  run_loop loop({1});
  int ticks = 0;
  auto beat = call_every(loop, 10ms, [&] {
    if (++ticks == 3) loop.stop();
  });
  loop.run_forever();
  EXPECT_EQ(ticks, 3);
  beat.cancel();
  loop.run_forever();  // nothing is left
}

TEST(RunLoop, does_not_run_forever_within_itself) {
  run_loop loop;
  bool refused = false;
  call_soon(loop, [&] {
    try {
      loop.run_forever();
    } catch (const troupe::troupe_error& e) {
      refused = e.code() == troupe::errc::invalid_argument;
    }
  });
  loop.run();
  EXPECT_TRUE(refused);
}

TEST(RunLoop, one_whose_options_are_refused_is_driven_by_nobody) {
  EXPECT_THROW(run_loop({0, troupe::schedule_strategy::replay("nonsense")}), troupe::troupe_error);
  EXPECT_EQ(troupe::detail::driven_by_this_thread(), nullptr);
}

}  // namespace
