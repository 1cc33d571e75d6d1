#include <troupe/scheduler/interval.hpp>
#include <troupe/scheduler/run_until.hpp>
#include <troupe/scheduler/select.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::interval;
using troupe::missed_tick;
using troupe::run_loop;
using troupe::task;

using times = std::vector<std::int64_t>;

/// The milliseconds at which `count` ticks of 10 ms are had on a loop with virtual time, by one who is held up for 35
/// ms after the second.
times ticks(missed_tick policy, int count) {
  run_loop loop({1});
  auto at = run_until(
      loop,
      [](run_loop& l, missed_tick p, int n) -> task<times> {
        interval beat(10ms, p);
        const std::int64_t begin = l.now();
        times had;
        for (int i = 0; i != n; ++i) {
          auto due = co_await beat.tick();
          EXPECT_TRUE(due);
          had.push_back((l.now() - begin) / 1'000'000);
          if (i == 1) co_await troupe::this_task::sleep_for(35ms);
        }
        co_return had;
      },
      std::ref(loop), policy, count);
  return at ? *at : times{};
}

TEST(Interval, that_bursts_makes_up_for_what_was_missed) {
  EXPECT_EQ(ticks(missed_tick::burst, 7), (times{0, 10, 45, 45, 45, 50, 60}));
}
TEST(Interval, that_is_delayed_starts_anew) { EXPECT_EQ(ticks(missed_tick::delay, 5), (times{0, 10, 45, 55, 65})); }
TEST(Interval, that_skips_keeps_its_times) { EXPECT_EQ(ticks(missed_tick::skip, 6), (times{0, 10, 45, 50, 60, 70})); }

TEST(Interval, serves_os_threads_too_and_is_never_early) {
  interval beat(1ms);
  auto first = beat.tick().get();
  ASSERT_TRUE(first);
  for (int i = 1; i != 6; ++i) {
    auto due = beat.tick().get();
    ASSERT_TRUE(due);
    EXPECT_EQ(*due - *first, i * 1ms);
    EXPECT_GE(std::chrono::steady_clock::now(), *due);
  }
}

TEST(Interval, may_stand_in_a_select) {
  run_loop loop({1});
  auto outcome = run_until(loop, []() -> task<std::size_t> {
    interval slow(1h);
    interval fast(1ms);
    slow.reset();
    fast.reset();
    auto first = troupe::select(slow.tick(), fast.tick());
    auto chosen = co_await first;
    co_return chosen.index();
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, 1u);
}

TEST(Interval, without_a_period_is_refused) {
  EXPECT_THROW(interval(0ms), troupe::troupe_error);
  EXPECT_THROW(interval(-1ms), troupe::troupe_error);
}

class IntervalOfThePool : public Synchronisation {};

TEST_F(IntervalOfThePool, ends_with_the_green_thread_that_waits_for_it) {
  auto waits = troupe::spawn(home(), []() -> task<> {
    interval beat(1h);
    while (auto at = co_await beat.tick()) {
    }
  });
  kill_all();
  EXPECT_EQ(waits.get().error(), troupe::errc::cancelled);
}

}  // namespace
