#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "policies.hpp"

// What an exchange keeps, and with what those begin who attach later.

namespace policies {

namespace retain = troupe::retain;
using troupe::start_at;

class Retention : public testing::TestWithParam<troupe::exchange_kind> {
protected:
  std::string key() const { return GetParam() == troupe::exchange_kind(troupe::fanout{}) ? "" : "a.b"; }
  troupe::exchange<note> keeping(const troupe::retention& what) {
    return {rt, "notes", GetParam(), {.retention = what}};
  }
  /// What a subscriber gets that is attached now and begins there.
  std::vector<int> replayed(troupe::exchange<note>& notes, start_at start) {
    const auto r = rt.spawn<reader>();
    auto sub = notes.attach(r, key(), {.start = start});
    rt.run();
    return seen_by(r);
  }

  troupe::runtime rt{{.seed = 1}};
};

INSTANTIATE_TEST_SUITE_P(Kinds, Retention,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::topic{})));

TEST_P(Retention, the_last_n_are_kept_and_a_late_subscriber_begins_where_it_says) {
  auto notes = keeping(retain::last(3));
  for (int i = 0; i != 10; ++i) EXPECT_EQ(notes.publish(key(), note{i}), 0u);
  EXPECT_EQ(notes.next_offset(), 10u);
  EXPECT_EQ(replayed(notes, start_at::latest()), (std::vector<int>{}));
  EXPECT_EQ(replayed(notes, start_at::earliest()), (std::vector<int>{7, 8, 9}));
  EXPECT_EQ(replayed(notes, start_at::offset(8)), (std::vector<int>{8, 9}));
  EXPECT_EQ(replayed(notes, start_at::offset(10)), (std::vector<int>{}));
  EXPECT_EQ(replayed(notes, start_at::offset(5)), (std::vector<int>{-2, 7, 8, 9})) << "5 and 6 are kept no more";
  expect_conserved(rt);
}

TEST_P(Retention, the_last_value_of_each_key_is_kept_in_the_order_of_publishing) {
  troupe::exchange<quote> quotes(rt, "quotes", GetParam(), {.retention = retain::last_value()});
  for (int i = 0; i != 100; ++i) quotes.publish(key(), quote{i % 3 == 0 ? "A" : i % 3 == 1 ? "B" : "C", i});
  quotes.publish(key(), quote{"A", 100});
  const auto r = rt.spawn<quote_reader>();
  auto sub = quotes.attach(r, key(), {.start = start_at::earliest()});
  quotes.publish(key(), quote{"D", 101});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<std::string>{"B97", "C98", "A100", "D101"}));
  expect_conserved(rt);
}

TEST_P(Retention, what_is_too_old_goes) {
  auto notes = keeping(retain::for_time(1s));
  notes.publish(key(), note{1});
  rt.call_later(600ms, [&] { notes.publish(key(), note{2}); });
  rt.run();
  EXPECT_EQ(replayed(notes, start_at::earliest()), (std::vector<int>{1, 2}));
  EXPECT_EQ(replayed(notes, start_at::ago(100ms)), (std::vector<int>{2}));
  rt.call_later(600ms, [] {});
  rt.run();
  EXPECT_EQ(replayed(notes, start_at::earliest()), (std::vector<int>{2}));
  expect_conserved(rt);
}

TEST_P(Retention, no_more_bytes_are_kept_than_it_says_and_limits_combine) {
  const std::size_t each = sizeof(text) + 10;
  troupe::exchange<text> texts(rt, "texts", GetParam(), {.retention = retain::bytes(3 * each) & retain::last(100)});
  for (int i = 0; i != 26; ++i) texts.publish(key(), text{std::string(10, static_cast<char>('a' + i))});
  const auto r = rt.spawn<text_reader>();
  auto sub = texts.attach(r, key(), {.start = start_at::earliest()});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), "xyz");
  expect_conserved(rt);
}

TEST_P(Retention, a_replay_goes_by_the_policy_of_the_subscription) {
  auto notes = keeping(retain::last(10));
  for (int i = 0; i != 10; ++i) notes.publish(key(), note{i});
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(
      r, key(), {.policy = troupe::subscription_policy::drop_oldest, .limit = 3, .start = start_at::earliest()});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-7, 7, 8, 9}));
  expect_conserved(rt);
}

TEST_P(Retention, what_is_kept_goes_with_the_exchange_and_no_sooner_than_its_readers_let_go) {
  const auto weight = std::make_shared<int>(0);
  {
    troupe::runtime own({.workers = 2});
    troupe::exchange<note> notes(own, "notes", GetParam(), {.retention = retain::last(5)});
    const auto plain = own.spawn<reader>();
    auto sub = notes.attach(plain, key());
    for (int i = 0; i != 100; ++i) notes.publish(key(), note{i, weight});
    ASSERT_TRUE(own.wait_idle(60s));
    EXPECT_EQ(weight.use_count(), 1 + 5);
    EXPECT_EQ(seen_by(plain).size(), 100u);
    expect_conserved(own);
  }
  EXPECT_EQ(weight.use_count(), 1);
}

