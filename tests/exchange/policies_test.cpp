#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies.hpp"

namespace policies {

using troupe::lagged;
using troupe::loss;
using troupe::subscription_policy;

/// On each kind that has backlogs: the same must hold for a fanout and for those that route by a key.
class Policy : public testing::TestWithParam<troupe::exchange_kind> {
protected:
  std::string key() const { return GetParam() == troupe::exchange_kind(troupe::fanout{}) ? "" : "a.b"; }

  /// The actor does not come to what is published until the runtime is run.
  troupe::runtime rt{{.scheduling = troupe::schedule::round_robin, .measure = true}};
  troupe::exchange<note> notes{rt, "notes", GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Kinds, Policy,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::topic{})),
                         [](const auto& i) { return std::string(to_string(i.param)); });

TEST_P(Policy, drop_oldest_keeps_the_newest_and_tells_of_the_gap_in_front_of_them) {
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit = 3});
  for (int i = 0; i != 10; ++i) EXPECT_EQ(notes.publish(key(), note{i}), 1u);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-7, 7, 8, 9})) << "a gap of n shows as -n";
  EXPECT_EQ(sub.lost(), 7u);
  EXPECT_EQ(lost_in(rt, loss::lagged), 7u);
  expect_conserved(rt);
}

TEST_P(Policy, drop_newest_keeps_the_oldest_and_tells_of_the_gap_behind_them) {
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_newest, .limit = 3});
  std::size_t receivers = 0;
  for (int i = 0; i != 10; ++i) receivers += notes.publish(key(), note{i});
  EXPECT_EQ(receivers, 3u) << "who drops it does not get it";
  rt.run();
  notes.publish(key(), note{10});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{0, 1, 2, -7, 10}));
  EXPECT_EQ(sub.lost(), 7u);
  EXPECT_EQ(lost_in(rt, loss::lagged), 7u);
  expect_conserved(rt);
}

TEST_P(Policy, fail_says_so_to_whoever_publishes) {
  const auto r = rt.spawn<reader>();
  const auto other = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::fail, .limit = 2});
  auto plain = notes.attach(other, key());
  for (int i = 0; i != 2; ++i) EXPECT_TRUE(notes.try_publish(key(), note{i}));
  const troupe::publish_result third = notes.try_publish(key(), note{2});
  EXPECT_FALSE(third);
  EXPECT_EQ(third.receivers, 1u);
  EXPECT_EQ(third.refused, 1u);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{0, 1, -1}));
  EXPECT_EQ(seen_by(other), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(sub.lost(), 1u);
  EXPECT_EQ(plain.lost(), 0u);
  EXPECT_EQ(rt.counts().refused, 1u) << "what is refused is not sent";
  EXPECT_EQ(rt.counts().dropped, 0u);
  expect_conserved(rt);
}

TEST_P(Policy, conflate_keeps_the_newest_of_each_key_in_the_place_of_the_oldest) {
  troupe::exchange<quote> quotes(rt, "quotes", GetParam());
  const auto r = rt.spawn<quote_reader>();
  auto sub = quotes.attach(r, key(), {.policy = subscription_policy::conflate});
  for (int i = 0; i != 3; ++i) {
    for (const char* symbol : {"A", "B", "C"}) EXPECT_EQ(quotes.publish(key(), quote{symbol, i}), 1u);
  }
  rt.run();
  quotes.publish(key(), quote{"B", 3});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<std::string>{"A2", "B2", "C2", "B3"}));
  EXPECT_EQ(sub.lost(), 6u);
  EXPECT_EQ(lost_in(rt, loss::conflated), 6u);
  expect_conserved(rt);
}

TEST_P(Policy, conflate_drops_the_oldest_key_beyond_its_limit) {
  troupe::exchange<quote> quotes(rt, "quotes", GetParam());
  const auto r = rt.spawn<quote_reader>();
  auto sub = quotes.attach(r, key(), {.policy = subscription_policy::conflate, .limit = 2});
  for (const char* symbol : {"A", "B", "A", "C", "B", "A"}) quotes.publish(key(), quote{symbol, 0});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<std::string>{"-2", "C0", "A0"}));
  EXPECT_EQ(lost_in(rt, loss::conflated), 2u);
  EXPECT_EQ(lost_in(rt, loss::lagged), 2u);
  expect_conserved(rt);
}

TEST_P(Policy, disconnect_detaches_and_tells_whom) {
  const captured_log log;
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::disconnect, .limit = 3});
  for (int i = 0; i != 3; ++i) EXPECT_EQ(notes.publish(key(), note{i}), 1u);
  for (int i = 3; i != 6; ++i) EXPECT_EQ(notes.publish(key(), note{i}), 0u);
  rt.run();
  EXPECT_EQ(notes.subscribers(), 0u);
  EXPECT_EQ(seen_by(r), (std::vector<int>{-1004})) << "disconnected after a loss of 4";
  EXPECT_EQ(sub.lost(), 4u);
  EXPECT_EQ(lost_in(rt, loss::disconnected), 4u);
  EXPECT_EQ(log.count({"notes", "disconnected", "reader"}), 1u);
  sub.detach();  // says nothing: it has been detached already
  auto again = notes.attach(r, key());
  notes.publish(key(), note{7});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-1004, 7}));
  expect_conserved(rt);
}

