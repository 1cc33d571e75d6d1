#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using troupe::loss;

struct number {
  int n;
};
struct slow {};
struct crash {};

class counter : public troupe::actor {
public:
  void on(number n) { sum_ += n.n; }
  void on(slow) { std::this_thread::sleep_for(2ms); }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(std::atomic<int>* state) {
    *state = 1;
    while (*state == 1) std::this_thread::sleep_for(1ms);
  }

private:
  long sum_ = 0;
};

class sleeper : public troupe::actor {
public:
  troupe::task<> on(number) { co_await troupe::this_task::sleep_for(1ms); }
};

const std::string counter_class = troupe::type_name<counter>();
const std::string sleeper_class = troupe::type_name<sleeper>();

TEST(Statistics, of_a_class_have_its_actors_and_all_that_these_have_handled) {
  for (const unsigned workers : {1U, 2U}) {
    troupe::runtime rt({.workers = workers, .measure = true});
    auto a = rt.spawn<counter>();
    auto b = rt.spawn<counter>(troupe::own_thread);
    auto s = rt.spawn<sleeper>();
    for (int i = 0; i != 5'000; ++i) {
      a.send(number{i});
      b.send(number{i});
      if (i < 10) s.send(number{i});
    }
    ASSERT_TRUE(rt.wait_idle(60s));
    a.close();
    ASSERT_TRUE(a.join(60s));
    const auto all = rt.statistics();
    EXPECT_EQ(all.alive, 2u);
    EXPECT_GT(all.span, 0ns);
    EXPECT_EQ(all.counts.handled, 10'010u);
    const auto* c = all.find(counter_class);
    ASSERT_TRUE(c);
    EXPECT_EQ(c->alive, 1u);
    EXPECT_EQ(c->ended, 1u);
    EXPECT_EQ(c->handled, 10'000u);
    EXPECT_EQ(c->failed, 0u);
    const auto* of_sleeper = all.find(sleeper_class);
    ASSERT_TRUE(of_sleeper);
    EXPECT_EQ(of_sleeper->handled, 10u);
    EXPECT_FALSE(all.find("nobody"));
  }
}

TEST(Statistics, tell_crashes_restarts_and_losses_of_a_class_by_reason) {
  troupe::runtime rt({.workers = 2, .measure = true});
  auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  auto child = sup.spawn<counter>();
  for (int i = 0; i != 3; ++i) child.send(crash{});
  ASSERT_TRUE(rt.wait_idle(60s));
  auto closed = rt.spawn<counter>();
  closed.close();
  ASSERT_TRUE(closed.join(60s));
  for (int i = 0; i != 5; ++i) closed.send(number{i});
  std::atomic<int> state{0};
  auto killed = rt.spawn<counter>();
  killed.send(&state);
  while (state == 0) std::this_thread::sleep_for(1ms);
  for (int i = 0; i != 7; ++i) killed.send(number{i});
  killed.kill();
  state = 2;
  ASSERT_TRUE(killed.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto all = rt.statistics();
  const auto* c = all.find(counter_class);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->failed, 3u);
  EXPECT_EQ(c->restarts, 3u);
  EXPECT_EQ(c->lost_for(loss::dead_letter), 5u);
  EXPECT_EQ(c->lost_for(loss::killed), 7u);
  EXPECT_EQ(c->ended, 2u);
  EXPECT_EQ(c->alive, 1u);
  EXPECT_EQ(all.counts.queued(), 0u);
}

TEST(Statistics, one_handler_in_1024_is_timed_and_the_first_one_is) {
  troupe::runtime rt({.workers = 1, .stand_ins = 0, .measure = true});  // each worker times its first
  auto a = rt.spawn<counter>();
  a.send(slow{});
  ASSERT_TRUE(rt.wait_idle(60s));
  {
    const auto all = rt.statistics();
    const auto& times = all.find(counter_class)->times;
    EXPECT_EQ(times.count(), 1u);
    EXPECT_GE(times.max(), 2ms);
    EXPECT_GE(times.percentile(0.5), 2ms);
  }
  for (int i = 0; i != 10 * 1024; ++i) a.send(number{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto count = rt.statistics().find(counter_class)->times.count();
  EXPECT_GE(count, 9u);
  EXPECT_LE(count, 11u);
}

TEST(Statistics, a_coroutine_is_timed_up_to_its_first_wait) {
  troupe::runtime rt({.workers = 1, .measure = true});
  auto s = rt.spawn<sleeper>();
  s.send(number{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto all = rt.statistics();
  EXPECT_EQ(all.find(sleeper_class)->times.count(), 1u);
  EXPECT_EQ(all.find(sleeper_class)->handled, 1u);
}

TEST(Statistics, every_queue_is_known_where_they_are_counted) {
  for (const bool counted : {true, false}) {
    troupe::runtime rt({.workers = 1, .measure = true, .count_queues = counted});
    auto a = rt.spawn<counter>();
    auto b = rt.spawn<counter>();
    std::atomic<int> state{0};
    a.send(&state);
    while (state == 0) std::this_thread::sleep_for(1ms);
    for (int i = 0; i != 100; ++i) a.send(number{i});
    const auto all = rt.statistics();
    const auto* c = all.find(counter_class);
    EXPECT_EQ(c->queues_known, counted);
    if (counted) {
      EXPECT_EQ(c->queued, 100u);
      EXPECT_EQ(c->longest_queue, 100u);
      EXPECT_EQ(all.counts.queued(), 101u) << "and the one that is being handled";
      for (const auto& info : rt.actors()) EXPECT_TRUE(info.queued);
    }
    state = 2;
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_TRUE(rt.statistics().find(counter_class)->queues_known) << "empty ones always are";
    EXPECT_EQ(rt.statistics().find(counter_class)->queued, 0u);
  }
}

TEST(Statistics, of_an_interval_are_what_has_come_since) {
  troupe::runtime rt({.workers = 2, .measure = true});
  auto a = rt.spawn<counter>();
  a.send(slow{});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto before = rt.statistics();
  auto s = rt.spawn<sleeper>();
  for (int i = 0; i != 100; ++i) a.send(number{i});
  s.send(number{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto now = rt.statistics();
  const auto since = now.since(before);
  EXPECT_EQ(since.span, now.span - before.span);
  EXPECT_EQ(since.counts.handled, 101u);
  EXPECT_EQ(since.find(counter_class)->handled, 100u);
  EXPECT_GE(before.find(counter_class)->times.max(), 2ms);
  EXPECT_EQ(since.find(counter_class)->times.count(),
            now.find(counter_class)->times.count() - before.find(counter_class)->times.count());
  EXPECT_EQ(since.find(counter_class)->alive, 1u);
  EXPECT_EQ(since.find(sleeper_class)->handled, 1u);
  EXPECT_DOUBLE_EQ(troupe::per_second(50, 2s), 25);
  EXPECT_EQ(troupe::per_second(50, 0s), 0);
}

TEST(Statistics, without_measuring_they_are_of_the_living) {
  troupe::runtime rt({.workers = 2});
  auto a = rt.spawn<counter>();
  for (int i = 0; i != 100; ++i) a.send(number{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto all = rt.statistics();
  EXPECT_EQ(all.find(counter_class)->handled, 100u);
  EXPECT_EQ(all.find(counter_class)->alive, 1u);
  EXPECT_EQ(all.find(counter_class)->times.count(), 0u);
}

TEST(Statistics, change_nothing_in_a_runtime_with_a_seed) {
  const auto play = [](bool measure) {
    troupe::runtime rt({.seed = 7, .measure = measure});
    auto a = rt.spawn<counter>();
    auto s = rt.spawn<sleeper>();
    for (int i = 0; i != 3'000; ++i) a.send(number{i});
    for (int i = 0; i != 20; ++i) s.send(number{i});
    rt.run();
    if (measure) {
      EXPECT_EQ(rt.statistics().find(counter_class)->handled, 3'000u);
    }
    return rt.trace();
  };
  EXPECT_EQ(play(true), play(false));
}

TEST(Statistics, can_be_looked_at_while_everything_goes_on) {
  troupe::runtime rt({.workers = 2, .measure = true, .count_queues = true});
  std::atomic<bool> over{false};
  std::thread looks([&] {
    std::uint64_t handled = 0;
    while (!over) {
      const auto all = rt.statistics();
      if (const auto* c = all.find(counter_class)) {
        EXPECT_GE(c->handled, handled);
        handled = c->handled;
      }
      EXPECT_LE(all.counts.handled, all.counts.sent);
    }
  });
  for (int round = 0; round != 200; ++round) {
    auto a = rt.spawn<counter>();
    auto b = round % 20 == 0 ? rt.spawn<counter>(troupe::own_thread) : rt.spawn<counter>();
    for (int i = 0; i != 100; ++i) {
      a.send(number{i});
      b.send(number{i});
    }
    a.close();
    b.close();
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  over = true;
  looks.join();
  EXPECT_EQ(rt.statistics().find(counter_class)->handled, 40'000u);
}

TEST(Statistics, are_a_table_for_people_and_a_line_for_programs) {
  troupe::runtime rt({.workers = 1, .measure = true, .count_queues = true});
  auto a = rt.spawn<counter>();
  a.send(slow{});
  for (int i = 0; i != 1'233; ++i) a.send(number{i});
  a.send(crash{});
  ASSERT_TRUE(a.join(60s));
  a.send(number{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto all = rt.statistics();
  const std::string table = to_table(all, all);
  EXPECT_THAT(table, HasSubstr("sent 1,236 = handled 1,234 + failed 1 + dropped 0 + dead letters 1 + queued 0\n"));
  EXPECT_THAT(table, HasSubstr("class"));
  EXPECT_THAT(table, HasSubstr(counter_class));
  EXPECT_THAT(table, HasSubstr("  dead_letter 1\n"));
  const std::string line = to_json(all, all);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_THAT(line, HasSubstr(R"("sent":1236,"handled":1234,)"));
  EXPECT_THAT(line, HasSubstr(R"({"class":")" + counter_class + R"(","actors":0,"ended":1,"handled":1234,)"));
  EXPECT_THAT(line, HasSubstr(R"("lost":{"dead_letter":1}})"));
  EXPECT_THAT(table, Not(HasSubstr("refused")));
}

TEST(Statistics, the_table_tells_of_messages_that_were_refused) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto a = rt.spawn<counter>({.mailbox = {{.capacity = 1}}});
  EXPECT_EQ(a.try_send(number{1}), troupe::send_status::queued);
  for (int i = 0; i != 1'200; ++i) EXPECT_EQ(a.try_send(number{1}), troupe::send_status::full);
  rt.run();
  const auto all = rt.statistics();
  EXPECT_THAT(to_table(all, all), HasSubstr("\nrefused 1,200: not sent, for lack of room in a mailbox\n"));
}

}  // namespace
