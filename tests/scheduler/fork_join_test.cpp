#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::fork_group;
using troupe::fork_join;
using troupe::task;
namespace this_task = troupe::this_task;

constexpr std::int64_t second = 1'000'000'000;

task<long> fib(int n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await fork_join(fib(n - 1), fib(n - 2));
  co_return a + b;
}

/// Counts who is alive.
struct local {
  explicit local(std::atomic<int>& n) : alive(&n) { ++*alive; }
  local(const local& other) : alive(other.alive) { ++*alive; }
  local& operator=(const local&) = delete;
  ~local() { --*alive; }
  std::atomic<int>* alive;
};

/// Each test with 1, 2 and 4 workers.
class ForkJoin : public testing::TestWithParam<unsigned> {
protected:
  ~ForkJoin() override {
    EXPECT_TRUE(home().wait_quiescent(home().now() + 60 * second));
    EXPECT_EQ(home().strands().size(), 0u);
    pool->stop(troupe::timers::never);
  }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool =
      troupe::work_stealing_pool::start({.workers = GetParam(), .name = "fork"});
};

INSTANTIATE_TEST_SUITE_P(Workers, ForkJoin, testing::Values(1u, 2u, 4u));

TEST_P(ForkJoin, adds_up_a_tree_of_forks) {
  for (int round = 0; round != 5; ++round) EXPECT_EQ(*troupe::spawn(home(), fib, 20).get(60s), 6765);
}

TEST_P(ForkJoin, several_green_threads_fork_at_the_same_time) {
  std::vector<troupe::future<long>> all;
  for (int i = 0; i != 20; ++i) all.push_back(troupe::spawn(home(), fib, 15));
  for (auto& f : all) EXPECT_EQ(*f.get(60s), 610);
}

task<std::unique_ptr<int>> boxed(int n) { co_return std::make_unique<int>(n); }
task<std::string> named(int n) { co_return std::string(40, static_cast<char>('a' + n)); }
task<> raises(std::atomic<int>& n) {
  ++n;
  co_return;
}

TEST_P(ForkJoin, results_come_in_order_and_of_any_type) {
  std::atomic<int> raised{0};
  auto f = troupe::spawn(
      home(),
      [](std::atomic<int>& n) -> task<std::string> {
        auto [box, nothing, name] = co_await fork_join(boxed(3), raises(n), named(1));
        static_assert(std::is_same_v<decltype(nothing), std::monostate>);
        co_await fork_join(raises(n), raises(n), raises(n), raises(n));
        co_return name + std::to_string(*box);
      },
      std::ref(raised));
  EXPECT_EQ(*f.get(60s), std::string(40, 'b') + "3");
  EXPECT_EQ(raised.load(), 5);
}

task<int> fails(int n) {
  if (n % 2 == 1) co_await this_task::sleep_for(std::chrono::microseconds(500 / n));
  throw std::runtime_error("child " + std::to_string(n));
}
task<int> sleeps(int n, std::atomic<int>& ended) {
  co_await this_task::sleep_for(std::chrono::milliseconds(n));
  ++ended;
  co_return n;
}

TEST_P(ForkJoin, the_first_exception_in_order_comes_out_when_all_have_ended) {
  std::atomic<int> ended{0};
  for (int round = 0; round != 20; ++round) {
    ended = 0;
    auto f = troupe::spawn(
        home(),
        [](std::atomic<int>& n) -> task<std::string> {
          std::string text;
          try {
            (void)co_await fork_join(sleeps(1, n), fails(1), fails(2), fails(3), sleeps(2, n));
          } catch (const std::runtime_error& e) {
            text = e.what();
          }
          co_return text + (n == 2 ? ", all ended" : ", some run");
        },
        std::ref(ended));
    EXPECT_EQ(*f.get(60s), "child 1, all ended");
  }
}

TEST_P(ForkJoin, children_that_wait_do_so_at_the_same_time) {
  auto f = troupe::spawn(
      home(),
      [](troupe::scheduler& s) -> task<bool> {
        // Each waits for the next: one after the other they would never end.
        troupe::promise<int> a(s);
        troupe::promise<int> b(s);
        auto from_a = a.get_future();
        auto from_b = b.get_future();
        const auto waits = [](troupe::future<int>& in, troupe::promise<int>& out) -> task<int> {
          auto r = co_await in;
          out.give(*r + 1);
          co_return *r;
        };
        const auto begins = [](troupe::promise<int>& out, troupe::future<int>& in) -> task<int> {
          out.give(1);
          auto r = co_await in;
          co_return *r;
        };
        auto [x, y] = co_await fork_join(waits(from_a, b), begins(a, from_b));
        co_return x == 1 && y == 2;
      },
      std::ref(home()));
  EXPECT_TRUE(*f.get(60s));
}

