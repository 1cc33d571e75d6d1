#include <troupe/base/log.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "jobs.hpp"

namespace {

using namespace std::chrono_literals;
using tests::clumsy;
using tests::job;
using tests::keeper;
using tests::one_thread;
using tests::quiet_log;
using tests::up_to;
using tests::worker;

TEST(Queue, keeps_messages_until_an_actor_is_attached_and_gives_them_in_their_order) {
  std::vector<int> seen;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  for (int i = 0; i != 1000; ++i) EXPECT_EQ(jobs.publish({i}), 1u);
  rt.run();
  EXPECT_EQ(rt.counts().queued(), 1000u);
  auto s = jobs.attach(rt.spawn<worker>(seen));
  rt.run();
  EXPECT_EQ(seen, up_to(1000));
  EXPECT_EQ(rt.counts().handled, 1000u);
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(jobs.unroutable(), 0u);
}

TEST(Queue, gives_each_message_to_one_of_its_members) {
  std::vector<int> a, b;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  auto sa = jobs.attach(rt.spawn<worker>(a), {.prefetch = 1});
  auto sb = jobs.attach(rt.spawn<worker>(b), {.prefetch = 1});
  for (int i = 0; i != 100; ++i) jobs.publish({i});
  rt.run();
  EXPECT_EQ(a.size() + b.size(), 100u);
  EXPECT_GT(a.size(), 20u);
  EXPECT_GT(b.size(), 20u);
}

TEST(Queue, puts_back_in_front_what_a_member_crashed_at_and_what_it_had_not_begun) {
  const quiet_log quiet;
  std::vector<int> before, after;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  auto s = jobs.attach(rt.spawn<clumsy>(before, 7), {.prefetch = 10});
  for (int i = 0; i != 20; ++i) jobs.publish({i});
  rt.run();
  EXPECT_EQ(before, up_to(7));
  EXPECT_EQ(rt.counts().queued(), 13u);
  auto t = jobs.attach(rt.spawn<worker>(after));
  rt.run();
  before.insert(before.end(), after.begin(), after.end());
  EXPECT_EQ(before, up_to(20));
  const auto c = rt.counts();
  EXPECT_EQ(c.failed, 1u);
  EXPECT_EQ(c.sent, 21u);  // one was begun twice
  EXPECT_EQ(c.dead_letters + c.dropped, 0u);
}

TEST(Queue, takes_back_at_once_what_a_member_that_is_closed_detached_or_killed_had_not_begun) {
  for (const int how : {0, 1, 2}) {
    std::vector<int> a, b;
    troupe::runtime rt(one_thread());
    const troupe::testing::conserved guard(rt);
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
    const auto first = rt.spawn<worker>(a);
    auto s = jobs.attach(first);
    for (int i = 0; i != 50; ++i) jobs.publish({i});
    auto t = jobs.attach(rt.spawn<worker>(b));
    if (how == 0) first.close();
    if (how == 1) s.detach();
    if (how == 2) first.kill();
    rt.run();
    EXPECT_EQ(a.size() + b.size(), 50u);
    EXPECT_EQ(rt.counts().handled, 50u);
    EXPECT_EQ(rt.counts().dropped + rt.counts().dead_letters, 0u);
  }
}

TEST(Queue, gives_a_message_up_as_a_dead_letter_after_max_deliveries) {
  const quiet_log quiet;
  std::vector<int> seen;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 3});
  std::vector<troupe::subscription> subs;
  for (int i = 0; i != 4; ++i) subs.push_back(jobs.attach(rt.spawn<clumsy>(seen, 5), {.prefetch = 1}));
  for (int i = 0; i != 20; ++i) jobs.publish({i});
  rt.run();
  EXPECT_EQ(seen.size(), 19u);
  const auto c = rt.counts();
  EXPECT_EQ(c.failed, 3u);
  EXPECT_EQ(c.dead_letters, 1u);
  EXPECT_EQ(c.queued(), 0u);
}

struct urgent {
  unsigned level = 0;
  int number = 0;
};
troupe::priority priority_of(const urgent& u) noexcept { return troupe::priority(u.level); }

class triage : public troupe::actor {
public:
  explicit triage(std::vector<int>& seen) : seen_(&seen) {}
  void on(const urgent& u) { seen_->push_back(u.number); }

private:
  std::vector<int>* seen_;
};

TEST(Queue, gives_the_most_urgent_first_and_those_of_one_priority_as_they_came) {
  std::vector<int> seen;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<urgent> jobs(rt, "jobs", troupe::queue{});
  for (unsigned i = 0; i != 300; ++i) jobs.publish({2 - i % 3, static_cast<int>(i)});
  auto s = jobs.attach(rt.spawn<triage>(seen));
  rt.run();
  std::vector<int> expected;
  for (int level = 2; level >= 0; --level)
    for (int i = level; i < 300; i += 3) expected.push_back(i);
  EXPECT_EQ(seen, expected);
}

/// A handler that is a coroutine.
class slow : public troupe::actor {
public:
  explicit slow(std::vector<int>& seen) : seen_(&seen) {}
  troupe::task<> on(const job& j) {
    co_await troupe::this_task::sleep_for(1ms);
    seen_->push_back(j.number);
  }

private:
  std::vector<int>* seen_;
};

class slow_reentrant : public slow {
public:
  static constexpr bool reentrant = true;
  using slow::on;
  using slow::slow;
};

