// Subscribers that are no actors: callables, channels, queues, whatever can send.

#include "../common.hpp"

#include <troupe/scheduler/blocking_queue.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using enum troupe::detach_status;

struct text {
  std::string value;
};
struct number {
  int from = 0;
  int n = 0;
};

/// Nothing was lost without a word (C3).
void expect_conserved(troupe::runtime& rt) {
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Subscribers, a_lambda_gets_what_is_published_on_the_pool_in_order_and_one_at_a_time) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<number> x(rt, "x");
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  std::atomic<bool> on_the_publishers_stack{false};
  std::vector<int> seen;
  const auto publisher = std::this_thread::get_id();
  std::atomic<int> count{0};
  auto sub = x.attach([&](const number& m) {
    if (inside.fetch_add(1) != 0) overlapped = true;
    if (std::this_thread::get_id() == publisher) on_the_publishers_stack = true;
    seen.push_back(m.n);
    inside.fetch_sub(1);
    ++count;
  });
  EXPECT_EQ(x.subscribers(), 1u);
  for (int i = 0; i != 10'000; ++i) EXPECT_EQ(x.publish({0, i}), 1u);
  ASSERT_TRUE(tests::eventually([&] { return count == 10'000; }));
  EXPECT_FALSE(overlapped);
  EXPECT_FALSE(on_the_publishers_stack);
  ASSERT_EQ(sub.detach(), detached);
  for (int i = 0; i != 10'000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
  expect_conserved(rt);
}

TEST(Subscribers, a_lambda_is_bound_with_a_pattern_as_an_actor_is) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::topic{});
  troupe::channel<std::string> seen;
  auto sub = x.attach([&](const text& t) { (void)seen.try_send(t.value); }, "eu.*");
  x.publish("us.orders", {"no"});
  x.publish("eu.orders", {"yes"});
  EXPECT_EQ(seen.receive().get().value(), "yes");
}

TEST(Subscribers, detaching_a_lambda_waits_for_the_call_that_runs) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<number> x(rt, "x");
  for (int round = 0; round != 200; ++round) {
    std::atomic<bool> begun{false};
    bool done = false;  // not atomic: detach orders it
    auto sub = x.attach([&](const number&) {
      begun = true;
      std::this_thread::yield();
      done = true;
    });
    x.publish({});
    if (round % 2 == 0) {
      while (!begun) std::this_thread::yield();
    }
    ASSERT_EQ(sub.detach(), detached);
    EXPECT_EQ(done, begun.load());
  }
}

TEST(Subscribers, a_lambda_may_detach_itself) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  troupe::subscription sub;
  std::atomic<int> calls{0};
  std::binary_semaphore ready{0};
  std::binary_semaphore gone{0};
  sub = x.attach([&](const number&) {
    ready.acquire();
    ++calls;
    EXPECT_EQ(sub.detach(), detached);
    gone.release();
  });
  x.publish({});
  x.publish({});
  ready.release();
  gone.acquire();
  x.publish({});
  expect_conserved(rt);
  EXPECT_EQ(calls, 1);
}

TEST(Subscribers, detaching_twice_is_an_error_value) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  auto sub = x.attach([](const number&) {});
  EXPECT_EQ(sub.detach(), detached);
  EXPECT_EQ(sub.detach(), not_attached);
  troupe::subscription never;
  EXPECT_EQ(never.detach(), not_attached);
}

TEST(Subscribers, a_lambda_that_throws_is_detached_and_the_others_go_on) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  std::atomic<int> good{0};
  auto bad = x.attach([](const number& m) {
    if (m.n == 1) throw std::runtime_error("no ones, please");
  });
  auto sub = x.attach([&](const number&) { ++good; });
  for (int i = 0; i != 3; ++i) x.publish({0, i});
  ASSERT_TRUE(tests::eventually([&] { return x.subscribers() == 1; }));
  x.publish({0, 3});
  ASSERT_TRUE(tests::eventually([&] { return good == 4; }));
  EXPECT_EQ(bad.detach(), not_attached);  // it has gone already
  expect_conserved(rt);
}

TEST(Subscribers, a_lambda_that_blocks_stops_nobody_else) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<number> x(rt, "x");
  std::binary_semaphore go_on{0};
  std::atomic<int> good{0};
  auto blocked = x.attach([&](const number&) { go_on.acquire(); });
  auto sub = x.attach([&](const number&) { ++good; });
  x.publish({});
  EXPECT_TRUE(tests::eventually([&] { return good == 1; }));
  go_on.release();
  expect_conserved(rt);
}

TEST(Subscribers, a_lambda_may_be_a_coroutine_and_holds_its_own_stream_back) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  troupe::channel<int> out(1);
  auto each = [&out](const number& m) -> troupe::task<> {
    auto sending = out.send(int{m.n});
    (void)co_await sending;
  };
  auto sub = x.attach(each);
  for (int i = 0; i != 100; ++i) x.publish({0, i});
  for (int i = 0; i != 100; ++i) EXPECT_EQ(out.receive().get().value(), i);
  expect_conserved(rt);
}

TEST(Subscribers, a_channel_gets_messages_for_green_threads_in_order) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<number> x(rt, "x");
  troupe::channel<number> in(4);
  auto sub = x.attach(in);
  auto reader = rt.spawn([&in]() -> troupe::task<int> {
    int next = 0;
    while (next != 1000) {
      const troupe::result<number> m = co_await in.receive();
      if (!m || m->n != next) co_return -1;
      ++next;
    }
    co_return next;
  });
  for (int i = 0; i != 1000; ++i) x.publish({0, i});
  EXPECT_EQ(reader.get(60s).value(), 1000);
  EXPECT_EQ(sub.detach(), detached);
  expect_conserved(rt);
}

