// Operators of time, in virtual time.

#include <troupe/exchange/stream.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace timed_streams {

using namespace std::chrono_literals;
using troupe::from;
using ints = std::vector<int>;

/// An exchange in virtual time, on which numbers are published after a while each.
class timed {
public:
  timed() : rt({.seed = 1}), numbers(rt, "numbers"), out_(numbers.publisher()) {}
  ~timed() {
    EXPECT_TRUE(rt.shutdown(60s).clean());
    EXPECT_EQ(rt.counts().queued(), 0u);
    EXPECT_EQ(rt.counts().failed, 0u);
  }

  /// Each number after so long behind the one before; then, if it is to, the exchange ends.
  void publish(std::vector<std::pair<std::chrono::milliseconds, int>> all, bool end = true) {
    auto publishing = rt.spawn(
        [](troupe::publisher<int> to, std::vector<std::pair<std::chrono::milliseconds, int>> what) -> troupe::task<> {
          for (const auto& [after, n] : what) {
            co_await troupe::this_task::sleep_for(after);
            to.publish(n);
          }
        },
        end ? std::move(out_) : numbers.publisher(), std::move(all));
    (void)publishing.get();
  }

  troupe::runtime rt;
  troupe::exchange<int> numbers;

private:
  troupe::publisher<int> out_;
};

TEST(TimedStream, a_window_of_time_begins_with_its_first_item) {
  timed t;
  auto windows = from(t.numbers).window(100ms).to_vector();
  auto limited = from(t.numbers).window(100ms, 2).to_vector();
  t.publish({{0ms, 1}, {50ms, 2}, {40ms, 3}, {60ms, 4}, {500ms, 5}, {1ms, 6}});
  EXPECT_EQ(windows.get().value(), (std::vector<ints>{{1, 2, 3}, {4}, {5, 6}}));
  EXPECT_EQ(limited.get().value(), (std::vector<ints>{{1, 2}, {3, 4}, {5, 6}}));
}

TEST(TimedStream, throttle_lets_one_item_through_an_interval) {
  timed t;
  auto some = from(t.numbers).throttle(100ms).to_vector();
  t.publish({{0ms, 1}, {50ms, 2}, {60ms, 3}, {10ms, 4}, {100ms, 5}});
  EXPECT_EQ(some.get().value(), (ints{1, 3, 5}));
}

TEST(TimedStream, debounce_gives_the_last_item_before_a_silence_and_before_the_end) {
  timed t;
  std::vector<std::pair<int, std::int64_t>> at;
  const std::int64_t begin = t.rt.scheduler().now();
  auto running = from(t.numbers).debounce(100ms).for_each(
      [&](int n) { at.emplace_back(n, (t.rt.scheduler().now() - begin) / 1'000'000); });
  t.publish({{0ms, 1}, {50ms, 2}, {60ms, 3}, {200ms, 4}, {99ms, 5}, {101ms, 6}});
  EXPECT_TRUE(running.join());
  EXPECT_EQ(at, (std::vector<std::pair<int, std::int64_t>>{{3, 210}, {5, 509}, {6, 510}}));
}

TEST(TimedStream, timeout_is_an_error_when_nothing_comes) {
  timed t;
  auto all = from(t.numbers).timeout(100ms).to_vector();
  auto enough = from(t.numbers).timeout(1s).to_vector();
  t.publish({{90ms, 1}, {90ms, 2}, {200ms, 3}});
  auto r = all.get();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code(), troupe::errc::timeout);
  EXPECT_EQ(r.error().message(), "stream: nothing has come within 0.1 s");
  EXPECT_EQ(enough.get().value(), (ints{1, 2, 3}));
}

TEST(TimedStream, a_timeout_that_is_recovered_from_ends_the_stream_at_once) {
  timed t;
  auto never = from(t.numbers).on_error_return(-2).timeout(1h).on_error_return(-1).to_vector();
  const std::int64_t begin = t.rt.scheduler().now();
  EXPECT_EQ(never.get().value(), ints{-1});
  EXPECT_TRUE(never.join());
  EXPECT_EQ((t.rt.scheduler().now() - begin) / std::chrono::nanoseconds(1h).count(), 1);
  EXPECT_EQ(t.numbers.subscribers(), 0u);
}

