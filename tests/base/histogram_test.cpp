#include <troupe/base/histogram.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::detail::time_buckets;

TEST(Histogram, every_time_is_in_a_bucket_that_is_no_wider_than_a_sixteenth_of_it) {
  for (std::uint64_t ns = 0; ns < std::uint64_t{1} << 40; ns += 1 + ns / 97) {
    const std::size_t b = time_buckets::of(ns);
    ASSERT_LT(b, time_buckets::count);
    ASSERT_GE(time_buckets::longest(b), ns);
    ASSERT_LE(time_buckets::longest(b), ns + ns / 16);
    if (b != 0) {
      ASSERT_LT(time_buckets::longest(b - 1), ns);
    }
  }
}

TEST(Histogram, percentiles_are_known_to_six_percent_and_the_longest_exactly) {
  troupe::histogram h;
  EXPECT_EQ(h.percentile(0.5), 0ns);
  for (int us = 1; us <= 1000; ++us) h.add(std::chrono::microseconds(us));
  EXPECT_EQ(h.count(), 1000u);
  EXPECT_GE(h.percentile(0.5), 500us);
  EXPECT_LE(h.percentile(0.5), 532us);
  EXPECT_GE(h.percentile(0.99), 990us);
  EXPECT_EQ(h.max(), 1ms);
  EXPECT_EQ(h.percentile(1), 1ms);
  EXPECT_LE(h.percentile(0), 2us);
}

TEST(Histogram, what_has_come_since_is_the_difference) {
  troupe::histogram before;
  before.add(1ms, 100);
  troupe::histogram now = before;
  now.add(2us, 3);
  const troupe::histogram since = now.since(before);
  EXPECT_EQ(since.count(), 3u);
  EXPECT_GE(since.max(), 2us);
  EXPECT_LE(since.max(), 2126ns);
  EXPECT_EQ(now.since(now).count(), 0u);
  EXPECT_EQ(now.since(now).max(), 0ns);
}

TEST(Histogram, a_live_one_counts_what_several_threads_add) {
  troupe::live_histogram live;
  std::vector<std::thread> writers;
  for (int t = 1; t <= 3; ++t)
    writers.emplace_back([&, t] {
      for (int i = 0; i != 10'000; ++i) live.add(t * 1'000, true);
    });
  troupe::histogram seen;
  live.add_to(seen);
  EXPECT_LE(seen.count(), 30'000u);
  for (std::thread& t : writers) t.join();
  live.add(-5, false);
  troupe::histogram all;
  live.add_to(all);
  EXPECT_EQ(all.count(), 30'001u);
  EXPECT_EQ(all.max(), 3us);
}

}  // namespace
