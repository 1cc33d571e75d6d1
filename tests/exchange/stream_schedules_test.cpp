// Streams on many schedules.

#include <troupe/exchange/stream.hpp>
#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace stream_schedules {

using namespace std::chrono_literals;
using troupe::from;
using ints = std::vector<int>;

troupe::task<> publishes(troupe::publisher<int> to, int first, int count) {
  for (int i = 0; i != count; ++i) {
    to.publish(first + i);
    co_await troupe::this_task::yield();
  }
}

TEST(StreamSchedules, all_that_was_published_has_come_through_a_chain_when_it_ends) {
  troupe::testing::explore(300, [](troupe::runtime& rt) {
    troupe::exchange<int> a(rt, "a");
    troupe::exchange<int> b(rt, "b");
    troupe::exchange<ints> windows(rt, "windows");
    auto sum = from(windows).flat_map([](const ints& w) { return w; }).reduce(0, std::plus<>());
    auto gathered = from(a).merge(from(b).take(3)).window(2).to(windows);
    auto one = rt.spawn(publishes, a.publisher(), 1, 4);
    auto two = rt.spawn(publishes, b.publisher(), 10, 5);
    EXPECT_EQ(sum.get().value(), 10 + 33);
    EXPECT_TRUE(gathered.join());
  });
}

TEST(StreamSchedules, one_that_is_stopped_at_any_time_ends_and_calls_nobody_after_that) {
  troupe::testing::explore(300, [](troupe::runtime& rt) {
    troupe::exchange<int> a(rt, "a");
    bool stopped = false;
    bool completed = false;
    ints seen;
    auto running = from(a).window(1ms).subscribe(
        [&](const ints& w) {
          EXPECT_FALSE(stopped);
          seen.insert(seen.end(), w.begin(), w.end());
        },
        [&] {
          EXPECT_FALSE(stopped);
          completed = true;
        });
    auto publishing = rt.spawn(publishes, a.publisher(), 0, 5);
    auto stopping = rt.spawn(
        [](troupe::running_stream& s, bool& is_stopped) -> troupe::task<> {
          for (int i = 0; i != 3; ++i) co_await troupe::this_task::yield();
          s.stop();
          is_stopped = true;
        },
        std::ref(running), std::ref(stopped));
    EXPECT_TRUE(running.join());
    rt.run();
    ints all(5);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_TRUE(completed ? seen == all : std::equal(seen.begin(), seen.end(), all.begin()));
  });
}

}  // namespace stream_schedules
