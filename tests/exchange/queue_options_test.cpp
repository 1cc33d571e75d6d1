#include <troupe/base/log.hpp>
#include <troupe/exchange/publish_window.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "jobs.hpp"

// Deadlines, limits, dead letters and confirmations of queues.

namespace {

using namespace std::chrono_literals;

using tests::dead;
using tests::job;
using tests::keeper;
using tests::pass;
using tests::undertaker;
using tests::virtual_time;
using tests::worker;

/// Takes long for its first message.
class slow_start : public troupe::actor {
public:
  slow_start(std::vector<int>& seen, std::chrono::seconds first) : seen_(&seen), first_(first) {}
  troupe::task<> on(const job& j) {
    if (first_ != 0s) co_await troupe::this_task::sleep_for(std::exchange(first_, 0s));
    seen_->push_back(j.number);
  }

private:
  std::vector<int>* seen_;
  std::chrono::seconds first_;
};

/// Takes a second for each message.
class steady : public troupe::actor {
public:
  explicit steady(std::vector<int>& seen) : seen_(&seen) {}
  troupe::task<> on(const job& j) {
    co_await troupe::this_task::sleep_for(1s);
    seen_->push_back(j.number);
  }

private:
  std::vector<int>* seen_;
};

TEST(QueueDeadlines, a_delivery_without_an_answer_in_time_is_taken_back_and_a_late_answer_is_an_error) {
  std::vector<troupe::delivery<job>> kept;
  std::vector<int> seen;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.ack_timeout = 30s});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 2});
  for (int i = 0; i != 4; ++i) jobs.publish({i});
  rt.run();
  ASSERT_EQ(kept.size(), 2u);
  pass(rt, 29s);
  EXPECT_TRUE(kept[1].ack());
  rt.run();
  ASSERT_EQ(kept.size(), 3u);  // one more came with the credit
  auto t = jobs.attach(rt.spawn<worker>(seen));
  pass(rt, 2s);
  EXPECT_EQ(seen, (std::vector<int>{3, 0}));
  EXPECT_EQ(kept[0].ack().error().code(), troupe::errc::expired);
  const auto c = jobs.queue_counts();
  EXPECT_EQ(c.redelivered, 1u);
  EXPECT_EQ(c.expired_answers, 1u);
  EXPECT_EQ(c.unacknowledged, 1u);
  EXPECT_TRUE(kept[2].ack());
  EXPECT_EQ(jobs.queue_counts().unacknowledged, 0u);
  kept.clear();
}

TEST(QueueDeadlines, what_a_slow_handler_has_in_front_of_it_goes_to_others_in_time) {
  std::vector<int> slow, quick;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.ack_timeout = 10s});
  auto s = jobs.attach(rt.spawn<slow_start>(slow, 60s), {.prefetch = 5});
  for (int i = 0; i != 5; ++i) jobs.publish({i});
  pass(rt, 1s);
  auto t = jobs.attach(rt.spawn<worker>(quick));
  pass(rt, 8s);
  EXPECT_TRUE(quick.empty());
  pass(rt, 2s);
  EXPECT_EQ(quick, (std::vector<int>{0, 1, 2, 3, 4}));
  pass(rt, 60s);
  EXPECT_EQ(slow, std::vector<int>{0});  // the one that it had begun with
  EXPECT_EQ(jobs.queue_counts().redelivered, 1u);
  EXPECT_EQ(jobs.queue_counts().expired_answers, 1u);
  EXPECT_EQ(rt.counts().sent, 6u);
}

TEST(QueueDeadlines, a_message_that_has_waited_for_too_long_is_a_dead_letter) {
  std::vector<dead> letters;
  std::vector<int> seen;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<dead> failed(rt, "jobs.failed");
  auto f = failed.attach(rt.spawn<undertaker>(letters));
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.message_ttl = 10s, .dead_letters = "jobs.failed"});
  jobs.publish({1});
  pass(rt, 6s);
  jobs.publish({2});
  pass(rt, 6s);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].message.number, 1);
  EXPECT_EQ(letters[0].reason, troupe::dead_reason::expired);
  EXPECT_EQ(letters[0].deliveries, 0u);
  EXPECT_EQ(letters[0].queue, "jobs");
  auto s = jobs.attach(rt.spawn<worker>(seen));
  pass(rt, 60s);
  EXPECT_EQ(seen, std::vector<int>{2});
  EXPECT_EQ(letters.size(), 1u);
  EXPECT_EQ(jobs.queue_counts().dead_letters, 1u);
}

TEST(QueueDeadlines, a_message_that_comes_back_still_has_its_time_to_wait_and_no_more) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.message_ttl = 10s});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 2});
  jobs.publish({1});
  pass(rt, 1s);
  jobs.publish({2});
  rt.run();
  ASSERT_EQ(kept.size(), 2u);
  s.detach();  // both come back, the younger one in front
  pass(rt, 8s);
  EXPECT_EQ(jobs.queue_counts().waiting, 2u);
  pass(rt, 1s);
  EXPECT_EQ(jobs.queue_counts().waiting, 1u);
  pass(rt, 1s);
  EXPECT_EQ(jobs.queue_counts().waiting, 0u);
  EXPECT_EQ(jobs.queue_counts().dead_letters, 2u);
  kept.clear();
}