TEST_P(ForkJoin, a_chain_of_forks_deeper_than_the_deque_ends) {
  struct chain {
    static task<int> leaf() { co_return 1; }
    static task<int> link(int n) {
      if (n == 0) co_return 0;
      auto [a, b] = co_await fork_join(link(n - 1), leaf());
      co_return a + b;
    }
  };
  EXPECT_EQ(*troupe::spawn(home(), chain::link, 20'000).get(60s), 20'000);
}

TEST_P(ForkJoin, a_slice_that_ends_within_forks_lets_others_run) {
  std::atomic<bool> ended{false};
  std::atomic<bool> forks{false};
  auto long_one = troupe::spawn(
      home(),
      [](std::atomic<bool>& stop, std::atomic<bool>& begun) -> task<> {
        for (; !stop.load(); begun = true) EXPECT_EQ(co_await fib(10), 55);
      },
      std::ref(ended), std::ref(forks));
  while (!forks) std::this_thread::yield();
  for (int i = 0; i != 20; ++i) {
    EXPECT_EQ(*troupe::spawn(home(), [] { return fib(5); }).get(60s), 5);
  }
  ended = true;
  EXPECT_TRUE(long_one.get(60s));
}

/// A tree whose shape and whose waits follow from a seed; gives the number of its nodes.
task<int> random_tree(std::uint64_t seed, int depth) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  const auto dice = static_cast<unsigned>(seed >> 33);
  if (dice % 7 == 0) co_await this_task::sleep_for(std::chrono::microseconds(dice / 7 % 300));
  if (dice % 11 == 0) co_await this_task::yield();
  if (depth == 0) co_return 1;
  int nodes = 1;
  if (dice % 3 == 0) {
    fork_group<int> g;
    for (unsigned i = 0; i != dice / 16 % 5; ++i) g.fork(random_tree(seed + i, depth - 1));
    const std::vector<int> below = co_await g.join();
    for (int n : below) nodes += n;
  } else {
    auto [a, b, c] =
        co_await fork_join(random_tree(seed + 1, depth - 1), random_tree(seed + 2, depth - 2 < 0 ? 0 : depth - 2),
                           random_tree(seed + 3, depth - 1));
    nodes += a + b + c;
  }
  if (dice % 13 == 0) co_await this_task::sleep_for(std::chrono::microseconds(dice / 13 % 200));
  co_return nodes;
}

int nodes_of(std::uint64_t seed, int depth) {
  troupe::run_loop loop({seed});
  return *troupe::spawn(loop, random_tree, seed, depth).get();
}

TEST_P(ForkJoin, random_trees_with_random_waits_end_with_the_same_result_everywhere) {
  for (std::uint64_t seed = 1; seed != 13; ++seed)
    ASSERT_EQ(*troupe::spawn(home(), random_tree, seed, 6).get(60s), nodes_of(seed, 6)) << "seed " << seed;
}

task<> tree_of_sleepers(std::atomic<int>& alive, int depth) {
  const local here(alive);
  if (depth == 0) {
    while (alive.load() != 0) co_await this_task::sleep_for(1h);
    co_return;
  }
  co_await fork_join(tree_of_sleepers(alive, depth - 1), tree_of_sleepers(alive, depth - 1));
}

TEST_P(ForkJoin, a_kill_ends_the_children_wherever_they_wait) {
  std::atomic<int> alive{0};
  for (int round = 0; round != 40; ++round) {
    auto f = troupe::spawn(home(), tree_of_sleepers, std::ref(alive), round % 6);
    if (round % 3 != 0) {
      while (alive.load() < std::min(round % 5, 1 << round % 6)) std::this_thread::yield();
    }
    home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
    ASSERT_EQ(f.get(60s).error(), troupe::errc::cancelled);
    ASSERT_TRUE(home().wait_quiescent(home().now() + 60 * second));
    ASSERT_EQ(alive.load(), 0) << "round " << round;
  }
}

task<long> endless(std::atomic<int>& alive, int n) {
  const local here(alive);
  if (n == 0) {
    co_await this_task::yield();
    co_return 1;
  }
  long sum = 0;
  for (;;) {
    auto [a, b] = co_await fork_join(endless(alive, n - 1), endless(alive, n - 1));
    sum += a + b;
    if (n != 5) co_return sum;
  }
}

TEST_P(ForkJoin, a_kill_ends_a_green_thread_whose_children_run) {
  std::atomic<int> alive{0};
  for (int round = 0; round != 40; ++round) {
    auto f = troupe::spawn(home(), endless, std::ref(alive), 5);
    while (alive.load() < round % 6) std::this_thread::yield();
    home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
    ASSERT_EQ(f.get(60s).error(), troupe::errc::cancelled);
    ASSERT_TRUE(home().wait_quiescent(home().now() + 60 * second));
    ASSERT_EQ(alive.load(), 0) << "round " << round;
  }
}

task<int> square(int n) {
  if (n % 100 == 0) co_await this_task::sleep_for(10us);
  if (n == -1) throw std::runtime_error("below zero");
  co_return n* n;
}

