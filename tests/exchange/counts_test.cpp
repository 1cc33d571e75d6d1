// What there is to see of exchanges.

#include <troupe/exchange/exchange_info.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/testing/exchange_accounts.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../common.hpp"
#include "../contracts/support.hpp"

namespace exchange_counts {

using namespace std::chrono_literals;
using troupe::loss;

struct note {
  int n = 0;
};

constexpr int crash_at = -1;

class reader : public troupe::actor {
public:
  void on(const note& n) {
    if (n.n == crash_at) throw std::runtime_error("torn");
  }
};

/// Nothing runs but in `run`.
troupe::runtime_options one_thread() { return {.scheduling = troupe::schedule::round_robin}; }

void expect_balanced(troupe::runtime& rt, const troupe::exchange<note>& x, std::uint64_t waiting = 0) {
  EXPECT_EQ(troupe::testing::detail::account_text(x.name(), x.counts(), waiting), "");
  EXPECT_EQ(x.counts().waiting(), waiting);
  troupe::testing::expect_exchanges_at_rest(rt);
}

struct kind_case {
  const char* name;
  troupe::exchange_kind kind;
  const char* key;
  std::uint64_t receivers;  // of two actors that are attached
};

class CountsOfKind : public testing::TestWithParam<kind_case> {};

TEST_P(CountsOfKind, say_what_was_published_and_delivered_and_what_waits) {
  const kind_case& k = GetParam();
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", k.kind);
  auto a = rt.spawn<reader>();
  auto b = rt.spawn<reader>();
  const bool queue = k.kind == troupe::exchange_kind::queue;
  if (!queue) x.publish(k.key, {0});
  EXPECT_EQ(x.counts().unroutable, queue ? 0u : 1u);
  auto sa = x.attach(a, std::string(k.kind.keys() == troupe::binding_keys::required ? k.key : ""));
  auto sb = x.attach(b, std::string(k.kind.keys() == troupe::binding_keys::required ? k.key : ""));
  rt.run();
  for (int i = 1; i != 6; ++i) x.publish(k.key, {i});
  auto c = x.counts();
  EXPECT_EQ(c.published, queue ? 5u : 6u);
  EXPECT_EQ(c.routed, 5 * k.receivers);
  EXPECT_EQ(c.delivered, 0u);
  EXPECT_EQ(c.waiting(), 5 * k.receivers);
  EXPECT_EQ(c.subscribers, 2u);
  rt.run();
  c = x.counts();
  EXPECT_EQ(c.delivered, 5 * k.receivers);
  EXPECT_EQ(sa.counts().delivered + sb.counts().delivered, 5 * k.receivers);
  EXPECT_EQ(c.waiting_bytes, 0u);
  expect_balanced(rt, x);
}

TEST_P(CountsOfKind, keep_what_has_come_when_subscribers_go_and_count_what_those_have_not_read) {
  const kind_case& k = GetParam();
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", k.kind);
  auto a = rt.spawn<reader>();
  auto s = x.attach(a, std::string(k.kind.keys() == troupe::binding_keys::required ? k.key : ""));
  rt.run();
  for (int i = 0; i != 3; ++i) x.publish(k.key, {i});
  rt.run();
  for (int i = 0; i != 2; ++i) x.publish(k.key, {i});
  s.detach();
  EXPECT_EQ(x.counts().delivered, 3u) << "as soon as it has gone";
  rt.run();
  const auto c = x.counts();
  EXPECT_EQ(c.routed, 5u);
  EXPECT_EQ(c.delivered, 3u);
  EXPECT_EQ(c.lost_for(loss::detached), k.kind == troupe::exchange_kind::queue ? 0u : 2u);
  EXPECT_EQ(c.subscribers, 0u);
  expect_balanced(rt, x, k.kind == troupe::exchange_kind::queue ? 2 : 0);
}

TEST_P(CountsOfKind, tell_a_handler_that_throws_from_one_that_does_not) {
  const contracts::captured_log quiet;
  const kind_case& k = GetParam();
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", k.kind);
  auto a = rt.spawn<reader>();
  auto s = x.attach(a, std::string(k.kind.keys() == troupe::binding_keys::required ? k.key : ""));
  rt.run();
  for (const int n : {1, crash_at, 2, 3}) x.publish(k.key, {n});
  rt.run();
  const auto c = x.counts();
  const bool queue = k.kind == troupe::exchange_kind::queue;
  EXPECT_EQ(c.delivered, 1u);
  EXPECT_EQ(c.failed, 1u);
  EXPECT_EQ(c.redelivered, queue ? 1u : 0u);
  EXPECT_EQ(c.routed, queue ? 5u : 4u);
  EXPECT_EQ(c.dropped(), queue ? 0u : 2u);
  expect_balanced(rt, x, queue ? 3 : 0);
}

TEST_P(CountsOfKind, add_up_while_many_threads_publish_and_subscribers_come_and_go) {
  const kind_case& k = GetParam();
  const std::string bound = k.kind.keys() == troupe::binding_keys::required ? k.key : "";
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> x(rt, "x", k.kind);
  auto always = rt.spawn<reader>();
  auto sub = x.attach(always, bound);
  std::uint64_t last = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i != 2000; ++i) x.publish(k.key, {i});
    });
  threads.emplace_back([&] {
    for (int i = 0; i != 100; ++i) {
      auto a = rt.spawn<reader>();
      auto s = x.attach(a, bound);
      std::this_thread::yield();
      if (i % 3 == 0) a.kill();
      if (i % 3 == 1) a.close();
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i != 200; ++i) {
      const auto now = x.counts().published;
      EXPECT_GE(now, last);
      last = now;
    }
  });
  for (auto& t : threads) t.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(x.counts().published, 4000u);
  expect_balanced(rt, x);
}