TEST(QueueDeadlines, a_message_that_comes_back_is_looked_for_although_the_alarm_is_set_for_a_younger_one) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.message_ttl = 10s});
  jobs.publish({0});
  pass(rt, 5s);
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 2});
  jobs.publish({1});
  pass(rt, 3s);
  jobs.publish({2});  // waits
  pass(rt, 3s);       // the alarm has rung for the first, and is set for the one that waits
  ASSERT_EQ(kept.size(), 2u);
  s.detach();
  rt.run();
  EXPECT_EQ(jobs.queue_counts().waiting, 2u);  // the first was begun with in time, and comes back too late
  pass(rt, 4s);
  EXPECT_EQ(jobs.queue_counts().waiting, 1u);
  EXPECT_EQ(jobs.queue_counts().dead_letters, 2u);
  kept.clear();
}

TEST(QueueDeadlines, a_message_that_comes_back_too_late_does_not_keep_the_queue_from_its_end) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  std::vector<int> seen;
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.message_ttl = 1s});
  const auto holds = rt.spawn<keeper>(kept);
  const auto waits = rt.spawn<keeper>(kept);
  auto s = jobs.attach_input(holds, {.prefetch = 1});
  {
    auto to = jobs.publisher();
    to.publish({1});
  }
  rt.run();
  auto t = jobs.attach_input(waits, {.prefetch = 1});
  pass(rt, 2s);
  ASSERT_EQ(kept.size(), 1u);
  holds.kill();
  rt.run();
  EXPECT_FALSE(waits.alive());
  kept.clear();
}

TEST(QueueConsumers, that_are_idle_share_what_waits) {
  std::vector<std::vector<int>> seen(4);
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<troupe::subscription> all;
  for (auto& each : seen) all.push_back(jobs.attach(rt.spawn<steady>(each)));
  rt.run();
  const std::int64_t before = rt.scheduler().now();
  for (int i = 0; i != 8; ++i) jobs.publish({i});
  rt.run();
  for (const auto& each : seen) EXPECT_EQ(each.size(), 2u);
  EXPECT_LT(rt.scheduler().now() - before, std::chrono::nanoseconds(3s).count());  // each takes two seconds
}

TEST(QueueDeadLetters, say_why_and_how_often_they_were_delivered) {
  std::vector<dead> letters;
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<dead> failed(rt, "failed", troupe::queue{});
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 2, .dead_letters = "failed"});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 1});
  jobs.publish({1});
  jobs.publish({2});
  rt.run();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].nack());
  rt.run();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_TRUE(kept[1].redelivered());
  EXPECT_TRUE(kept[1].nack());
  rt.run();
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_TRUE(kept[2].nack(troupe::requeue::no));
  EXPECT_EQ(kept[2].message().number, 2);
  auto f = failed.attach(rt.spawn<undertaker>(letters));
  rt.run();
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].reason, troupe::dead_reason::max_deliveries);
  EXPECT_EQ(letters[0].deliveries, 2u);
  EXPECT_EQ(letters[1].reason, troupe::dead_reason::rejected);
  EXPECT_EQ(letters[1].deliveries, 1u);
  EXPECT_EQ(letters[1].message.number, 2);
  EXPECT_EQ(rt.counts().dead_letters, 0u);
}

TEST(QueueDeadLetters, may_go_to_an_exchange_of_the_message_itself) {
  std::vector<int> seen;
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> failed(rt, "failed");
  auto f = failed.attach(rt.spawn<worker>(seen));
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.dead_letters = "failed"});
  auto s = jobs.attach(rt.spawn<keeper>(kept));
  jobs.publish({5});
  rt.run();
  EXPECT_TRUE(kept.at(0).nack(troupe::requeue::no));
  rt.run();
  EXPECT_EQ(seen, std::vector<int>{5});
}

TEST(QueueDeadLetters, that_nobody_takes_are_those_of_the_runtime) {
  troupe::set_log_sink([](std::string_view) noexcept {});
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.dead_letters = "nowhere"});
  auto s = jobs.attach(rt.spawn<keeper>(kept));
  jobs.publish({5});
  rt.run();
  EXPECT_TRUE(kept.at(0).nack(troupe::requeue::no));
  EXPECT_EQ(rt.counts().dead_letters, 1u);
  EXPECT_EQ(rt.counts().sent, 2u);
  troupe::set_log_sink(nullptr);
}