TEST_P(Policy, disconnect_ends_the_inputs_of_an_actor) {
  const captured_log log;
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach_input(r, key(), {.policy = subscription_policy::disconnect, .limit = 1});
  for (int i = 0; i != 2; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_FALSE(r.alive());
  expect_conserved(rt);
}

TEST_P(Policy, a_limit_in_bytes_counts_what_the_message_says_of_itself) {
  troupe::exchange<text> texts(rt, "texts", GetParam());
  const auto r = rt.spawn<text_reader>();
  const std::size_t each = sizeof(text) + 100;
  auto sub = texts.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit_bytes = 3 * each});
  for (int i = 0; i != 5; ++i) texts.publish(key(), text{std::string(100, static_cast<char>('a' + i))});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), "cde");
  texts.publish(key(), text{"x"});
  texts.publish(key(), text{std::string(5 * each, 'L')});  // larger than all: it may wait alone
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), "cdeL");
  EXPECT_EQ(sub.lost(), 3u);
  expect_conserved(rt);
}

TEST_P(Policy, block_lets_what_is_published_meanwhile_wait) {
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.limit = 2});
  for (int i = 0; i != 5; ++i) EXPECT_EQ(notes.publish(key(), note{i}), 1u);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(sub.lost(), 0u);
  expect_conserved(rt);
}

TEST_P(Policy, what_was_published_is_handled_before_what_is_then_sent) {
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit = 3});
  for (int i = 0; i != 5; ++i) notes.publish(key(), note{i});
  r.send(direct_note{100});
  for (int i = 5; i != 7; ++i) notes.publish(key(), note{i});
  rt.run();
  const std::vector<int> got = seen_by(r);
  EXPECT_EQ(got.front(), -4) << "5 and 6 have taken the places of 2 and 3";
  EXPECT_LT(std::find(got.begin(), got.end(), 4), std::find(got.begin(), got.end(), 100));
  expect_conserved(rt);
}

TEST_P(Policy, what_waits_is_lost_when_it_is_detached_and_when_its_actor_ends) {
  for (const bool detaches : {true, false}) {
    const auto r = rt.spawn<reader>();
    auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_newest, .limit = 100});
    const auto weight = std::make_shared<int>(0);
    for (int i = 0; i != 5; ++i) notes.publish(key(), note{i, weight});
    detaches ? (void)sub.detach() : r.kill();
    EXPECT_EQ(weight.use_count(), detaches ? 1 : 6);
    rt.run();
    EXPECT_EQ(weight.use_count(), 1);
    EXPECT_EQ(notes.subscribers(), 0u);
    EXPECT_EQ(notes.publish(key(), note{6}), 0u);
  }
  EXPECT_EQ(lost_in(rt, loss::detached), 10u);
  expect_conserved(rt);
}

TEST_P(Policy, a_handler_may_detach_its_own_subscription_among_its_messages) {
  const auto r = rt.spawn<leaver>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_newest, .limit = 100});
  r.send(leaver::leave_at{2, &sub});
  rt.run();
  for (int i = 0; i != 5; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(lost_in(rt, loss::detached), 2u);
  expect_conserved(rt);
}

TEST_P(Policy, an_actor_that_is_made_anew_keeps_what_waits) {
  const captured_log log;
  auto sup = rt.supervise({.max_restarts = 10, .backoff = {1ms, 1ms, 0}});
  const auto r = sup.spawn<reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_newest, .limit = 10});
  for (const int n : {1, crash_note, 2, 3}) notes.publish(key(), note{n});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{2, 3}));
  EXPECT_EQ(rt.counts().failed, 1u);
  expect_conserved(rt);
}

TEST_P(Policy, messages_and_gaps_may_be_stashed) {
  const auto r = rt.spawn<patient>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit = 3});
  for (int i = 0; i != 5; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{}));
  r.send(patient::open{});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{-2, 2, 3, 4}));
  expect_conserved(rt);
}

TEST_P(Policy, handlers_may_wait) {
  const auto r = rt.spawn<sleeper>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit = 3});
  for (int i = 0; i != 5; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{-2, 2, 3, 4}));
  expect_conserved(rt);
}