INSTANTIATE_TEST_SUITE_P(All, CountsOfKind,
                         testing::Values(kind_case{"fanout", troupe::fanout{}, "", 2},
                                         kind_case{"direct", troupe::direct{}, "a", 2},
                                         kind_case{"topic", troupe::topic{}, "a.b", 2},
                                         kind_case{"consistent_hash", troupe::consistent_hash{}, "a", 1},
                                         kind_case{"work_queue", troupe::work_queue{}, "", 1},
                                         kind_case{"queue", troupe::exchange_kind::queue, "", 1}),
                         [](const auto& one) { return one.param.name; });

TEST(ExchangeCounts, know_by_their_reason_what_policies_have_lost) {
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", troupe::topic{});
  const auto attach = [&](const troupe::ref<reader>& who, troupe::subscription_policy p) {
    return x.attach(who, "#", troupe::subscribe_options{.policy = p, .limit = 2});
  };
  auto oldest = rt.spawn<reader>(), conflated = rt.spawn<reader>(), failing = rt.spawn<reader>(),
       weak = rt.spawn<reader>();
  auto s1 = attach(oldest, troupe::subscription_policy::drop_oldest);
  auto s2 = attach(conflated, troupe::subscription_policy::conflate);
  auto s3 = attach(failing, troupe::subscription_policy::fail);
  auto s4 = attach(weak, troupe::subscription_policy::disconnect);
  rt.run();
  for (int i = 0; i != 5; ++i) x.publish("k", {i});
  EXPECT_EQ(s1.counts().lagged, 3u);
  EXPECT_EQ(s1.counts().lag, 2u);
  EXPECT_EQ(s1.counts().bytes, 2 * sizeof(note));
  EXPECT_EQ(s2.counts().conflated, 4u);
  EXPECT_EQ(s2.counts().lag, 1u);
  EXPECT_EQ(s3.counts().refused, 3u);
  EXPECT_EQ(s4.counts().disconnected, 3u);
  auto c = x.counts();
  EXPECT_EQ(c.lost_for(loss::lagged), 3u);
  EXPECT_EQ(c.lost_for(loss::conflated), 4u);
  EXPECT_EQ(c.lost_for(loss::disconnected), 3u);
  EXPECT_EQ(c.refused, 3u);
  EXPECT_EQ(c.routed, 5u + 5u + 2u + 3u);
  EXPECT_EQ(c.waiting(), 2u + 1u + 2u);
  EXPECT_EQ(c.waiting_bytes, 5 * sizeof(note));
  troupe::testing::expect_exchanges_at_rest(rt);
  rt.run();
  expect_balanced(rt, x);
  s1.detach();
  EXPECT_EQ(s1.counts().lagged, 3u) << "also when it has gone";
  EXPECT_EQ(x.counts().lost_for(loss::lagged), 3u);
  expect_balanced(rt, x);
}

