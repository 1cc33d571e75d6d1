#include <troupe/base/log.hpp>
#include <troupe/scheduler/run_until.hpp>
#include <troupe/scheduler/timed_call.hpp>

#include "sync_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using troupe::missed_tick;
using troupe::run_loop;
using troupe::timer_handle;

class TimedCall : public Synchronisation {};

TEST_F(TimedCall, comes_once_and_not_before_its_time) {
  const auto before = clock_type::now();
  clock_type::time_point called;
  std::latch done(1);
  timer_handle h = call_later(home(), 5ms, [&] {
    called = clock_type::now();
    done.count_down();
  });
  done.wait();
  EXPECT_GE(called - before, 5ms);
  EXPECT_GE(called, h.when());
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  EXPECT_FALSE(h.cancel());
  EXPECT_FALSE(h.cancelled());
}

TEST_F(TimedCall, that_is_called_off_never_comes_and_drops_what_it_holds) {
  auto held = std::make_shared<int>(1);
  std::atomic<int> calls{0};
  timer_handle h = call_later(home(), 1h, [held, &calls] { ++calls; });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(h.cancel());
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(h.cancelled());
  EXPECT_FALSE(h.cancel());
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  EXPECT_EQ(calls, 0);
}

TEST_F(TimedCall, comes_although_nobody_keeps_its_handle) {
  std::latch done(2);
  call_soon(home(), [&] { done.count_down(); });
  call_at(home(), clock_type::now() - 1h, [&] { done.count_down(); });  // long due
  done.wait();
}

TEST_F(TimedCall, that_throws_is_a_line_in_the_log) {
  static std::mutex mutex;
  static std::string log;
  troupe::set_log_sink([](std::string_view line) noexcept {
    std::lock_guard guard(mutex);
    log += line;
  });
  call_soon(home(), [] { throw std::runtime_error("no such account"); });
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  troupe::set_log_sink(nullptr);
  EXPECT_NE(log.find("no such account"), std::string::npos) << log;
}

TEST_F(TimedCall, is_either_made_or_called_off_when_both_race) {
  for (int round = 0; round != 200; ++round) {
    std::vector<std::atomic<int>> calls(20);
    std::vector<timer_handle> handles;
    for (auto& c : calls) handles.push_back(call_later(home(), 1us * round, [&c] { ++c; }));
    std::vector<int> called_off(calls.size());
    for (std::size_t i = 0; i != calls.size(); ++i) called_off[i] = handles[i].cancel() ? 1 : 0;
    ASSERT_TRUE(pool->wait_quiescent(troupe::timers::never));
    for (std::size_t i = 0; i != calls.size(); ++i) ASSERT_EQ(calls[i] + called_off[i], 1);
  }
}

TEST_F(TimedCall, every_period_comes_until_it_calls_itself_off) {
  int calls = 0;
  std::latch done(1);
  std::mutex mutex;
  timer_handle h;
  {
    std::lock_guard guard(mutex);
    h = call_every(home(), 1ms, [&] {
      std::lock_guard set(mutex);
      if (++calls != 5) return;
      EXPECT_TRUE(h.cancel());
      done.count_down();
    });
  }
  done.wait();
  EXPECT_TRUE(h.cancelled());
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  EXPECT_EQ(calls, 5);
}