struct numbered {
  int thread = 0;
  int n = 0;
};

/// Checks that of each publisher it sees all from the first that it sees on, once and in order.
class gapless : public troupe::actor {
public:
  void on(const numbered& m) {
    const auto [at, is_new] = next_.try_emplace(m.thread, m.n);
    if (is_new) first_ = std::max(first_, m.n);
    if (m.n != at->second) ++wrong_;
    at->second = m.n + 1;
  }
  /// Publishers seen, the latest first number of one, and how often one was out of turn.
  std::vector<int> on(seen) const { return {static_cast<int>(next_.size()), first_, wrong_}; }
  std::map<int, int> on(direct_note) const { return next_; }

private:
  std::map<int, int> next_;
  int first_ = 0;
  int wrong_ = 0;
};

TEST_P(Retention, replay_and_live_meet_without_a_gap_or_a_double_while_threads_publish) {
  constexpr int threads = 4, each = 5000;
  troupe::runtime own({.workers = 2});
  troupe::exchange<numbered> all(own, "all", GetParam(), {.retention = retain::last(threads * each)});
  std::vector<troupe::ref<gapless>> readers;
  std::vector<troupe::subscription> subs;
  std::vector<std::thread> publishers;
  for (int t = 0; t != threads; ++t)
    publishers.emplace_back([&, t] {
      for (int i = 0; i != each; ++i) all.publish(key(), numbered{t, i});
    });
  for (int i = 0; i != 20; ++i) {
    readers.push_back(own.spawn<gapless>());
    subs.push_back(all.attach(readers.back(), key(), {.start = start_at::earliest()}));
    std::this_thread::yield();
  }
  for (auto& p : publishers) p.join();
  ASSERT_TRUE(own.wait_idle(60s));
  for (const auto& r : readers) {
    EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{threads, 0, 0}));
    for (const auto& [thread, next] : r.ask(direct_note{}).get().value()) EXPECT_EQ(next, each);
  }
  expect_conserved(own);
}

TEST_P(Retention, replay_and_live_meet_on_every_schedule) {
  const auto kind = GetParam();
  const std::string k = key();
  class publishing : public troupe::actor {
  public:
    publishing(troupe::exchange<numbered> to, std::string key) : to_(std::move(to)), key_(std::move(key)) {}
    troupe::task<> on(direct_note n) {
      for (int i = 0; i != 5; ++i) {
        to_.publish(key_, numbered{n.n, i});
        co_await troupe::this_task::yield();
      }
    }

  private:
    troupe::exchange<numbered> to_;
    std::string key_;
  };
  troupe::testing::explore(500, [&](troupe::runtime& own) {
    troupe::exchange<numbered> all(own, "all", kind, {.retention = retain::last(100)});
    for (int t = 0; t != 2; ++t) own.spawn<publishing>(all, k).send(direct_note{t});
    const auto r = own.spawn<gapless>();
    troupe::subscription sub;
    auto attached = own.spawn(
        [](troupe::exchange<numbered> x, troupe::ref<gapless> who, std::string with,
           troupe::subscription* to) -> troupe::task<> {
          *to = x.attach(who, with, {.start = start_at::earliest()});
          co_return;
        },
        all, r, k, &sub);
    own.run();
    EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{2, 0, 0}));
    EXPECT_EQ(own.counts().queued(), 0u);
  });
}

TEST(RetentionOfKeys, a_replay_has_what_the_binding_takes_and_nothing_that_another_has_brought) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<note> notes(rt, "notes", troupe::topic{}, {.retention = retain::last(100)});
  for (int i = 0; i != 4; ++i) notes.publish(i % 2 ? "a.x" : "b.x", note{i});
  const auto r = rt.spawn<reader>();
  auto a = notes.attach(r, "a.*", {.start = start_at::earliest()});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{1, 3}));
  auto all = notes.attach(r, "#");
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{1, 3, 0, 2}));
  expect_conserved(rt);
}

TEST(RetentionOptions, are_the_same_for_all_who_give_some) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<note> notes(rt, "notes", troupe::fanout{}, {.retention = retain::last(3)});
  troupe::exchange<note> same(rt, "notes", troupe::fanout{}, {.retention = retain::last(3)});
  troupe::exchange<note> taken_as_it_is(rt, "notes");
  expect_error([&] { troupe::exchange<note>(rt, "notes", troupe::fanout{}, {.retention = retain::last_value()}); },
               {"notes", "{the last 3 messages}", "{the last of each key}"});
  expect_error([&] { troupe::exchange<note>(rt, "jobs", troupe::work_queue{}, {.retention = retain::last(3)}); },
               {"jobs", "work_queue"});
  troupe::exchange<note> none(rt, "none");
  const auto r = rt.spawn<reader>();
  expect_error([&] { (void)none.attach(r, {.start = start_at::earliest()}); }, {"none", "retention"});
}

}  // namespace policies