TEST(ExchangeCounts, of_several_keys_of_one_subscriber_are_those_of_one_line) {
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", troupe::direct{});
  auto a = rt.spawn<reader>();
  const troupe::subscribe_options options{.policy = troupe::subscription_policy::drop_oldest, .limit = 3};
  auto s1 = x.attach(a, "1", options);
  auto s2 = x.attach(a, "2", options);
  rt.run();
  for (int i = 0; i != 4; ++i) x.publish(i % 2 == 0 ? "1" : "2", {i});
  EXPECT_EQ(s1.counts().lag, 3u);
  EXPECT_EQ(s2.counts().lagged, 1u);
  rt.run();
  EXPECT_EQ(s1.counts().delivered + s2.counts().delivered, 3u);
  s1.detach();
  expect_balanced(rt, x);
  s2.detach();
  expect_balanced(rt, x);
  EXPECT_EQ(x.counts().delivered, 3u);
}

class sleeper : public troupe::actor {
public:
  explicit sleeper(troupe::event& e) : event_(&e) {}
  troupe::task<> on(const note& n) {
    co_await event_->wait();
    if (n.n == crash_at) throw std::runtime_error("torn");
  }

private:
  troupe::event* event_;
};

class restless_sleeper : public sleeper {
public:
  static constexpr bool reentrant = true;
  using sleeper::on;
  using sleeper::sleeper;
};

template <class A>
void coroutines_are_counted(troupe::exchange_kind kind, const char* key) {
  SCOPED_TRACE(kind.name());
  const contracts::captured_log quiet;
  troupe::event go;
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x", kind);
  auto killed = rt.spawn<A>(std::ref(go)), thrown = rt.spawn<A>(std::ref(go)), good = rt.spawn<A>(std::ref(go));
  auto s1 = x.attach(killed, std::string(key));
  rt.run();
  x.publish(key, {1});
  rt.run();
  EXPECT_EQ(x.counts().delivered, 1u) << "it has come to its handler";
  killed.kill();
  rt.run();
  EXPECT_EQ(x.counts().delivered, 0u);
  EXPECT_EQ(x.counts().lost_for(loss::killed), 1u);
  auto s2 = x.attach(thrown, std::string(key));
  rt.run();
  x.publish(key, {crash_at});
  rt.run();
  s2.detach();
  rt.run();
  auto s3 = x.attach(good, std::string(key));
  rt.run();
  x.publish(key, {2});
  rt.run();
  go.set();
  rt.run();
  EXPECT_EQ(x.counts().failed, 1u);
  EXPECT_EQ(x.counts().delivered, 1u);
  expect_balanced(rt, x);
}

TEST(ExchangeCounts, follow_handlers_that_wait_to_their_end) {
  coroutines_are_counted<sleeper>(troupe::fanout{}, "");
  coroutines_are_counted<sleeper>(troupe::direct{}, "k");
  coroutines_are_counted<sleeper>(troupe::work_queue{}, "");
  coroutines_are_counted<restless_sleeper>(troupe::fanout{}, "");
  coroutines_are_counted<restless_sleeper>(troupe::direct{}, "k");
  coroutines_are_counted<restless_sleeper>(troupe::work_queue{}, "");
}

/// Has a handler only in a state that it is not in.
class moody : public troupe::actor {
  struct awake {
    void on(const note&) {}
  };

public:
  using states = troupe::states<awake>;
};

