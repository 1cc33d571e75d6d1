#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/parallel.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::task;

task<long> fib(long n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await troupe::fork_join(fib(n - 1), fib(n - 2));
  co_return a + b;
}

struct query {
  long n;
};
struct get_overlaps {};

/// Its members are plain: two handlers at a time would be seen, by ThreadSanitizer too.
class calculator : public troupe::actor {
public:
  task<long> on(query q) {
    overlaps_ += inside_ ? 1 : 0;
    inside_ = true;
    const long value = co_await fib(q.n);
    inside_ = false;
    co_return value;
  }
  int on(get_overlaps) const { return overlaps_; }

private:
  bool inside_ = false;
  int overlaps_ = 0;
};

TEST(ForkInHandlers, an_actor_forks_and_takes_no_other_message_meanwhile) {
  for (unsigned workers : {1u, 2u, 4u}) {
    troupe::runtime rt({.workers = workers});
    auto a = rt.spawn<calculator>();
    std::vector<troupe::future<long>> answers;
    for (long i = 0; i != 30; ++i) answers.push_back(a.ask(query{10 + i % 5}, 60s));
    for (std::size_t i = 0; i != answers.size(); ++i) {
      const long expected[] = {55, 89, 144, 233, 377};
      EXPECT_EQ(*answers[i].get(), expected[i % 5]);
    }
    EXPECT_EQ(*a.ask(get_overlaps{}, 60s).get(), 0);
  }
}

struct begin {};

/// Forks children of which some wait for ever.
struct patient : troupe::actor {
  explicit patient(std::atomic<int>& n) : alive(n) {}
  task<> on(begin) { co_await troupe::fork_join(child(4), child(4), child(4)); }
  task<> child(int depth) {
    struct entry {
      explicit entry(std::atomic<int>& n) : alive(n) { ++alive; }
      ~entry() { --alive; }
      std::atomic<int>& alive;
    };
    const entry here(alive);
    if (depth == 0) co_await troupe::this_task::sleep_for(1h);
    if (depth > 0) co_await troupe::fork_join(child(depth - 1), child(depth - 1));
  }
  std::atomic<int>& alive;
};

TEST(ForkInHandlers, a_kill_of_the_actor_ends_the_children_before_the_actor) {
  for (int round = 0; round != 30; ++round) {
    troupe::runtime rt({.workers = 2});
    std::atomic<int> alive{0};
    auto a = rt.spawn<patient>(std::ref(alive));
    a.send(begin{});
    while (alive.load() < round * 3) std::this_thread::yield();
    auto end = a.when_ended();
    a.kill();
    ASSERT_TRUE(end.get(60s));
    EXPECT_EQ(alive.load(), 0);
  }
}

TEST(ForkInHandlers, a_shutdown_does_not_wait_for_children_that_sleep_for_ever) {
  std::atomic<int> alive{0};
  troupe::runtime rt({.workers = 2});
  auto a = rt.spawn<patient>(std::ref(alive));
  a.send(begin{});
  while (alive.load() < 10) std::this_thread::yield();
  const auto report = rt.shutdown(2s);
  EXPECT_TRUE(report.stuck.empty());
  EXPECT_EQ(alive.load(), 0);
}

}  // namespace