template <class A>
void handles_with_coroutines(std::size_t prefetch, bool kill) {
  std::vector<int> a, b;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  const auto first = rt.spawn<A>(a);
  auto s = jobs.attach(first, {.prefetch = prefetch});
  for (int i = 0; i != 30; ++i) jobs.publish({i});
  if (kill) {
    rt.run_until([]() -> troupe::task<> { co_await troupe::this_task::sleep_for(2500us); }).value();
    first.kill();
    auto t = jobs.attach(rt.spawn<A>(b));
    rt.run();
    EXPECT_EQ(a.size() + b.size(), 30u);
    EXPECT_FALSE(b.empty());
    return;
  }
  rt.run();
  EXPECT_EQ(a, up_to(30));
  EXPECT_EQ(rt.counts().sent, 30u);
}

TEST(Queue, acknowledges_when_the_coroutine_that_a_handler_is_has_ended) {
  handles_with_coroutines<slow>(1, false);
  handles_with_coroutines<slow>(8, false);
  handles_with_coroutines<slow_reentrant>(8, false);
}

TEST(Queue, takes_back_what_a_killed_coroutine_was_at) {
  handles_with_coroutines<slow>(8, true);
  handles_with_coroutines<slow_reentrant>(8, true);
}

TEST(Queue, gives_a_delivery_to_those_who_answer_by_hand_as_far_as_their_credit_goes) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 2});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 3});
  for (int i = 0; i != 5; ++i) jobs.publish({i});
  rt.run();
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[1].message().number, 1);
  EXPECT_EQ(kept[1].deliveries(), 1u);
  EXPECT_FALSE(kept[1].redelivered());
  EXPECT_TRUE(kept[1].ack());
  EXPECT_EQ(kept[1].ack().error().code(), troupe::errc::invalid_argument);
  rt.run();
  ASSERT_EQ(kept.size(), 4u);
  EXPECT_EQ(kept[3]->number, 3);
  EXPECT_TRUE(kept[0].nack());
  rt.run();
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_EQ((*kept[4]).number, 0);
  EXPECT_TRUE(kept[4].redelivered());
  EXPECT_TRUE(kept[4].nack());  // its second delivery
  EXPECT_EQ(rt.counts().dead_letters, 1u);
  EXPECT_TRUE(kept[2].nack(troupe::requeue::no));
  EXPECT_EQ(rt.counts().dead_letters, 2u);
  rt.run();
  ASSERT_EQ(kept.size(), 6u);
  EXPECT_EQ(kept[5]->number, 4);
  s.detach();
  EXPECT_EQ(kept[5].ack().error().code(), troupe::errc::expired);
  EXPECT_EQ(rt.counts().queued(), 2u);  // numbers 3 and 4
  kept.clear();
  EXPECT_EQ(rt.counts().queued(), 2u);
}

TEST(Queue, takes_back_a_delivery_that_is_dropped_without_an_answer) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 1});
  jobs.publish({1});
  rt.run();
  kept.clear();
  rt.run();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].deliveries(), 2u);
  EXPECT_TRUE(kept[0].ack());
}

TEST(Queue, ends_for_its_inputs_when_the_last_publisher_has_gone_and_all_is_acknowledged) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(one_thread());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  const auto k = rt.spawn<keeper>(kept);
  auto s = jobs.attach_input(k);
  {
    const auto p = jobs.publisher();
    p.publish({1});
    p.publish({2});
  }
  rt.run();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_TRUE(k.alive());
  EXPECT_TRUE(kept[0].ack());
  rt.run();
  EXPECT_TRUE(k.alive());
  EXPECT_TRUE(kept[1].ack());
  rt.run();
  EXPECT_FALSE(k.alive());
}

TEST(Queue, answers_late_after_the_end_of_the_runtime_without_harm) {
  std::vector<troupe::delivery<job>> kept;
  {
    troupe::runtime rt(one_thread());
    const troupe::testing::conserved guard(rt);
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
    auto s = jobs.attach(rt.spawn<keeper>(kept));
    for (int i = 0; i != 3; ++i) jobs.publish({i});
    rt.run();
  }
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].message().number, 0);
  EXPECT_EQ(kept[0].ack().error().code(), troupe::errc::expired);
}

TEST(Queue, says_what_is_wrong_at_wiring) {
  std::vector<int> seen;
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(one_thread());
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 3});
  troupe::exchange<job> all(rt, "all");
  const auto code_of = [](auto f) {
    try {
      f();
    } catch (const troupe::troupe_error& e) {
      return e.code();
    }
    return troupe::errc::io;
  };
  EXPECT_EQ(code_of([&] { troupe::exchange<job>(rt, "jobs", troupe::queue{}); }), troupe::errc::invalid_argument);
  EXPECT_EQ(code_of([&] { troupe::exchange<job>(rt, "jobs", troupe::fanout{}); }), troupe::errc::type_mismatch);
  EXPECT_EQ(code_of([&] { (void)jobs.attach(rt.spawn<worker>(seen), troupe::consume_options{.prefetch = 0}); }),
            troupe::errc::invalid_argument);
  EXPECT_EQ(code_of([&] { (void)all.attach(rt.spawn<worker>(seen), {.prefetch = 1}); }),
            troupe::errc::invalid_argument);
  EXPECT_EQ(code_of([&] { (void)all.attach(rt.spawn<keeper>(kept)); }), troupe::errc::type_mismatch);
  EXPECT_EQ(code_of([&] { (void)jobs.attach(rt.spawn<worker>(seen), "key"); }), troupe::errc::invalid_argument);
}

}  // namespace
