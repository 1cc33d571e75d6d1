// What publishers and subscribers are told: receivers, losses, what nobody gets.

#include "../common.hpp"

#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;
using troupe::subscription_policy;

struct item {
  int key = 0;
  std::string text{};

  friend std::string key_of(const item& i) { return std::to_string(i.key); }
  friend std::size_t bytes_of(const item& i) { return i.text.size(); }
};

struct how_many_lost {};

/// Does not come back from its first message until it is let go.
class stuck : public troupe::actor {
public:
  explicit stuck(std::atomic<bool>& go_on) : go_on_(&go_on) {}
  void on(const item&) {
    inside_ = true;
    while (!*go_on_) std::this_thread::sleep_for(100us);
  }
  void on(const troupe::lagged& l) { lost_ += l.count; }
  std::uint64_t on(how_many_lost) const { return lost_; }

  static inline std::atomic<bool> inside_{false};

private:
  std::atomic<bool>* go_on_;
  std::uint64_t lost_ = 0;
};

/// One that is stuck in a first message which it got by way of `x`.
troupe::ref<stuck> spawn_stuck(troupe::runtime& rt, std::atomic<bool>& go_on) {
  stuck::inside_ = false;
  return rt.spawn<stuck>(go_on);
}

TEST(ToldFigures, what_a_policy_drops_is_not_unroutable_and_does_not_go_to_the_alternate) {
  for (const bool topic : {false, true}) {
    troupe::runtime rt({.workers = 2});
    troupe::exchange<item> other(rt, "other");
    std::atomic<bool> go_on{false};
    troupe::exchange<item> x(rt, "x", topic ? troupe::exchange_kind(troupe::topic{}) : troupe::fanout{},
                             troupe::exchange_options{.alternate = "other"});
    const auto a = spawn_stuck(rt, go_on);
    auto sub = x.attach(a, topic ? "#" : "",
                        troupe::subscribe_options{.policy = subscription_policy::drop_newest, .limit = 1});
    x.publish("k", {});
    ASSERT_TRUE(tests::eventually([] { return stuck::inside_.load(); }));
    std::size_t receivers = 0;
    for (int i = 0; i != 10; ++i) receivers += x.publish("k", {});
    EXPECT_EQ(receivers, 1u);
    EXPECT_EQ(x.unroutable(), 0u);
    EXPECT_EQ(other.counts().published, 0u);
    EXPECT_EQ(sub.lost(), 9u);
    go_on = true;
    ASSERT_TRUE(rt.wait_idle(60s));
  }
}

TEST(ToldFigures, a_message_that_replaces_a_smaller_one_keeps_to_the_limit_in_bytes) {
  troupe::runtime rt({.workers = 2});
  std::atomic<bool> go_on{false};
  troupe::exchange<item> x(rt, "x", troupe::direct{});
  const auto a = spawn_stuck(rt, go_on);
  constexpr std::size_t limit = 10'000;
  auto sub = x.attach(
      a, "k", troupe::subscribe_options{.policy = subscription_policy::conflate, .limit = 100, .limit_bytes = limit});
  x.publish("k", {});
  ASSERT_TRUE(tests::eventually([] { return stuck::inside_.load(); }));
  for (int k = 1; k != 20; ++k) x.publish("k", {k, ""});
  EXPECT_EQ(*sub.counts().lag, 19u);
  for (int k = 1; k != 20; ++k) {
    x.publish("k", {k, std::string(4000, 'x')});
    ASSERT_LE(sub.counts().bytes, limit) << k;
  }
  const auto counts = sub.counts();
  EXPECT_EQ(*counts.lag, 2u);
  EXPECT_EQ(counts.lagged + counts.conflated, 36u);
  go_on = true;
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(ToldFigures, a_wait_for_room_says_full_when_all_refuse) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<item> q(rt, "q", troupe::queue{.limit = 1, .when_full = troupe::overflow::fail});
  EXPECT_EQ(q.publish_wait(item{}).get().value(), 1u);
  const auto full = q.publish_wait(item{}).get();
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error(), troupe::errc::full);
  EXPECT_TRUE(tests::contains(full.error().message(), "queue 'q' is full")) << full.error().message();
}

