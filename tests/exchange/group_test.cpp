// Consumer groups: subscribers that share the messages of an exchange.

#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "jobs.hpp"
#include "refused.hpp"

namespace {

using namespace std::chrono_literals;
using policy = troupe::subscription_policy;
using tests::clumsy;
using tests::expect_refused;
using tests::job;
using tests::one_thread;
using tests::quiet_log;
using tests::up_to;
using tests::worker;

std::vector<int> together(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  return a;
}

TEST(Group, each_message_goes_to_one_member_of_each_group_and_to_all_who_are_in_none) {
  std::vector<int> a, b, audit, alone;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s1 = orders.attach(rt.spawn<worker>(a), {.group = "billing"});
  auto s2 = orders.attach(rt.spawn<worker>(b), {.group = "billing"});
  auto s3 = orders.attach(rt.spawn<worker>(audit), {.group = "audit"});
  auto s4 = orders.attach(rt.spawn<worker>(alone));
  for (int i = 0; i != 200; ++i) EXPECT_EQ(orders.publish({i}), 3u);
  rt.run();
  EXPECT_EQ(together(a, b), up_to(200));
  EXPECT_FALSE(a.empty());
  EXPECT_FALSE(b.empty());
  EXPECT_EQ(audit, up_to(200));
  EXPECT_EQ(alone, up_to(200));
  EXPECT_EQ(orders.unroutable(), 0u);
}

TEST(Group, the_others_get_what_a_member_has_not_done_when_it_is_detached_or_ends) {
  std::vector<int> a, b, c;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  const auto first = rt.spawn<worker>(a);
  const auto second = rt.spawn<worker>(b);
  auto s1 = orders.attach(first, {.group = "billing"});
  auto s2 = orders.attach(second, {.group = "billing"});
  for (int i = 0; i != 100; ++i) orders.publish({i});
  first.kill();
  auto s3 = orders.attach(rt.spawn<worker>(c), {.group = "billing"});
  s2.detach();
  rt.run();
  EXPECT_EQ(together(together(a, b), c), up_to(100));
  EXPECT_FALSE(c.empty());
}

TEST(Group, a_message_at_which_members_crash_again_and_again_is_a_dead_letter) {
  const quiet_log quiet;
  std::vector<int> seen, after;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  std::vector<troupe::subscription> held;
  for (int i = 0; i != 6; ++i) held.push_back(orders.attach(rt.spawn<clumsy>(seen, 3), {.group = "billing"}));
  for (int i = 0; i != 10; ++i) orders.publish({i});
  rt.run();
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(rt.counts().failed, 5u);
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

TEST(Group, gets_what_any_of_its_members_asks_for_and_each_message_once) {
  std::vector<int> a, b;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders", troupe::topic{});
  auto s1 = orders.attach(rt.spawn<worker>(a), "eu.*", {.group = "billing"});
  auto s2 = orders.attach(rt.spawn<worker>(b), "*.new", {.group = "billing"});
  EXPECT_EQ(orders.publish("eu.new", {0}), 1u);
  EXPECT_EQ(orders.publish("eu.old", {1}), 1u);
  EXPECT_EQ(orders.publish("us.new", {2}), 1u);
  EXPECT_EQ(orders.publish("us.old", {3}), 0u);
  rt.run();
  EXPECT_EQ(together(a, b), up_to(3));
  s2.detach();
  EXPECT_EQ(orders.publish("us.new", {4}), 0u);
  EXPECT_EQ(orders.publish("eu.new", {5}), 1u);
  rt.run();
  EXPECT_EQ(together(a, b), (std::vector<int>{0, 1, 2, 5}));
}

TEST(Group, ends_with_its_last_subscription_and_drops_and_counts_what_waits) {
  std::vector<int> seen, later;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s = orders.attach(rt.spawn<worker>(seen), {.group = "billing"});
  for (int i = 0; i != 10; ++i) EXPECT_EQ(orders.publish({i}), 1u);
  EXPECT_EQ(rt.counts().queued(), 10u);
  EXPECT_EQ(s.detach(), troupe::detach_status::detached);
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.counts().dropped, 10u);
  EXPECT_EQ(orders.publish({10}), 0u);
  auto again = orders.attach(rt.spawn<worker>(later), {.group = "billing"});
  orders.publish({11});
  rt.run();
  EXPECT_EQ(later, std::vector<int>{11});
}

TEST(Group, ends_with_its_last_member_although_somebody_holds_the_subscription) {
  std::vector<int> seen, later;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  const auto first = rt.spawn<worker>(seen);
  const auto last = rt.spawn<worker>(seen);
  auto s = orders.attach(first, {.group = "billing"});
  auto t = orders.attach(last, {.group = "billing"});
  first.kill();
  rt.run();
  for (int i = 0; i != 10; ++i) EXPECT_EQ(orders.publish({i}), 1u);
  last.kill();
  rt.run();
  EXPECT_EQ(rt.counts().dropped, 10u);
  EXPECT_EQ(orders.publish({10}), 0u);
  EXPECT_EQ(orders.unroutable(), 1u);
  auto again = orders.attach(rt.spawn<worker>(later), {.group = "billing"});
  EXPECT_EQ(t.detach(), troupe::detach_status::not_attached);
  EXPECT_EQ(orders.publish({11}), 1u);
  rt.run();
  EXPECT_EQ(later, std::vector<int>{11});
}

/// Fails when it is told to.
class late_failure : public troupe::actor {
public:
  explicit late_failure(troupe::event& now) : now_(&now) {}
  troupe::task<> on(const job&) {
    co_await now_->wait();
    throw std::runtime_error("late");
  }

private:
  troupe::event* now_;
};

TEST(Group, that_has_ended_gets_nothing_back_from_a_coroutine_that_fails_later) {
  const quiet_log quiet;
  std::vector<int> seen;
  troupe::event now;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s = orders.attach(rt.spawn<late_failure>(now), {.group = "billing"});
  orders.publish({1});
  rt.run();
  s.detach();
  now.set();
  rt.run();
  EXPECT_EQ(rt.counts().failed, 1u);
  EXPECT_EQ(rt.counts().dropped, 1u);
  auto t = orders.attach(rt.spawn<worker>(seen), {.group = "billing"});
  rt.run();
  EXPECT_TRUE(seen.empty());
}

std::vector<std::string> names_of(troupe::runtime& rt) {
  std::vector<std::string> names;
  for (const auto& x : troupe::exchanges(rt)) names.push_back(x.name);
  return names;
}

TEST(Group, is_seen_among_the_exchanges_while_it_has_members_and_takes_no_name_from_them) {
  std::vector<int> a, b, c;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> x(rt, "x"), xb(rt, "x/b");
  troupe::exchange<job> named_alike(rt, "x/audit", troupe::topic{});
  {
    auto s = x.attach(rt.spawn<worker>(a), {.group = "audit"});
    auto t = x.attach(rt.spawn<worker>(b), {.group = "b/c"});
    auto u = xb.attach(rt.spawn<worker>(c), {.group = "c"});
    EXPECT_EQ(names_of(rt), (std::vector<std::string>{"x", "x/audit", "x/audit", "x/b", "x/b/c", "x/b/c"}));
    for (int i = 0; i != 10; ++i) x.publish({i});
    rt.run();
  }
  EXPECT_EQ(a, up_to(10));
  EXPECT_EQ(b, up_to(10));
  EXPECT_TRUE(c.empty());
  EXPECT_EQ(names_of(rt), (std::vector<std::string>{"x", "x/audit", "x/b"}));
}

TEST(Group, that_is_formed_anew_may_have_other_options) {
  std::vector<int> seen;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  const auto who = rt.spawn<worker>(seen);
  auto s = orders.attach(who, {.group = "billing"});
  s.detach();
  s = orders.attach(who, {.policy = policy::drop_oldest, .limit = 2, .group = "billing"});
  for (int i = 0; i != 10; ++i) orders.publish({i});
  rt.run();
  EXPECT_EQ(seen, (std::vector<int>{8, 9}));
}

TEST(Group, a_member_has_no_more_at_a_time_than_its_prefetch) {
  std::vector<int> seen;
  troupe::event never;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s = orders.attach(rt.spawn<late_failure>(never), {.group = "billing", .group_prefetch = 1});
  for (int i = 0; i != 3; ++i) orders.publish({i});
  rt.run();
  auto t = orders.attach(rt.spawn<worker>(seen), {.group = "billing"});
  rt.run();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(Group, its_members_are_closed_when_their_input_has_ended_and_all_is_done) {
  std::vector<int> a, b;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto to = orders.publisher();
  const auto first = rt.spawn<worker>(a);
  const auto second = rt.spawn<worker>(b);
  auto s1 = orders.attach_input(first, {.group = "billing"});
  auto s2 = orders.attach_input(second, {.group = "billing"});
  for (int i = 0; i != 50; ++i) to.publish({i});
  to = {};
  rt.run();
  EXPECT_FALSE(first.alive());
  EXPECT_FALSE(second.alive());
  EXPECT_EQ(together(a, b), up_to(50));
}

TEST(Group, has_a_limit_and_a_policy_of_its_own) {
  std::vector<int> seen;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s = orders.attach(rt.spawn<worker>(seen), {.policy = policy::drop_oldest, .limit = 10, .group = "billing"});
  for (int i = 0; i != 100; ++i) orders.publish({i});
  rt.run();
  EXPECT_EQ(rt.counts().dropped, 90u);
  EXPECT_EQ(seen, (std::vector<int>{90, 91, 92, 93, 94, 95, 96, 97, 98, 99}));
}

TEST(Group, callables_and_those_who_answer_by_hand_can_be_members) {
  class careful : public troupe::actor {
  public:
    explicit careful(std::vector<int>& seen) : seen_(&seen) {}
    void on(troupe::delivery<job> d) {
      seen_->push_back(d->number);
      (void)d.ack();
    }

  private:
    std::vector<int>* seen_;
  };
  std::vector<int> a, b;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> orders(rt, "orders");
  auto s1 = orders.attach(rt.spawn<careful>(a), {.group = "billing"});
  auto s2 = orders.attach([&b](const job& j) { b.push_back(j.number); }, {.group = "billing"});
  for (int i = 0; i != 100; ++i) orders.publish({i});
  rt.run();
  EXPECT_EQ(together(a, b), up_to(100));
}

TEST(Group, refuses_what_makes_no_sense_and_says_what_does) {
  troupe::runtime rt;
  troupe::exchange<job> orders(rt, "orders");
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  troupe::exchange<std::unique_ptr<int>> owned(rt, "owned");
  std::vector<int> seen;
  const auto who = rt.spawn<worker>(seen);
  using o = troupe::subscribe_options;
  const auto attach = [&](o options) { return [&orders, &who, options] { (void)orders.attach(who, options); }; };
  expect_refused(attach({.limit = 10, .group = "g"}), "cannot block its publishers");
  expect_refused(attach({.policy = policy::conflate, .limit = 10, .group = "g"}), "conflate is not for groups");
  expect_refused(attach({.policy = policy::disconnect, .limit = 10, .group = "g"}), "disconnect is not for groups");
  expect_refused(attach({.policy = policy::fail, .limit_bytes = 10, .group = "g"}), "its limit is in messages");
  expect_refused(attach({.start = troupe::start_at::earliest(), .group = "g"}), "leave out the start");
  expect_refused(attach({.group = "g", .group_prefetch = 0}), "give 1 or more");
  expect_refused(attach({.group_prefetch = 2}), "give the group");
  expect_refused([&] { (void)jobs.attach(who, o{.group = "g"}); }, "leave out the group");
  expect_refused([&] { (void)owned.attach([](const std::unique_ptr<int>&) {}, o{.group = "g"}); }, "cannot be copied");
  auto s = orders.attach(who, {.group = "g"});
  expect_refused(attach({.policy = policy::fail, .limit = 10, .group = "g"}), "other options");
}

TEST(Group, members_that_come_and_go_while_others_publish_lose_nothing_while_one_is_there) {
  constexpr int publishers = 2, each = 20'000;
  std::atomic<int> handled{0};
  troupe::runtime rt;
  {
    const troupe::testing::conserved guard(rt);
    troupe::exchange<job> orders(rt, "orders");
    const auto count = [&handled](const job&) { handled.fetch_add(1, std::memory_order_relaxed); };
    auto stays = orders.attach(count, {.group = "billing"});
    std::vector<std::thread> threads;
    for (int p = 0; p != publishers; ++p)
      threads.emplace_back([&] {
        for (int i = 0; i != each; ++i) EXPECT_EQ(orders.publish({i}), 1u);
      });
    threads.emplace_back([&] {
      for (int i = 0; i != 300; ++i) {
        auto comes = orders.attach(count, {.group = "billing"});
        std::this_thread::yield();
      }
    });
    for (auto& t : threads) t.join();
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(handled.load(), publishers * each);
  }
}

}  // namespace