TEST_F(TimedCall, every_period_does_not_hold_up_those_who_wait_for_rest) {
  auto held = std::make_shared<std::atomic<int>>(0);
  timer_handle h = call_every(home(), 1h, [held] { ++*held; });
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  EXPECT_TRUE(h.cancel());
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(TimedCall, every_period_can_be_called_off_at_any_moment) {
  for (int round = 0; round != 300; ++round) {
    auto held = std::make_shared<std::atomic<int>>(0);
    timer_handle h = call_every(home(), 1us, [held] { ++*held; });
    while (round % 3 == 0 && *held == 0) std::this_thread::yield();
    EXPECT_TRUE(h.cancel());
    EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
    ASSERT_EQ(held.use_count(), 1);
  }
}

TEST_F(TimedCall, that_is_left_when_the_pool_ends_is_dropped) {
  auto held = std::make_shared<int>(1);
  auto own = troupe::work_stealing_pool::start({.workers = 1, .name = "own"});
  timer_handle late = call_later(*own, 1h, [held] {});
  timer_handle often = call_every(*own, 1h, [held] {});
  EXPECT_TRUE(own->stop(troupe::timers::never));
  own.reset();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(late.cancelled());
  EXPECT_FALSE(often.cancel());
}

TEST_F(TimedCall, that_the_end_drops_is_counted_in_one_line_of_the_log) {
  static std::mutex mutex;
  static std::vector<std::string> log;
  log.clear();
  troupe::set_log_sink([](std::string_view line) noexcept {
    std::lock_guard guard(mutex);
    log.emplace_back(line);
  });
  const auto end_with_calls = [](troupe::scheduler& s) {
    timer_handle late = call_later(s, 1h, [] {});
    timer_handle later = call_at(s, clock_type::time_point(std::chrono::nanoseconds(s.now())) + 2h, [] {});
    timer_handle called_off = call_later(s, 1h, [] {});
    timer_handle often = call_every(s, 1h, [] {});
    EXPECT_TRUE(called_off.cancel());
    (void)s.stop(troupe::timers::never);
    EXPECT_TRUE(late.cancelled() && later.cancelled() && often.cancelled());
  };
  run_loop loop;
  end_with_calls(loop);
  const auto own = troupe::work_stealing_pool::start({.workers = 1, .name = "own"});
  end_with_calls(*own);
  troupe::set_log_sink(nullptr);
  const std::string line = "the end of a runtime has dropped 2 calls that were still to come";
  EXPECT_EQ(log, (std::vector<std::string>{line, line}));
}

/// The places of `count` calls in the order of their times, as they are made. All are due at once; they are asked for
/// in another order.
std::vector<int> order_of(troupe::scheduler& home, int count) {
  std::vector<int> order;
  const clock_type::time_point begin{std::chrono::nanoseconds(home.now())};
  for (int i = 0; i != count; ++i) {
    const int place = i * 7919 % count;
    call_at(home, begin - 1ms + place * 100ns, [&order, place] { order.push_back(place); });
  }
  EXPECT_TRUE(home.wait_quiescent(troupe::timers::never));
  return order;
}

std::vector<int> ascending(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(TimedCallOfOneThread, that_is_due_with_others_comes_in_the_order_of_their_times) {
  run_loop loop;
  EXPECT_EQ(order_of(loop, 1'000), ascending(1'000));
}

TEST(TimedCallOfOneWorker, that_is_due_with_more_than_the_ring_holds_comes) {
  auto pool = troupe::work_stealing_pool::start({.workers = 1, .name = "one", .stand_ins = 0});
  std::vector<int> order = order_of(*pool, 5'000);
  pool->stop(troupe::timers::never);
  std::sort(order.begin(), order.end());  // the housekeeper may have helped
  EXPECT_EQ(order, ascending(5'000));
}

TEST(TimedCallOfOneWorker, those_that_are_to_come_soon_come_in_the_order_of_their_asking) {
  auto pool = troupe::work_stealing_pool::start({.workers = 1, .name = "one", .stand_ins = 0});
  std::vector<int> order;
  call_soon(*pool, [&] {
    for (int i = 0; i != 100; ++i) call_soon(*pool, [&order, i] { order.push_back(i); });
  });
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  pool->stop(troupe::timers::never);
  EXPECT_EQ(order, ascending(100));
}

TEST(TimedCallInVirtualTime, every_period_has_no_drift) {
  run_loop loop({1});
  const std::int64_t begin = loop.now();
  std::vector<std::int64_t> at;
  timer_handle h = call_every(loop, 10ms, [&] { at.push_back((loop.now() - begin) / 1'000'000); });
  call_later(loop, 105ms, [&] { h.cancel(); });
  loop.run();
  EXPECT_EQ(at, (std::vector<std::int64_t>{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}));
}

TEST(NextTick, is_a_period_after_one_that_was_had_in_time) {
  for (missed_tick p : {missed_tick::burst, missed_tick::delay, missed_tick::skip}) {
    EXPECT_EQ(troupe::next_tick(100, 100, 10, p), 110);
    EXPECT_EQ(troupe::next_tick(100, 109, 10, p), 110);
  }
}

TEST(NextTick, after_a_late_one_is_as_the_policy_says) {
  EXPECT_EQ(troupe::next_tick(100, 135, 10, missed_tick::burst), 110);
  EXPECT_EQ(troupe::next_tick(100, 135, 10, missed_tick::delay), 145);
  EXPECT_EQ(troupe::next_tick(100, 135, 10, missed_tick::skip), 140);
  EXPECT_EQ(troupe::next_tick(100, 130, 10, missed_tick::skip), 140);
}

}  // namespace