TEST_P(Policy, a_loop_gets_messages_and_gaps) {
  const auto r = rt.spawn<loop_reader>();
  auto sub = notes.attach(r, key(), {.policy = subscription_policy::drop_oldest, .limit = 2});
  auto log = std::make_shared<std::vector<int>>();
  r.send(loop_reader::begin{log});
  rt.run();
  for (int i = 0; i != 5; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_EQ(*log, (std::vector<int>{-3, 3, 4}));
  expect_conserved(rt);
}

TEST_P(Policy, an_address_is_told_of_gaps_if_it_says_so) {
  const auto told = rt.spawn<reader>();
  const auto untold = rt.spawn<reader>();
  const troupe::subscribe_options options{.policy = subscription_policy::drop_newest, .limit = 2};
  auto a = notes.attach(troupe::address<note, lagged>(told), key(), options);
  auto b = notes.attach(troupe::address<note>(untold), key(), options);
  for (int i = 0; i != 3; ++i) notes.publish(key(), note{i});
  rt.run();
  EXPECT_EQ(seen_by(told), (std::vector<int>{0, 1, -1}));
  EXPECT_EQ(seen_by(untold), (std::vector<int>{0, 1}));
  EXPECT_EQ(b.lost(), 1u);
  expect_conserved(rt);
}

TEST(PolicyOfBindings, a_subscriber_has_one_backlog_whatever_its_keys) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<note> notes(rt, "notes", troupe::topic{});
  const auto r = rt.spawn<reader>();
  const troupe::subscribe_options options{.policy = subscription_policy::drop_oldest, .limit = 3};
  auto a = notes.attach(r, "a.*", options);
  auto b = notes.attach(r, "b.*");  // has them too
  auto both = notes.attach(r, "#", options);
  for (int i = 0; i != 6; ++i) EXPECT_EQ(notes.publish(i % 2 ? "a.x" : "b.x", note{i}), 1u);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-3, 3, 4, 5})) << "in order, each once";
  a.detach();
  both.detach();
  EXPECT_EQ(notes.publish("a.x", note{6}), 0u);
  EXPECT_EQ(notes.publish("b.x", note{7}), 1u);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-3, 3, 4, 5, 7}));
  b.detach();
  auto anew = notes.attach(r, "c", {.policy = subscription_policy::drop_newest, .limit = 1});
  for (int i = 8; i != 10; ++i) notes.publish("c", note{i});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{-3, 3, 4, 5, 7, 8, -1}));
  expect_conserved(rt);
}

TEST(PolicyOfBindings, other_options_for_the_same_subscriber_are_an_error_that_names_both) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<note> notes(rt, "notes", troupe::topic{});
  const auto r = rt.spawn<reader>();
  auto a = notes.attach(r, "a.*", {.policy = subscription_policy::drop_oldest, .limit = 3});
  expect_error([&] { (void)notes.attach(r, "b.*", {.policy = subscription_policy::fail, .limit = 4}); },
               {"notes", "reader", "{drop_oldest, 3 messages}", "{fail, 4 messages}"});
  const auto plain = rt.spawn<reader>();
  auto b = notes.attach(plain, "a.*");
  expect_error([&] { (void)notes.attach(plain, "b.*", {.policy = subscription_policy::fail, .limit = 4}); },
               {"without options", "{fail, 4 messages}"});
  EXPECT_EQ(notes.subscribers(), 2u);
}

TEST(PolicyOfBindings, options_that_make_no_sense_are_refused) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<note> notes(rt, "notes");
  troupe::exchange<note> jobs(rt, "jobs", troupe::work_queue{});
  const auto r = rt.spawn<reader>();
  expect_error([&] { (void)notes.attach(r, {.policy = subscription_policy::drop_oldest}); },
               {"drop_oldest", "needs a limit"});
  expect_error([&] { (void)notes.attach(r, {.limit = 0}); }, {"at least 1"});
  expect_error([&] { (void)jobs.attach(r, {.policy = subscription_policy::fail, .limit = 1}); },
               {"jobs", "work_queue", "{fail, 1 messages}"});
  EXPECT_EQ(notes.subscribers() + jobs.subscribers(), 0u);
}

/// Moved through the exchange, and never copied.
struct parcel {
  std::unique_ptr<int> content;
};
class parcel_reader : public troupe::actor {
public:
  void on(const parcel& p) { sum_ += *p.content; }
  int on(seen) const { return sum_; }

private:
  int sum_ = 0;
};

TEST(PolicyOfBindings, messages_need_not_be_copied_beside_readers_without_options) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<parcel> parcels(rt, "parcels");
  const auto fast = rt.spawn<parcel_reader>();
  const auto slow = rt.spawn<parcel_reader>();
  auto a = parcels.attach(fast);
  parcels.publish({std::make_unique<int>(1)});
  auto b = parcels.attach(slow, {.policy = subscription_policy::drop_oldest, .limit = 2});
  for (int i = 0; i != 100; ++i) EXPECT_EQ(parcels.publish({std::make_unique<int>(2)}), 2u);
  rt.run();
  b.detach();
  parcels.publish({std::make_unique<int>(3)});
  rt.run();
  EXPECT_EQ(fast.ask(seen{}).get().value(), 204);
  EXPECT_EQ(slow.ask(seen{}).get().value(), 4);
  expect_conserved(rt);
}

}  // namespace policies
