// What users' functions of a message do to a publish: they throw, take long, publish themselves.

#include "../common.hpp"

#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::subscription_policy;

/// Its functions throw if it says so.
struct weighed {
  bool throws_bytes = false;
  bool throws_key = false;
  std::shared_ptr<int> alive{};  // its uses are the messages that somebody keeps

  friend std::size_t bytes_of(const weighed& w) {
    if (w.throws_bytes) throw std::runtime_error("bytes_of");
    return 1;
  }
  friend std::string key_of(const weighed& w) {
    if (w.throws_key) throw std::runtime_error("key_of");
    return "k";
  }
};

class counts_weighed : public troupe::actor {
public:
  explicit counts_weighed(std::atomic<int>& n) : n_(&n) {}
  void on(const weighed&) { ++*n_; }

private:
  std::atomic<int>* n_;
};

class UsersCode : public testing::TestWithParam<troupe::exchange_kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, UsersCode,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::topic{})),
                         [](const auto& kind) { return std::string(kind.param.name()); });

TEST_P(UsersCode, nobody_gets_a_message_whose_weight_or_key_cannot_be_told_and_nothing_is_kept_of_it) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<weighed> x(rt, "x", GetParam());
  const std::string key = GetParam() == troupe::exchange_kind(troupe::fanout{}) ? "" : "a";
  std::atomic<int> plain{0}, conflated{0};
  std::vector<troupe::subscription> subs;
  const auto attach = [&](const troupe::ref<counts_weighed>& who, const troupe::subscribe_options* o) {
    subs.push_back(o ? x.attach(who, key, *o) : key.empty() ? x.attach(who) : x.attach(who, key));
  };
  attach(rt.spawn<counts_weighed>(plain), nullptr);
  const troupe::subscribe_options options{.policy = subscription_policy::conflate, .limit = 10, .limit_bytes = 10'000};
  attach(rt.spawn<counts_weighed>(conflated), &options);
  attach(rt.spawn<counts_weighed>(plain), nullptr);

  const auto alive = std::make_shared<int>(0);
  EXPECT_THROW(x.publish("a", {.throws_bytes = true, .alive = alive}), std::runtime_error);
  EXPECT_THROW(x.publish("a", {.throws_key = true, .alive = alive}), std::runtime_error);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(plain, 0);
  EXPECT_EQ(conflated, 0);
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_EQ(x.publish("a", {.alive = alive}), 3u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(plain, 2);
  EXPECT_EQ(conflated, 1);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

/// A copy throws if it says so. It cannot be moved.
struct copied {
  copied() = default;
  copied(const copied& other) : throws(other.throws) {
    if (throws && *throws) throw std::runtime_error("copy");
  }
  copied& operator=(const copied&) = delete;
  std::shared_ptr<std::atomic<bool>> throws{};
};

struct hold {};

class worker : public troupe::actor {
public:
  explicit worker(std::atomic<bool>& go_on) : go_on_(&go_on) {}
  void on(hold) {
    while (!*go_on_) std::this_thread::sleep_for(100us);
  }
  void on(const copied&) {}

private:
  std::atomic<bool>* go_on_;
};

TEST(UsersCodeInWorkQueues, a_message_that_cannot_be_passed_on_is_lost_and_counted) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<copied> x(rt, "x", troupe::work_queue{});
  std::atomic<bool> go_on{false};
  const auto a = rt.spawn<worker>(go_on);
  auto sub = x.attach(a);
  a.send(hold{});
  copied m;
  m.throws = std::make_shared<std::atomic<bool>>(false);
  EXPECT_EQ(x.publish(m), 1u);
  const auto b = rt.spawn<worker>(go_on);
  auto other = x.attach(b);
  *m.throws = true;
  a.close();
  std::thread opens([&] { go_on = true; });
  sub.detach();
  opens.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto counts = rt.counts();
  EXPECT_EQ(counts.queued(), 0u);
  EXPECT_EQ(counts.handled + counts.dropped + counts.dead_letters, 2u);
}

/// Its move is a copy, which publishes.
struct talkative {
  explicit talkative(troupe::exchange<talkative>* to) : to_(to) {}
  talkative(const talkative& other) : to_(other.to_) {
    if (to_) to_->publish(talkative(nullptr));
  }
  talkative& operator=(const talkative&) = delete;

private:
  troupe::exchange<talkative>* to_;
};

class listens : public troupe::actor {
public:
  explicit listens(std::atomic<int>& n) : n_(&n) {}
  void on(const talkative&) { ++*n_; }

private:
  std::atomic<int>* n_;
};

TEST(UsersCodeInFanouts, a_message_whose_copy_publishes_to_the_same_exchange_blocks_nobody) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<talkative> x(rt, "x");
  std::atomic<int> seen{0};
  const auto a = rt.spawn<listens>(seen);
  auto sub = x.attach(a);
  const talkative m(&x);
  EXPECT_EQ(x.publish(m), 1u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_GT(seen, 1);
  const int before = seen;
  const auto b = rt.spawn<listens>(seen);
  auto with_options = x.attach(b, troupe::subscribe_options{.policy = subscription_policy::drop_oldest, .limit = 100});
  EXPECT_EQ(x.publish(m), 2u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_GT(seen, before + 2);
}

}  // namespace