TEST(Subscribers, a_queue_for_os_threads_keeps_the_order_of_each_publisher) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<number> x(rt, "x");
  troupe::blocking_queue<number> in;
  auto sub = x.attach(in);
  constexpr int each = 20'000;
  std::vector<std::thread> publishers;
  for (int p = 0; p != 3; ++p) {
    publishers.emplace_back([&x, p] {
      for (int i = 0; i != each; ++i) x.publish({p, i});
    });
  }
  int next[3] = {};
  for (int i = 0; i != 3 * each; ++i) {
    const number m = in.receive().value();
    ASSERT_EQ(m.n, next[m.from]++);
  }
  for (std::thread& t : publishers) t.join();
  EXPECT_EQ(sub.detach(), detached);
  expect_conserved(rt);
}

TEST(Subscribers, a_queue_or_channel_that_is_closed_is_detached) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  troupe::blocking_queue<number> queue;
  troupe::channel<number> channel;
  auto first = x.attach(queue);
  auto second = x.attach(channel);
  queue.close();
  channel.close();
  x.publish({});
  EXPECT_TRUE(tests::eventually([&] { return x.subscribers() == 0; }));
  expect_conserved(rt);
}

TEST(Subscribers, the_end_of_an_exchange_closes_the_channel_that_is_its_input) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  troupe::channel<number> channel;
  troupe::blocking_queue<number> queue;
  auto first = x.attach_input(channel);
  auto second = x.attach_input(queue);
  auto out = x.publisher();
  out.publish({0, 1});
  out.publish({0, 2});
  out = {};
  EXPECT_EQ(channel.receive().get().value().n, 1);
  EXPECT_EQ(channel.receive().get().value().n, 2);
  EXPECT_EQ(channel.receive().get().error().code(), troupe::errc::closed);
  EXPECT_EQ(queue.receive().value().n, 1);
  EXPECT_EQ(queue.receive().value().n, 2);
  EXPECT_EQ(queue.receive().error().code(), troupe::errc::closed);
}

TEST(Subscribers, whatever_can_send_gets_each_message) {
  struct recorder {
    void send(number m) {
      std::lock_guard lock(mutex);
      sum += m.n;
      ++count;
    }
    std::mutex mutex;
    int sum = 0;
    int count = 0;
  };
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  recorder r;
  auto sub = x.attach(r);
  for (int i = 1; i <= 4; ++i) x.publish({0, i});
  ASSERT_TRUE(tests::eventually([&] {
    std::lock_guard lock(r.mutex);
    return r.count == 4;
  }));
  EXPECT_EQ(sub.detach(), detached);
  EXPECT_EQ(r.sum, 10);
}

TEST(Subscribers, several_are_attached_and_detached_while_others_publish) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<number> x(rt, "x");
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    for (int i = 0; !stop; ++i) x.publish({0, i});
  });
  for (int round = 0; round != 300; ++round) {
    std::atomic<int> last{-1};
    bool in_order = true;
    std::vector<troupe::subscription> all;
    for (int i = 0; i != 3; ++i) {
      all.push_back(x.attach([&, first = i == 0](const number& m) {
        if (!first) return;
        in_order = in_order && m.n > last;
        last = m.n;
      }));
    }
    while (last == -1) std::this_thread::yield();
    all.clear();  // all of a scope
    EXPECT_TRUE(in_order);
  }
  stop = true;
  publisher.join();
  expect_conserved(rt);
}

TEST(Subscribers, a_lambda_that_does_not_keep_up_has_a_policy_as_actors_have) {
  troupe::runtime rt;
  troupe::exchange<number> x(rt, "x");
  std::binary_semaphore go_on{0};
  std::vector<int> seen;
  auto sub = x.attach(
      [&](const number& m) {
        if (m.n == 0) go_on.acquire();
        seen.push_back(m.n);
      },
      {.policy = troupe::subscription_policy::drop_oldest, .limit = 2});
  x.publish({0, 0});
  for (int i = 1; i <= 100; ++i) x.publish({0, i});
  go_on.release();
  expect_conserved(rt);
  ASSERT_EQ(sub.detach(), detached);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), 100);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(sub.lost(), 101 - seen.size());
}

TEST(Subscribers, a_lambda_acknowledges_what_a_queue_gives_it_when_it_returns) {
  troupe::runtime rt;
  troupe::exchange<number> jobs(rt, "jobs", troupe::queue{});
  std::atomic<int> done{0};
  {
    auto bad = jobs.attach([](const number&) { throw std::runtime_error("not today"); }, {.prefetch = 1});
    jobs.publish({0, 1});
    jobs.publish({0, 2});
    ASSERT_TRUE(tests::eventually([&] { return jobs.subscribers() == 0; }));
  }
  auto good = jobs.attach([&](const number&) { ++done; }, {.prefetch = 4});
  ASSERT_TRUE(tests::eventually([&] { return done == 2; }));
  expect_conserved(rt);
}

TEST(Subscribers, a_subscription_outlives_its_runtime) {
  troupe::subscription sub;
  {
    troupe::runtime rt;
    troupe::exchange<number> x(rt, "x");
    sub = x.attach([](const number&) {});
    x.publish({});
  }
  sub.detach();
}

}  // namespace