TEST_P(ForkJoin, a_group_of_many_gives_its_results_in_order) {
  auto f = troupe::spawn(home(), []() -> task<bool> {
    fork_group<int> g;
    for (int n = 0; n != 3'000; ++n) g.fork(square(n));
    const std::vector<int> squares = co_await g.join();
    bool good = squares.size() == 3'000 && g.size() == 0;
    for (std::size_t n = 0; n != squares.size(); ++n) good = good && squares[n] == static_cast<int>(n * n);
    co_return good;
  });
  EXPECT_TRUE(*f.get(60s));
}

TEST_P(ForkJoin, a_group_may_be_empty_or_fail_or_never_be_joined) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    fork_group g;
    co_await g.join();
    std::atomic<int> n{0};
    g.fork(raises(n));
    g.fork(raises(n));
    co_await g.join();
    std::string text = std::to_string(n);
    fork_group<int> failing;
    for (int i : {5, -1, 7}) failing.fork(square(i));
    try {
      (void)co_await failing.join();
    } catch (const std::runtime_error& e) {
      text += e.what();
    }
    fork_group dropped;
    dropped.fork(raises(n));
    co_return text;
  });
  EXPECT_EQ(*f.get(60s), "2below zero");
}

task<> note_who_is_alive(local mine, std::vector<int>& seen) {
  seen.push_back(*mine.alive);
  co_return;
}

TEST(ForkJoinFrames, what_a_child_was_called_with_goes_at_its_end) {
  auto pool = troupe::work_stealing_pool::start({.workers = 1, .name = "fork"});
  std::atomic<int> alive{0};
  std::vector<int> seen;
  auto f = troupe::spawn(*pool, [&]() -> task<bool> {
    fork_group g;
    for (int i = 0; i != 4; ++i) g.fork(note_who_is_alive(local(alive), seen));
    co_await g.join();
    co_return alive == 0;
  });
  EXPECT_TRUE(*f.get(60s));
  EXPECT_EQ(seen, (std::vector<int>{4, 3, 2, 1}));
  pool->stop(troupe::timers::never);
}

TEST_P(ForkJoin, what_a_child_was_called_with_has_gone_when_its_parent_has_ended_wherever_the_child_ran) {
  std::atomic<int> alive{0};
  for (int round = 0; round != 200; ++round) {
    auto f = troupe::spawn(home(), [&]() -> task<> {
      fork_group<int> g;
      for (int i = 0; i != 16; ++i)
        g.fork([](local, int n) -> task<int> {
          if (n % 5 == 0) co_await this_task::yield();
          if (n % 7 == 0) std::this_thread::sleep_for(10us);
          co_return n;
        }(local(alive), i));
      const std::vector<int> all = co_await g.join();
      EXPECT_EQ(all.back(), 15);
    });
    EXPECT_TRUE(f.get(60s));
    EXPECT_EQ(alive, 0);
  }
}

TEST(ForkJoinSpread, idle_workers_steal_children) {
  auto pool = troupe::work_stealing_pool::start({.workers = 2, .name = "fork"});
  auto f = troupe::spawn(*pool, []() -> task<bool> {
    // Each child holds its worker until the other has begun.
    std::atomic<int> begun{0};
    const auto meets = [](std::atomic<int>& n) -> task<std::thread::id> {
      ++n;
      while (n.load() != 2) std::this_thread::yield();
      co_return std::this_thread::get_id();
    };
    auto [a, b] = co_await fork_join(meets(begun), meets(begun));
    co_return a != b;
  });
  EXPECT_TRUE(*f.get(60s));
  pool->stop(troupe::timers::never);
}

/// The order in which the leaves of a tree are reached.
task<> leaves(std::string& out, char name, int depth) {
  if (depth == 0) {
    out += name;
    co_await this_task::yield();
    out += name;
    co_return;
  }
  co_await fork_join(leaves(out, name, depth - 1),
                     leaves(out, static_cast<char>(name + (1 << (depth - 1))), depth - 1));
}

TEST(ForkJoinOrder, without_a_seed_children_take_turns) {
  troupe::run_loop loop;
  std::string out;
  auto f = troupe::spawn(loop, leaves, std::ref(out), 'a', 2);
  EXPECT_TRUE(f.get());
  EXPECT_EQ(out, "abcdabcd");
}

TEST(ForkJoinOrder, a_seed_fixes_the_order_of_the_children) {
  const auto run = [](std::uint64_t seed) {
    troupe::run_loop loop({seed});
    std::string out;
    auto f = troupe::spawn(loop, leaves, std::ref(out), 'a', 4);
    EXPECT_TRUE(f.get());
    return std::pair(out, loop.trace());
  };
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed != 10; ++seed) {
    EXPECT_EQ(run(seed), run(seed));
    orders.insert(run(seed).first);
  }
  EXPECT_GT(orders.size(), 5u);
}

}  // namespace