TEST(ToldFigures, a_full_mailbox_is_no_receiver) {
  troupe::runtime rt({.workers = 2});
  std::atomic<bool> go_on{false};
  troupe::exchange<item> x(rt, "x", troupe::direct{});
  stuck::inside_ = false;
  const auto a = rt.spawn<stuck>(
      troupe::actor_options{.mailbox = troupe::mailbox_options{.capacity = 1, .when_full = troupe::overflow::fail}},
      go_on);
  auto sub = x.attach(a, "k");
  x.publish("k", {});
  ASSERT_TRUE(tests::eventually([] { return stuck::inside_.load(); }));
  std::size_t receivers = 0;
  for (int i = 0; i != 10; ++i) receivers += x.publish("k", {});
  EXPECT_EQ(receivers, 1u);
  go_on = true;
  ASSERT_TRUE(rt.wait_idle(60s));
}

TEST(ToldFigures, what_was_lost_by_a_binding_that_has_gone_is_told_with_the_next_message) {
  troupe::runtime rt({.workers = 2});
  std::atomic<bool> go_on{false};
  troupe::exchange<item> x(rt, "x", troupe::topic{});
  const auto a = spawn_stuck(rt, go_on);
  const troupe::subscribe_options options{.policy = subscription_policy::drop_newest, .limit = 1};
  auto first = x.attach(a, "a", options);
  auto second = x.attach(a, "b", options);
  x.publish("b", {});
  ASSERT_TRUE(tests::eventually([] { return stuck::inside_.load(); }));
  for (int i = 0; i != 3; ++i) x.publish("a", {});  // one waits, then a gap
  for (int i = 0; i != 5; ++i) x.publish("b", {});  // and more of it
  EXPECT_EQ(second.lost(), 7u);
  first.detach();
  go_on = true;
  ASSERT_TRUE(rt.wait_idle(60s));
  x.publish("b", {});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(a.ask(how_many_lost{}).get().value(), 7u);
}

struct attach_it {
  troupe::ref<stuck> who;
};

class attaches : public troupe::actor {
public:
  explicit attaches(troupe::exchange<item> x) : x_(std::move(x)) {}
  bool on(const attach_it& a) {
    sub_ = x_.attach(a.who, troupe::subscribe_options{.limit = 2, .start = troupe::start_at::earliest()});
    return true;
  }
  bool on(how_many_lost) { return true; }

private:
  troupe::exchange<item> x_;
  troupe::subscription sub_;
};

TEST(ToldFigures, who_attaches_another_is_not_muted_by_what_that_one_begins_with) {
  troupe::runtime rt({.workers = 2});
  std::atomic<bool> go_on{false};
  troupe::exchange<item> x(rt, "x", troupe::fanout{}, troupe::exchange_options{.retention = troupe::retain::last(100)});
  for (int i = 0; i != 100; ++i) x.publish({});
  const auto a = rt.spawn<attaches>(x);
  EXPECT_TRUE(a.ask(attach_it{spawn_stuck(rt, go_on)}).get());
  EXPECT_TRUE(a.ask(how_many_lost{}, 60s).get()) << "the other one is stuck still";
  go_on = true;
  ASSERT_TRUE(rt.wait_idle(60s));
}

TEST(ToldFigures, a_header_that_is_too_large_for_a_signed_number_is_not_a_negative_one) {
  EXPECT_NE(troupe::header_value(UINT64_MAX), troupe::header_value(-1));
  EXPECT_EQ(troupe::header_value(std::int64_t{1} << 60), troupe::header_value(1152921504606846976.0));
  EXPECT_EQ(troupe::header_value(std::uint64_t{1} << 63), troupe::header_value(9223372036854775808.0));
  EXPECT_EQ(troupe::header_value(INT64_MIN), troupe::header_value(-9223372036854775808.0));
  EXPECT_NE(troupe::header_value(INT64_MAX), troupe::header_value(9223372036854775808.0));
}

}  // namespace
