// Who publishes to a queue is who sends, whatever runs at the time: that is whose order is kept (C1).

#include <troupe/scheduler/fork_join.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace queue_publishers {

using namespace std::chrono_literals;

constexpr int publishers = 60;

struct item {
  int from = 0;
  int n = 0;
};

/// Takes nothing before it is let go, so that all that is published meanwhile waits.
class consumer : public troupe::actor {
public:
  consumer(std::atomic<bool>& held, std::atomic<bool>& holds) : held_(&held), holds_(&holds) {}
  void on(const item& i) {
    *holds_ = true;
    while (*held_) std::this_thread::sleep_for(100us);
    if (i.from >= 0) got_[static_cast<std::size_t>(i.from)].push_back(i.n);
  }
  struct show {};
  std::vector<std::vector<int>> on(show) const { return got_; }

private:
  std::atomic<bool>* held_;
  std::atomic<bool>* holds_;
  std::vector<std::vector<int>> got_{publishers};
};

class QueuePublishers : public testing::Test {
protected:
  QueuePublishers() {
    items.publish({-1, 0});
    while (!holds) std::this_thread::sleep_for(100us);
  }

  /// Until so many items of each publisher have been published.
  void await_published(std::uint64_t each) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (items.counts().published < 1 + each * publishers && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
  }

  /// What was published is handled now: each publisher's in its order.
  void expect_in_order(const std::vector<int>& expected) {
    held = false;
    ASSERT_TRUE(rt.wait_idle(60s));
    const auto got = c.ask(consumer::show{}).get().value();
    for (int i = 0; i != publishers; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], expected) << "of publisher " << i;
  }

  std::atomic<bool> held{true}, holds{false};
  // Of one message each: some slices begin with what comes after the last.
  troupe::runtime rt{{.workers = 3, .budget = 1, .quantum = 0ns}};
  const troupe::testing::conserved guard{rt};
  troupe::exchange<item> items{rt, "items", troupe::queue{}};
  troupe::ref<consumer> c = rt.spawn<consumer>(held, holds);
  troupe::subscription sub = items.attach(c, {.prefetch = 256});
};

struct go {};

class maker : public troupe::actor {
public:
  maker(troupe::exchange<item> to, int number) : to_(std::move(to)), number_(number) { to_.publish({number_, 1}); }
  void on(go) { to_.publish({number_, 2}); }

private:
  troupe::exchange<item> to_;
  int number_;
};

TEST_F(QueuePublishers, a_constructor_publishes_for_its_actor) {
  for (int i = 0; i != publishers; ++i) rt.spawn<maker>(items, i).send(go{});
  await_published(2);
  expect_in_order({1, 2});
}

troupe::task<> call_and_publish(troupe::exchange<item> to, int number) {
  auto call = troupe::blocking([&] { to.publish({number, 1}); });
  (void)co_await call;
  to.publish({number, 2});
  auto second = troupe::blocking([&] { to.publish({number, 3}); });
  (void)co_await second;
}

TEST_F(QueuePublishers, a_blocking_call_publishes_for_whoever_has_it_made) {
  std::vector<troupe::green_thread<void>> all;
  for (int i = 0; i != publishers; ++i) all.push_back(rt.spawn(call_and_publish, items, i));
  for (auto& each : all) ASSERT_TRUE(each.join());
  expect_in_order({1, 2, 3});
}

/// Long enough to be stolen.
troupe::task<> publish_one(troupe::exchange<item>& to, int number) {
  const auto over = std::chrono::steady_clock::now() + 100us;
  while (std::chrono::steady_clock::now() < over) {
  }
  to.publish({number, 1});
  co_return;
}

troupe::task<> fork_and_publish(troupe::exchange<item> to, int number) {
  co_await troupe::fork_join(publish_one(to, number), publish_one(to, number), publish_one(to, number));
  to.publish({number, 2});
}

TEST_F(QueuePublishers, what_was_forked_publishes_for_its_root) {
  // One after another, so that other workers are idle and steal.
  for (int i = 0; i != publishers; ++i) ASSERT_TRUE(rt.spawn(fork_and_publish, items, i).join());
  expect_in_order({1, 1, 1, 2});
}

/// Its handlers may overlap, so each is a strand of its own.
class forking : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  forking(troupe::exchange<item> to, int number) : to_(std::move(to)), number_(number) {}
  troupe::task<> on(go) {
    to_.publish({number_, 0});
    co_await troupe::fork_join(publish_one(to_, number_), publish_one(to_, number_), publish_one(to_, number_));
    to_.publish({number_, 2});
  }

private:
  troupe::exchange<item> to_;
  int number_;
};