TEST(TimedStream, retry_begins_a_timeout_anew) {
  timed t;
  auto all = from(t.numbers).timeout(100ms).retry(2).on_error_return(-1).to_vector();
  t.publish({{150ms, 1}, {90ms, 2}, {150ms, 3}, {150ms, 4}});
  EXPECT_EQ(all.get().value(), (ints{1, 2, 3, -1}));
}

TEST(TimedStream, what_an_operator_of_time_passes_on_may_end_the_stream) {
  timed t;
  auto first = from(t.numbers).debounce(10ms).take(1).to_vector();
  auto failed = from(t.numbers)
                    .debounce(10ms)
                    .map([](int n) -> int { throw std::runtime_error("no " + std::to_string(n)); })
                    .to_vector();
  t.publish({{0ms, 1}, {20ms, 2}}, false);
  EXPECT_EQ(first.get().value(), ints{1});
  EXPECT_EQ(failed.get().error().message(), "no 1");
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(failed.join());
}

TEST(TimedStream, each_group_has_its_own_times) {
  timed t;
  auto odd_and_even = from(t.numbers)
                          .group_by([](int n) { return n % 2; }, [](auto items) { return items.debounce(100ms); })
                          .to_vector();
  t.publish({{0ms, 1}, {60ms, 2}, {60ms, 3}, {300ms, 5}});
  EXPECT_EQ(odd_and_even.get().value(), (ints{1, 2, 3, 5}));
}

TEST(TimedStream, one_side_of_a_merge_may_time_out_and_the_other_goes_on) {
  timed t;
  troupe::exchange<int> others(t.rt, "others");
  auto keep = others.publisher();
  auto all = from(t.numbers).merge(from(others).timeout(50ms).on_error_return(-1)).to_vector();
  t.publish({{0ms, 1}, {100ms, 2}});
  EXPECT_EQ(all.get().value(), (ints{1, -1, 2}));
  EXPECT_EQ(others.subscribers(), 0u);
}

TEST(TimedStream, after_stop_no_timer_reaches_a_stage) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> numbers(rt, "numbers");
  for (int round = 0; round != 200; ++round) {
    auto seen = std::make_unique<int>(0);
    {
      auto running = from(numbers).window(20us).for_each([&](const ints&) { ++*seen; });
      for (int i = 0; i != 5; ++i) numbers.publish(i);
      std::this_thread::sleep_for(std::chrono::microseconds(round));
    }
    seen.reset();  // who still counts crashes
  }
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(TimedStream, times_that_are_not_positive_are_refused) {
  timed t;
  EXPECT_THROW((void)from(t.numbers).debounce(0s), troupe::troupe_error);
  EXPECT_THROW((void)from(t.numbers).window(-1s), troupe::troupe_error);
}

TEST(TimedStream, runs_of_one_seed_are_the_same) {
  const auto play = [](std::uint64_t seed) {
    troupe::runtime rt({.seed = seed});
    troupe::exchange<int> a(rt, "a");
    troupe::exchange<int> b(rt, "b");
    auto all = from(a)
                   .merge(from(b))
                   .window(10ms)
                   .group_by([](const ints& w) { return w.size(); }, [](auto w) { return w.debounce(5ms); })
                   .to_vector();
    for (auto& x : {a, b})
      (void)rt.spawn(
          [](troupe::publisher<int> to) -> troupe::task<> {
            for (int i = 0; i != 50; ++i) {
              co_await troupe::this_task::sleep_for(std::chrono::milliseconds(i % 7));
              to.publish(i);
            }
          },
          troupe::exchange<int>(x).publisher());
    auto value = all.get().value();
    return std::pair(std::move(value), rt.trace());
  };
  EXPECT_EQ(play(3), play(3));
  EXPECT_NE(play(3).second, play(4).second);
}

}  // namespace timed_streams
