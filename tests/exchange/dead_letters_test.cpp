// Where dead letters go: round, through several queues, and to exchanges that cannot take them.

#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "jobs.hpp"

namespace {

using namespace std::chrono_literals;

using tests::contains;
using tests::dead;
using tests::job;
using tests::keeper;
using tests::pass;
using tests::rejecter;
using tests::undertaker;
using tests::virtual_time;
using tests::worker;
using troupe::overflow;
using troupe::queue;

/// What is logged while it lives.
class logged {
public:
  logged() {
    lines().clear();
    troupe::set_log_sink([](std::string_view line) noexcept { lines().emplace_back(line); });
  }
  logged(const logged&) = delete;
  logged& operator=(const logged&) = delete;
  ~logged() { troupe::set_log_sink(nullptr); }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
};

TEST(DeadLetters, that_consumers_reject_in_turn_end_after_some_rounds) {
  const logged log;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> a(rt, "a", queue{.dead_letters = "b"});
  troupe::exchange<job> b(rt, "b", queue{.dead_letters = "a"});
  auto s = a.attach(rt.spawn<rejecter>());
  auto t = b.attach(rt.spawn<rejecter>());
  a.publish({1});
  a.publish({2});
  rt.run();
  EXPECT_EQ(a.queue_counts().dead_letters, 32u);
  EXPECT_EQ(b.queue_counts().dead_letters, 32u);
  EXPECT_EQ(rt.counts().dead_letters, 2u);
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_TRUE(contains(log.lines()[0], "has been a dead letter 32 times"));
}

TEST(DeadLetters, that_no_consumer_has_had_do_not_come_back_to_a_queue) {
  for (const bool by_time : {true, false}) {
    troupe::runtime rt(virtual_time());
    const troupe::testing::conserved guard(rt);
    const auto limit = by_time ? queue::unbounded : 1;
    const auto ttl = by_time ? std::chrono::nanoseconds(1s) : troupe::forever;
    const auto to = [&](std::string other) {
      return queue{
          .message_ttl = ttl, .dead_letters = std::move(other), .limit = limit, .when_full = overflow::drop_oldest};
    };
    troupe::exchange<job> a(rt, "a", to("b")), b(rt, "b", to("c")), c(rt, "c", to("a"));
    for (int i = 0; i != 10; ++i) a.publish({i});
    pass(rt, 60s);
    const auto waiting = a.queue_counts().waiting + b.queue_counts().waiting + c.queue_counts().waiting;
    EXPECT_EQ(waiting, by_time ? 0u : 3u);
    EXPECT_EQ(a.queue_counts().dead_letters, by_time ? 10u : 9u);
    EXPECT_EQ(c.queue_counts().dead_letters, by_time ? 10u : 7u);
    EXPECT_EQ(rt.counts().dropped, rt.counts().sent - waiting);
  }
}

TEST(DeadLetters, that_wait_in_another_queue_come_back_to_those_who_try_again) {
  std::vector<troupe::delivery<job>> kept;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", queue{.dead_letters = "later"});
  troupe::exchange<job> later(rt, "later", queue{.message_ttl = 10s, .dead_letters = "jobs"});
  auto s = jobs.attach(rt.spawn<keeper>(kept), {.prefetch = 1});
  jobs.publish({1});
  for (std::size_t round = 1; round != 5; ++round) {
    rt.run();
    ASSERT_EQ(kept.size(), round);
    EXPECT_TRUE(kept.back().nack(troupe::requeue::no));
    pass(rt, 9s);
    EXPECT_EQ(kept.size(), round);
    pass(rt, 2s);
  }
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_TRUE(kept.back().ack());
  kept.clear();
}

TEST(DeadLetters, of_one_queue_push_others_out_of_the_next_and_none_is_lost) {
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  const auto short_queue = [](std::string next) {
    return queue{.dead_letters = std::move(next), .limit = 1, .when_full = overflow::drop_oldest};
  };
  troupe::exchange<job> c(rt, "c", queue{});
  troupe::exchange<job> b(rt, "b", short_queue("c")), a(rt, "a", short_queue("b"));
  for (int i = 0; i != 5; ++i) a.publish({i});
  EXPECT_EQ(a.queue_counts().waiting, 1u);
  EXPECT_EQ(b.queue_counts().waiting, 1u);
  EXPECT_EQ(c.queue_counts().waiting, 3u);
  std::vector<int> seen;
  auto s = c.attach(rt.spawn<worker>(seen));
  rt.run();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

TEST(DeadLetters, that_push_each_other_round_take_no_stack) {
  constexpr int waiting = 100'000;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  const auto full = [](std::string next) {
    return queue{.dead_letters = std::move(next), .limit = waiting, .when_full = overflow::drop_oldest};
  };
  troupe::exchange<job> a(rt, "a", full("b")), b(rt, "b", full("a"));
  for (int i = 0; i != waiting; ++i) {
    a.publish({i});
    b.publish({i});
  }
  a.publish({-1});  // each makes room for the next, until one comes back to where it was
  EXPECT_EQ(a.queue_counts().waiting, std::size_t{waiting});
  EXPECT_EQ(b.queue_counts().waiting, std::size_t{waiting});
}

template <class Wire>
void expect_mismatch(Wire wire, std::string_view queue_name, std::string_view target) {
  try {
    wire();
    ADD_FAILURE() << "wired " << queue_name;
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::type_mismatch);
    EXPECT_TRUE(contains(e.what(), "queue '" + std::string(queue_name) + "'")) << e.what();
    EXPECT_TRUE(contains(e.what(), "exchange '" + std::string(target) + "'")) << e.what();
  }
}

TEST(DeadLetters, of_another_type_than_their_exchange_are_an_error_where_either_is_made) {
  troupe::runtime rt(virtual_time());
  troupe::exchange<int> numbers(rt, "numbers");
  expect_mismatch([&] { troupe::exchange<job>(rt, "jobs", queue{.dead_letters = "numbers"}); }, "jobs", "numbers");
  EXPECT_FALSE(troupe::exchange<job>::find(rt, "jobs"));
  troupe::exchange<job> jobs(rt, "jobs", queue{.dead_letters = "jobs.failed"});
  expect_mismatch([&] { troupe::exchange<std::string>(rt, "jobs.failed"); }, "jobs", "jobs.failed");
  troupe::exchange<dead> failed(rt, "jobs.failed", troupe::topic{});
  troupe::exchange<job> others(rt, "others", queue{.dead_letters = "jobs"});
}

TEST(DeadLetters, for_an_exchange_that_is_not_there_are_told_of_once) {
  const logged log;
  std::vector<dead> letters;
  troupe::runtime rt(virtual_time());
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", queue{.dead_letters = "jobs.faield"});
  auto s = jobs.attach(rt.spawn<rejecter>());
  for (int i = 0; i != 10; ++i) jobs.publish({i});
  rt.run();
  EXPECT_EQ(rt.counts().dead_letters, 10u);
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_TRUE(contains(log.lines()[0], "queue 'jobs': there is no exchange 'jobs.faield'"));
  troupe::exchange<dead> failed(rt, "jobs.faield");
  auto t = failed.attach(rt.spawn<undertaker>(letters));
  jobs.publish({10});
  rt.run();
  EXPECT_EQ(letters.size(), 1u);
}

}  // namespace
