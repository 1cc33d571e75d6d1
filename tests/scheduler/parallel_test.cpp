#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/parallel.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::task;
namespace parallel = troupe::parallel;

/// Each test with 1, 2 and 4 workers.
class Parallel : public testing::TestWithParam<unsigned> {
protected:
  ~Parallel() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool =
      troupe::work_stealing_pool::start({.workers = GetParam(), .name = "loop"});
};

INSTANTIATE_TEST_SUITE_P(Workers, Parallel, testing::Values(1u, 2u, 4u));

task<> add_one_to_each(std::vector<int>& all, std::size_t grain) {
  co_await parallel::for_each(all, [](int& n) { ++n; }, {.grain = grain});
}

TEST_P(Parallel, for_each_visits_every_element_once) {
  for (std::size_t size : {0u, 1u, 2u, 3u, 1'000u, 300'000u}) {
    for (std::size_t grain : {0u, 1u, 7u, 1'000'000u}) {
      std::vector<int> all(size);
      ASSERT_TRUE(troupe::spawn(home(), add_one_to_each, std::ref(all), grain).get(60s));
      for (int n : all) ASSERT_EQ(n, 1);
    }
  }
}

TEST_P(Parallel, for_each_keeps_a_range_that_is_given_away) {
  std::atomic<long> sum{0};
  auto f = troupe::spawn(
      home(),
      [](std::atomic<long>& out) -> task<> {
        co_await parallel::for_each(std::vector<long>(1'000, 3), [&out](long n) { out += n; });
      },
      std::ref(sum));
  ASSERT_TRUE(f.get(60s));
  EXPECT_EQ(sum.load(), 3'000);
}

TEST_P(Parallel, for_each_awaits_what_is_a_task) {
  std::atomic<int> ended{0};
  auto f = troupe::spawn(
      home(),
      [](std::atomic<int>& n) -> task<> {
        const auto waits = [&n](int i) -> task<> {
          co_await troupe::this_task::sleep_for(std::chrono::microseconds(i % 50));
          ++n;
        };
        co_await parallel::for_each(std::views::iota(0, 500), waits);
      },
      std::ref(ended));
  ASSERT_TRUE(f.get(60s));
  EXPECT_EQ(ended.load(), 500);
}

TEST_P(Parallel, an_exception_of_an_element_comes_out) {
  auto f = troupe::spawn(home(), []() -> task<> {
    co_await parallel::for_each(std::views::iota(0, 10'000), [](int n) {
      if (n == 777) throw std::runtime_error("element 777");
    });
  });
  EXPECT_EQ(f.get(60s).error().message(), "element 777");
}

TEST_P(Parallel, reduce_keeps_the_order_of_an_operation_that_does_not_commute) {
  std::vector<std::string> words;
  std::string expected = "> ";
  for (int i = 0; i != 3'000; ++i) {
    words.push_back(std::to_string(i) + ' ');
    expected += words.back();
  }
  for (std::size_t grain : {0u, 1u, 10u}) {
    auto f = troupe::spawn(
        home(),
        [](const std::vector<std::string>& all, std::size_t n) -> task<std::string> {
          auto joined = parallel::reduce(all, std::string("> "),
                                         [](std::string a, const std::string& b) { return a + b; }, {.grain = n});
          co_return co_await joined;
        },
        std::cref(words), grain);
    ASSERT_EQ(*f.get(60s), expected);
  }
}

task<long> sum_below(long n) { return parallel::reduce(std::views::iota(0L, n), 0L, std::plus<>()); }

TEST_P(Parallel, reduce_of_nothing_is_the_initial_value_and_of_much_is_right) {
  EXPECT_EQ(*troupe::spawn(home(), sum_below, 0L).get(60s), 0);
  EXPECT_EQ(*troupe::spawn(home(), sum_below, 1L).get(60s), 0);
  constexpr long many = 30'000'000;
  EXPECT_EQ(*troupe::spawn(home(), sum_below, many).get(60s), many / 2 * (many - 1));
}

TEST(ParallelOrder, a_seed_fixes_everything) {
  const auto run = [](std::uint64_t seed) {
    troupe::run_loop loop({seed});
    std::string out;
    auto f = troupe::spawn(
        loop,
        [](std::string& text) -> task<> {
          co_await parallel::for_each(std::views::iota('a', 'z'), [&text](char c) { text += c; }, {.grain = 2});
        },
        std::ref(out));
    EXPECT_TRUE(f.get());
    return std::pair(out, loop.trace());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1).first, run(2).first);
}

}  // namespace