TEST(ExchangeCounts, know_what_nobody_had_a_handler_for) {
  for (const troupe::exchange_kind& kind : {troupe::exchange_kind::fanout, troupe::exchange_kind::work_queue}) {
    troupe::runtime rt(one_thread());
    troupe::exchange<note> x(rt, "x", kind);
    auto m = rt.spawn<moody>();
    auto s = x.attach(m);
    rt.run();
    x.publish({1});
    rt.run();
    EXPECT_EQ(x.counts().delivered, 0u);
    EXPECT_EQ(x.counts().lost_for(loss::unhandled), 1u);
    expect_balanced(rt, x);
  }
}

TEST(ExchangeCounts, know_what_mailboxes_have_refused_and_dropped) {
  for (const troupe::overflow when_full : {troupe::overflow::fail, troupe::overflow::drop_newest}) {
    troupe::runtime rt(one_thread());
    troupe::exchange<note> x(rt, "x", troupe::direct{});
    auto a = rt.spawn<reader>(
        troupe::actor_options{.mailbox = troupe::mailbox_options{.capacity = 2, .when_full = when_full}});
    auto s = x.attach(a, "k");
    rt.run();
    for (int i = 0; i != 5; ++i) x.publish("k", {i});
    rt.run();
    const auto c = x.counts();
    EXPECT_EQ(c.delivered, 2u);
    EXPECT_EQ(c.refused, when_full == troupe::overflow::fail ? 3u : 0u);
    EXPECT_EQ(c.lost_for(loss::overflow), when_full == troupe::overflow::fail ? 0u : 3u);
    expect_balanced(rt, x);
  }
}

TEST(ExchangeCounts, of_a_queue_know_dead_letters_and_what_is_with_consumers) {
  troupe::runtime rt(one_thread());
  troupe::exchange<note> jobs(rt, "jobs", troupe::queue{.limit = 3, .when_full = troupe::overflow::drop_oldest});
  for (int i = 0; i != 5; ++i) jobs.publish({i});
  auto c = jobs.counts();
  EXPECT_EQ(c.published, 5u);
  EXPECT_EQ(c.routed, 5u);
  EXPECT_EQ(c.dead_letters, 2u);
  EXPECT_EQ(c.lost_for(loss::overflow), 2u);
  EXPECT_EQ(c.waiting(), 3u);
  EXPECT_EQ(c.waiting_bytes, 3 * sizeof(note));
  auto a = rt.spawn<reader>();
  auto s = jobs.attach(a);
  rt.run();
  EXPECT_EQ(s.counts().delivered, 3u);
  EXPECT_EQ(s.counts().lag, 0u);
  expect_balanced(rt, jobs);
}

TEST(ExchangeCounts, of_two_looks_tell_what_has_come_between) {
  troupe::runtime rt(one_thread());
  troupe::exchange<note> x(rt, "x");
  auto a = rt.spawn<reader>();
  auto s = x.attach(a);
  x.publish({1});
  rt.run();
  const auto before = x.counts();
  x.publish({2});
  x.publish({3});
  const auto news = x.counts().since(before);
  EXPECT_EQ(news.published, 2u);
  EXPECT_EQ(news.delivered, 0u);
  EXPECT_EQ(news.subscribers, 1u) << "is of a moment";
}

