// What is over once `detach` has returned.

#include "../common.hpp"

#include <troupe/scheduler/blocking_queue.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

TEST(Detach, waits_for_a_callable_that_has_detached_another_one) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x"), y(rt, "y");
  troupe::subscription other = y.attach([](int) {});
  std::atomic<bool> inside{false}, go_on{false}, done{false};
  auto sub = x.attach([&](int) {
    other.detach();
    inside = true;
    while (!go_on) std::this_thread::sleep_for(100us);
    done = true;
  });
  x.publish(1);
  ASSERT_TRUE(tests::eventually([&] { return inside.load(); }));
  std::thread later([&] {
    std::this_thread::sleep_for(20ms);
    go_on = true;
  });
  sub.detach();
  EXPECT_TRUE(done);
  later.join();
}

TEST(Detach, callables_that_detach_each_other_do_not_wait_for_each_other) {
  for (int round = 0; round != 200; ++round) {
    troupe::runtime rt({.workers = 2});
    troupe::exchange<int> x(rt, "x"), y(rt, "y");
    troupe::subscription a, b;
    std::atomic<int> inside{0}, done{0};
    const auto other_of = [&](troupe::subscription& other) {
      return [&](int) {
        ++inside;
        while (inside != 2) std::this_thread::yield();
        other.detach();
        ++done;
      };
    };
    a = x.attach(other_of(b));
    b = y.attach(other_of(a));
    x.publish(1);
    y.publish(1);
    ASSERT_TRUE(tests::eventually([&] { return done == 2; }));
  }
}

double cpu_seconds_of_this_thread() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(Detach, sleeps_while_a_callable_takes_long) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x");
  std::atomic<bool> inside{false};
  auto sub = x.attach([&](int) {
    inside = true;
    std::this_thread::sleep_for(300ms);
  });
  x.publish(1);
  ASSERT_TRUE(tests::eventually([&] { return inside.load(); }));
  const double before = cpu_seconds_of_this_thread();
  sub.detach();
  EXPECT_LT(cpu_seconds_of_this_thread() - before, 0.1) << "of 0.3 s";
}

TEST(Detach, a_channel_may_go_at_once_though_a_message_waits_for_room_in_it) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::string> x(rt, "x");
  for (int round = 0; round != 50; ++round) {
    auto to = std::make_unique<troupe::channel<std::string>>(1);
    auto sub = x.attach(*to);
    for (int i = 0; i != 5; ++i) x.publish("a text that is longer than what stands in the object itself");
    const bool waits = round % 2 == 0;
    ASSERT_TRUE(!waits || tests::eventually([&] { return to->size() == 1; }));
    sub.detach();
    to.reset();
  }
  EXPECT_TRUE(rt.wait_idle(60s));
}

TEST(Detach, a_channel_that_is_an_input_is_closed_when_it_is_detached_and_may_go_then) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x");
  for (int round = 0; round != 50; ++round) {
    auto to = std::make_unique<troupe::channel<int>>(8);
    auto sub = x.attach_input(*to);
    x.publish(round);
    sub.detach();
    EXPECT_TRUE(to->closed());
    to.reset();
  }
  EXPECT_TRUE(rt.wait_idle(60s));
}

TEST(Detach, a_blocking_queue_may_go_at_once) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x");
  for (int round = 0; round != 50; ++round) {
    auto to = std::make_unique<troupe::blocking_queue<int>>();
    auto sub = round % 2 == 0 ? x.attach(*to) : x.attach_input(*to);
    x.publish(round);
    sub.detach();
    to.reset();
  }
  EXPECT_TRUE(rt.wait_idle(60s));
}

struct detach_now {};

/// Detaches a channel in its handler, on the only worker.
class detacher : public troupe::actor {
public:
  explicit detacher(troupe::exchange<int> x) : x_(std::move(x)) {}
  bool on(detach_now) {
    auto to = std::make_unique<troupe::channel<int>>(1);
    auto sub = x_.attach(*to);
    for (int i = 0; i != 3; ++i) x_.publish(i);
    sub.detach();
    return true;
  }

private:
  troupe::exchange<int> x_;
};

TEST(Detach, a_handler_on_the_only_worker_may_detach_a_channel) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<int> x(rt, "x");
  const auto a = rt.spawn<detacher>(x);
  for (int i = 0; i != 10; ++i) EXPECT_TRUE(a.ask(detach_now{}, 60s).get());
}

class sink : public troupe::actor {
public:
  void on(int) {}
};

TEST(Detach, takes_as_long_for_an_actor_with_many_bindings_as_for_one_with_few) {
  troupe::runtime rt;
  troupe::exchange<int> x(rt, "x", troupe::topic{});
  const auto a = rt.spawn<sink>();
  const auto ticks_for = [&](int n) {
    std::vector<troupe::subscription> subs;
    for (int i = 0; i != n; ++i) subs.push_back(x.attach(a, "a." + std::to_string(i)));
    const double before = cpu_seconds_of_this_thread();
    while (!subs.empty()) subs.pop_back();
    return (cpu_seconds_of_this_thread() - before) / n;
  };
  (void)ticks_for(1'000);
  const double few = ticks_for(2'000), many = ticks_for(40'000);
  EXPECT_LT(many, 5 * few) << "seconds each, of 40,000 and of 2,000";
}

/// Takes itself off the exchange at its first message, and ends.
class quitter : public troupe::actor {
public:
  explicit quitter(troupe::subscription& s) : s_(&s) {}
  void on(int) {
    (void)s_->detach();
    exit("enough");
  }

private:
  troupe::subscription* s_;
};

TEST(Detach, what_a_reader_had_taken_out_is_counted_when_it_leaves_and_ends) {
  using p = troupe::subscription_policy;
  for (const auto policy : {p::block, p::drop_newest, p::fail}) {
    troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
    const troupe::testing::conserved guard(rt);
    troupe::exchange<int> x(rt, "x");
    troupe::subscription s;
    s = x.attach(rt.spawn<quitter>(s), {.policy = policy, .limit = 8});
    for (int i = 0; i != 8; ++i) x.publish(i);
    rt.run();
    const auto c = x.counts();
    EXPECT_EQ(c.routed, 8u);
    EXPECT_EQ(c.delivered, 1u);
    EXPECT_EQ(c.dropped(), 7u);
    EXPECT_EQ(c.waiting(), 0u);
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

}  // namespace