TEST(QueueLimit, refuses_what_it_has_no_room_for) {
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.limit = 2});
  EXPECT_EQ(jobs.publish({1}), 1u);
  EXPECT_EQ(jobs.publish({2}), 1u);
  EXPECT_EQ(jobs.publish({3}), 0u);
  EXPECT_EQ(jobs.publish_confirmed({4}).get().error().code(), troupe::errc::full);
  EXPECT_EQ(rt.counts().refused, 2u);
  EXPECT_EQ(rt.counts().sent, 2u);
}

TEST(QueueLimit, may_drop_the_oldest_or_the_newest) {
  for (const auto how : {troupe::overflow::drop_oldest, troupe::overflow::drop_newest}) {
    std::vector<int> seen;
    std::vector<dead> letters;
    troupe::runtime rt(virtual_time());
    const troupe::testing::conserved guard(rt);
    troupe::exchange<dead> failed(rt, "failed");
    auto f = failed.attach(rt.spawn<undertaker>(letters));
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.dead_letters = "failed", .limit = 3, .when_full = how});
    for (int i = 0; i != 5; ++i) jobs.publish({i});
    auto s = jobs.attach(rt.spawn<worker>(seen));
    rt.run();
    const bool oldest = how == troupe::overflow::drop_oldest;
    EXPECT_EQ(seen, oldest ? (std::vector<int>{2, 3, 4}) : (std::vector<int>{0, 1, 2}));
    ASSERT_EQ(letters.size(), 2u);
    EXPECT_EQ(letters[0].message.number, oldest ? 0 : 3);
    EXPECT_EQ(letters[0].reason, troupe::dead_reason::limit);
  }
}

TEST(QueueConfirms, that_a_message_was_accepted_at_once_and_acknowledged_later) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 1});
  EXPECT_TRUE(jobs.publish_confirmed({1}).get());
  auto second = jobs.publish_confirmed({2}, troupe::confirm::acknowledged);
  auto third = jobs.publish_confirmed({3}, troupe::confirm::acknowledged);
  auto fourth = jobs.publish_confirmed({4}, troupe::confirm::acknowledged);
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 3});
  rt.run();
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_FALSE(second.done());
  EXPECT_TRUE(kept[1].ack());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(kept[2].nack());
  EXPECT_EQ(third.get().error().code(), troupe::errc::unhandled);
  EXPECT_FALSE(fourth.done());
  kept.clear();
  s.detach();
  (void)rt.shutdown(10s);
  EXPECT_EQ(fourth.get().error().code(), troupe::errc::shutdown);
}

TEST(QueueConfirms, are_an_error_on_other_kinds) {
  troupe::runtime rt(virtual_time());
  troupe::exchange<job> all(rt, "all");
  EXPECT_EQ(all.publish_confirmed({1}).get().error().code(), troupe::errc::invalid_argument);
}

/// Publishes as fast as its window allows.
class source : public troupe::actor {
public:
  source(const troupe::exchange<job>& to, std::size_t window, int from, int to_number, bool& done)
      : window_(to, window), limit_(window), from_(from), to_(to_number), done_(&done) {}
  struct go {};
  troupe::task<> on(go) {
    for (int i = from_; i != to_; ++i) {
      co_await window_.room();
      EXPECT_LT(window_.unacknowledged(), limit_);
      EXPECT_TRUE(window_.publish({i}));
    }
    co_await window_.emptied();
    EXPECT_EQ(window_.unacknowledged(), 0u);
    *done_ = true;
  }

private:
  troupe::publish_window<job> window_;
  std::size_t limit_;
  int from_;
  int to_;
  bool* done_;
};

TEST(QueueWindow, lets_a_publisher_have_so_many_messages_under_way_in_any_schedule) {
  troupe::testing::explore(300, [](troupe::runtime& rt) {
    std::vector<int> seen;
    bool done[2] = {false, false};
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
    auto a = jobs.attach(rt.spawn<worker>(seen), {.prefetch = 1});
    auto b = jobs.attach(rt.spawn<worker>(seen), {.prefetch = 4});
    auto c = jobs.attach(rt.spawn<slow_start>(seen, 1s), {.prefetch = 2});
    rt.spawn<source>(jobs, 1u, 0, 10, done[0]).send(source::go{});
    rt.spawn<source>(jobs, 3u, 10, 30, done[1]).send(source::go{});
    rt.run();
    EXPECT_TRUE(done[0]);
    EXPECT_TRUE(done[1]);
    std::sort(seen.begin(), seen.end());
    ASSERT_EQ(seen.size(), 30u);
    for (int i = 0; i != 30; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  });
}

TEST(QueueWindow, may_go_before_its_messages_have_been_answered_for) {
  std::vector<int> seen;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  {
    troupe::publish_window<job> window(jobs, 2);
    for (int i = 0; i != 5; ++i) EXPECT_TRUE(window.publish({i}));
    EXPECT_EQ(window.unacknowledged(), 5u);
  }
  auto s = jobs.attach(rt.spawn<worker>(seen));
  rt.run();
  EXPECT_EQ(seen.size(), 5u);
}

}  // namespace