TEST_F(QueuePublishers, what_a_reentrant_actor_has_forked_publishes_for_it) {
  for (int i = 0; i != publishers; ++i) {
    rt.spawn<forking>(items, i).send(go{});
    std::this_thread::sleep_for(1ms);  // so that other workers are idle and steal
  }
  await_published(5);
  expect_in_order({0, 1, 1, 1, 2});
}

struct publishes_when_it_goes {
  troupe::exchange<item>& to;
  int number;
  ~publishes_when_it_goes() { to.publish({number, 2}); }
};

class sleeping : public troupe::actor {
public:
  sleeping(troupe::exchange<item> to, int number) : to_(std::move(to)), number_(number) {}
  troupe::task<> on(go) {
    to_.publish({number_, 1});
    const publishes_when_it_goes last{to_, number_};
    co_await troupe::this_task::sleep_for(1h);
  }

private:
  troupe::exchange<item> to_;
  int number_;
};

TEST_F(QueuePublishers, what_goes_with_a_killed_actor_publishes_for_it) {
  std::vector<troupe::ref<sleeping>> all;
  for (int i = 0; i != publishers; ++i) {
    all.push_back(rt.spawn<sleeping>(items, i));
    all.back().send(go{});
  }
  await_published(1);
  for (auto& each : all) each.kill();
  for (auto& each : all) (void)each.join(60s);
  expect_in_order({1, 2});
}

class idling : public troupe::actor {
public:
  idling(troupe::exchange<item> to, int number) : to_(std::move(to)), number_(number) {}
  void on(go) {
    to_.publish({number_, ++n_});
    set_idle_timeout(1ms);
  }
  void on_idle() {
    to_.publish({number_, ++n_});
    if (n_ == 5) set_idle_timeout(troupe::forever);
  }

private:
  troupe::exchange<item> to_;
  int number_;
  int n_ = 0;
};

TEST_F(QueuePublishers, on_idle_publishes_for_its_actor) {
  for (int i = 0; i != publishers; ++i) rt.spawn<idling>(items, i).send(go{});
  await_published(5);
  expect_in_order({1, 2, 3, 4, 5});
}

class looping : public troupe::loop_actor<go> {
public:
  looping(troupe::exchange<item> to, int number) : to_(std::move(to)), number_(number) {}
  troupe::task<> run() override {
    for (;;) {
      auto m = co_await receive();
      if (!m) break;
      to_.publish({number_, 1});
    }
    to_.publish({number_, 2});
  }

private:
  troupe::exchange<item> to_;
  int number_;
};

TEST_F(QueuePublishers, a_loop_that_ends_publishes_for_its_actor) {
  std::vector<troupe::ref<looping>> all;
  for (int i = 0; i != publishers; ++i) {
    all.push_back(rt.spawn<looping>(items, i));
    all.back().send(go{});
  }
  for (auto& each : all) each.close();
  for (auto& each : all) (void)each.join(60s);
  expect_in_order({1, 2});
}

struct tick {};

/// Its ticks never run dry.
class busy : public troupe::actor {
public:
  busy(troupe::exchange<tick> ticks, std::atomic<int>& done, std::atomic<bool>& over)
      : ticks_(std::move(ticks)), done_(&done), over_(&over) {}
  void on(const item&) { ++*done_; }
  void on(const tick&) {
    if (!*over_) ticks_.publish({});
  }

private:
  troupe::exchange<tick> ticks_;
  std::atomic<int>* done_;
  std::atomic<bool>* over_;
};

TEST(QueueFairness, a_job_is_handled_though_its_consumer_reads_another_exchange_without_end) {
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<item> jobs(rt, "jobs", troupe::queue{});
  troupe::exchange<tick> ticks(rt, "ticks");
  std::atomic<int> done{0};
  std::atomic<bool> over{false};
  const auto consumer = rt.spawn<busy>(ticks, done, over);
  auto sub = jobs.attach(consumer);
  auto other = ticks.attach(consumer);
  int published = 0;
  for (; published != 20'000; ++published) jobs.publish({});  // so that it counts as quick
  ASSERT_TRUE(rt.wait_idle(60s));
  for (int i = 0; i != 50; ++i) ticks.publish({});
  for (int round = 0; round != 200; ++round) {
    const int some = 1 + round % 7;
    for (int i = 0; i != some; ++i) jobs.publish({});
    published += some;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (done != published && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    if (done != published) break;
  }
  EXPECT_EQ(done, published) << "20 s after the last was published";
  over = true;
  ASSERT_TRUE(rt.wait_idle(60s));
}

}  // namespace queue_publishers