TEST(Exchanges, are_listed_by_name_with_all_that_there_is_to_see) {
  troupe::runtime rt(one_thread());
  EXPECT_TRUE(troupe::exchanges(rt).empty());
  troupe::exchange<note> low(rt, "low", troupe::fanout{}, {.retention = troupe::retain::last(2)});
  troupe::exchange<note> high(rt, "high", troupe::topic{}, {.alternate = "low"});
  troupe::exchange<std::string> other(rt, "other");
  auto a = rt.spawn<reader>(troupe::actor_options{.name = "anna"});
  auto s1 = high.attach_input(a, "eu.#", {.policy = troupe::subscription_policy::drop_oldest, .limit = 1});
  auto s2 = low.attach(a);
  auto s3 = high.attach(low, "*.acme");
  auto p = high.publisher();
  rt.run();
  for (const char* key : {"eu.acme", "eu.b", "us.b"}) high.publish(key, {1});

  const auto all = troupe::exchanges(rt);
  ASSERT_EQ(all.size(), 3u);
  const auto& h = all[0];
  EXPECT_EQ(h.name, "high");
  EXPECT_EQ(h.kind, troupe::exchange_kind::topic);
  EXPECT_TRUE(tests::contains(h.message, "note"));
  EXPECT_EQ(h.counts.published, 3u);
  EXPECT_EQ(h.counts.unroutable, 1u);
  EXPECT_EQ(h.counts.passed_on, 1u);
  EXPECT_EQ(h.counts.publishers, 1u);
  EXPECT_EQ(h.alternate, "low");
  ASSERT_EQ(h.bindings.size(), 1u);
  EXPECT_EQ(h.bindings[0].target, "low");
  EXPECT_EQ(h.bindings[0].key, "*.acme");
  EXPECT_EQ(h.bindings[0].passed_on, 1u);
  ASSERT_EQ(h.subscriptions.size(), 1u);
  EXPECT_EQ(h.subscriptions[0].who, a);
  EXPECT_EQ(h.subscriptions[0].subscriber, "anna");
  EXPECT_EQ(h.subscriptions[0].key, "eu.#");
  EXPECT_TRUE(h.subscriptions[0].input);
  ASSERT_TRUE(h.subscriptions[0].options);
  EXPECT_EQ(h.subscriptions[0].options->limit, 1u);
  EXPECT_EQ(h.subscriptions[0].counts.lagged, 1u);
  EXPECT_EQ(h.slowest(), &h.subscriptions[0]);

  const auto& l = all[1];
  EXPECT_EQ(l.name, "low");
  EXPECT_EQ(l.counts.published, 2u);
  EXPECT_EQ(l.kept, 2u);
  EXPECT_EQ(l.kept_bytes, 2 * sizeof(note));
  EXPECT_EQ(l.retention, troupe::retain::last(2));
  EXPECT_FALSE(l.subscriptions[0].options);
  EXPECT_EQ(l.subscriptions[0].counts.lag, 2u);
  EXPECT_EQ(l.counts.waiting_bytes, 2 * sizeof(note));
  EXPECT_EQ(all[2].name, "other");
  EXPECT_EQ(all[2].slowest(), nullptr);

  const std::string table = to_table(all, {}, 1s);
  EXPECT_TRUE(tests::contains(table, "exchange"));
  EXPECT_TRUE(tests::contains(table, "anna (1)")) << table;
  EXPECT_TRUE(tests::contains(table, "unroutable 1, lagged 1")) << table;
  const std::string json = to_json(all, all, 1s);
  EXPECT_TRUE(tests::contains(json, R"("exchange":"high","kind":"topic")")) << json;
  EXPECT_TRUE(tests::contains(json, R"("published":3,"published_per_second":0.0)")) << json;
  EXPECT_TRUE(tests::contains(json, R"("lost":{"lagged":1},"subscriptions":[{"subscriber":"anna","key":"eu.#")"))
      << json;
  rt.run();
  troupe::testing::expect_exchanges_at_rest(rt);
}

TEST(Exchanges, can_be_looked_at_when_their_runtime_has_gone) {
  std::optional<troupe::exchange<note>> x;
  {
    troupe::runtime rt(one_thread());
    x.emplace(rt, "x", troupe::direct{});
    auto a = rt.spawn<reader>();
    auto s = x->attach(a, "k");
    rt.run();
    x->publish("k", {1});
    rt.run();
  }
  x->publish("k", {2});
  const auto c = x->info().counts;
  EXPECT_EQ(c.published, 2u);
  EXPECT_EQ(c.unroutable, 1u);
  EXPECT_EQ(c.delivered, 1u);
  EXPECT_EQ(c.subscribers, 0u);
}

}  // namespace exchange_counts
