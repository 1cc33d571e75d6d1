#include <troupe/testing/conserved.hpp>
#include <troupe/testing/faults.hpp>
#include <troupe/testing/traffic.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using testing_tests::contains;
using testing_tests::failure_of;
using troupe::runtime;
using troupe::testing::traffic;

struct order {
  int pieces;
};
struct receipt {};

class depot : public troupe::actor {
public:
  void on(const std::pair<troupe::address<receipt>, order>& o) { o.first.send_later(5ms, {}); }
  void on(const order&) {}
  int on(int n) { return n; }
};

class broker : public troupe::actor {
public:
  explicit broker(troupe::ref<depot> d) : depot_(d) {}
  void on(const order& o) {
    depot_.send(o);
    depot_.send(std::pair(troupe::address<receipt>(self(this)), o));
  }
  void on(const receipt&) {}

private:
  troupe::ref<depot> depot_;
};

TEST(Traffic, records_sender_receiver_type_and_time_in_order) {
  runtime rt({.seed = 1});
  traffic t(rt);
  const auto d = rt.spawn_named<depot>("depot");
  const auto b = rt.spawn_named<broker>("broker", d);
  b.send(order{1});
  rt.run();
  ASSERT_EQ(t.all().size(), 4u);
  EXPECT_FALSE(t.all()[0].sender);
  EXPECT_EQ(t.all()[0].receiver, b);
  EXPECT_TRUE(contains(t.all()[0].type, "order"));
  EXPECT_EQ(t.all()[1].sender, b);
  EXPECT_EQ(t.all()[1].receiver, d);
  EXPECT_FALSE(t.all()[3].sender) << "a timer has sent it";
  EXPECT_GE(t.all()[3].at - t.all()[2].at, 5ms);
  const auto between = t.between(d, b);
  ASSERT_EQ(between.size(), 2u);
  EXPECT_TRUE(contains(testing::PrintToString(between[0]), "broker -> depot: ")) << testing::PrintToString(between[0]);
  EXPECT_EQ(d.ask(4, 1s).get().value(), 4);
  EXPECT_EQ(t.all().size(), 5u) << "a reply is no message";
  t.clear();
  EXPECT_TRUE(t.all().empty());
}

TEST(Traffic, expects_what_passes_one_behind_the_other) {
  runtime rt({.seed = 7});
  traffic t(rt);
  const auto d = rt.spawn_named<depot>("depot");
  const auto b = rt.spawn_named<broker>("broker", d);
  b.send(order{1});
  (void)t.expect<order>({}, b);
  EXPECT_EQ(t.expect<order>(b, d).receiver, d);
  (void)t.expect<receipt>({}, b);
  t.expect_none<order>(b, d);
  const std::string text = failure_of([&] { (void)t.expect<order>(b, d, 1s); });
  EXPECT_TRUE(contains(text, "order from broker to depot within 1 s, but none did")) << text;
  EXPECT_TRUE(contains(text, "\n  broker -> depot: ")) << text;
  EXPECT_TRUE(contains(text, "seed 7:random")) << text;
  b.send(order{2});
  const std::string unwanted = failure_of([&] { t.expect_none<order>(b, d); });
  EXPECT_TRUE(contains(unwanted, "order from broker to depot, which was not to be")) << unwanted;
}

TEST(Traffic, names_the_senders_of_what_is_late_and_leaves_out_what_is_dropped) {
  runtime rt({.seed = 1});
  const auto d = rt.spawn_named<depot>("depot");
  const auto b = rt.spawn_named<broker>("broker", d);
  traffic t(rt);
  troupe::testing::faults f(rt);
  f.delay<order>(d, 20ms, 1);
  f.drop<order>(d, 2);
  b.send(order{1});
  b.send(order{2});
  rt.run();
  std::size_t orders = 0;
  for (const auto& m : t.between(b, d)) {
    if (contains(m.type, "pair")) continue;
    ++orders;
    EXPECT_EQ(m.sender, b);
    EXPECT_GE(m.at, 20ms);
  }
  EXPECT_EQ(orders, 1u);
}

TEST(Traffic, leaves_out_what_a_full_mailbox_refuses) {
  runtime rt({.seed = 1});
  const auto fails = rt.spawn<depot>({.mailbox = {{.capacity = 1, .when_full = troupe::overflow::fail}}});
  const auto blocks = rt.spawn<depot>({.mailbox = {{.capacity = 1}}});
  const auto drops = rt.spawn<depot>({.mailbox = {{.capacity = 1, .when_full = troupe::overflow::drop_newest}}});
  traffic t(rt);
  fails.send(order{1});
  fails.send(order{2});
  EXPECT_EQ(fails.try_send(order{3}), troupe::send_status::full);
  EXPECT_EQ(t.between({}, fails).size(), 1u);
  blocks.send(order{1});
  EXPECT_EQ(blocks.try_send(order{2}), troupe::send_status::full);
  blocks.send(order{3});
  EXPECT_EQ(t.between({}, blocks).size(), 2u) << "goes beyond the limit, where nobody can wait";
  drops.send(order{1});
  EXPECT_EQ(drops.try_send(order{2}), troupe::send_status::dropped);
  EXPECT_EQ(t.between({}, drops).size(), 2u) << "was sent, and lost there";
  drops.close();
  drops.send(order{3});
  EXPECT_EQ(t.between({}, drops).size(), 3u) << "likewise";
  rt.run();
  EXPECT_EQ(t.all().size(), rt.counts().sent);
  EXPECT_EQ(rt.counts().refused, 3u);
}

/// Takes its time.
class slow_depot : public troupe::actor {
public:
  troupe::task<> on(const order&) { co_await troupe::this_task::sleep_for(10ms); }
};

TEST(Traffic, notes_who_waits_for_room_when_there_is_some) {
  runtime rt({.seed = 1});
  const auto d = rt.spawn<slow_depot>({.mailbox = {{.capacity = 1}}});
  traffic t(rt);
  EXPECT_TRUE(d.send_wait(order{1}).get());
  EXPECT_EQ(t.all().size(), 1u);
  (void)rt.wait_idle(1ms);
  EXPECT_TRUE(d.send_wait(order{2}).get());
  const auto late = d.send_wait(order{3}, 5ms).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), troupe::errc::timeout);
  EXPECT_EQ(t.all().size(), 2u) << "whoever gave up has sent nothing";
  EXPECT_TRUE(d.send_wait(order{4}, 1s).get());
  ASSERT_EQ(t.all().size(), 3u);
  EXPECT_GE(t.all().back().at, 10ms);
  rt.run();
  EXPECT_EQ(t.all().size(), 3u);
  EXPECT_EQ(rt.counts().sent, 3u);
}

TEST(Traffic, notes_once_what_comes_late_to_a_mailbox_with_a_limit) {
  runtime rt({.seed = 1});
  const auto d = rt.spawn<slow_depot>({.mailbox = {{.capacity = 1, .when_full = troupe::overflow::fail}}});
  traffic t(rt);
  troupe::testing::faults f(rt);
  f.delay<order>(d, 20ms, 1);
  for (int i = 0; i != 3; ++i) EXPECT_EQ(d.try_send(order{i}), troupe::send_status::queued);
  EXPECT_TRUE(t.all().empty());
  rt.run();
  EXPECT_EQ(t.all().size(), 3u);
  EXPECT_EQ(rt.counts().sent, 3u);
}

TEST(Traffic, sees_what_is_read_from_an_exchange) {
  runtime rt({.seed = 1});
  traffic t(rt);
  const auto d = rt.spawn_named<depot>("depot");
  troupe::exchange<order> ex(rt, "orders");
  const auto sub = ex.attach(d);
  ex.publish({1});
  EXPECT_EQ(t.expect<order>({}, d).receiver, d);
}

TEST(Conserved, ends_the_runtime_and_finds_each_message_accounted_for) {
  EXPECT_EQ(failure_of([] {
              runtime rt({.workers = 2});
              troupe::testing::conserved guard(rt);
              const auto d = rt.spawn<depot>();
              for (int i = 0; i != 100; ++i) d.send(order{i});
              d.close();
              d.send(order{100});
            }),
            "");
}

TEST(Conserved, names_who_has_not_ended) {
  const std::string text = failure_of([] {
    runtime rt({.seed = 1});
    troupe::testing::conserved guard(rt, 0s);
    for (int i = 0; i != 10; ++i) rt.spawn_named<depot>("depot " + std::to_string(i)).send(order{i});
  });
  EXPECT_TRUE(contains(text, "depot 9 did not end") || contains(text, "depot 8 did not end")) << text;
}

struct hold {
  std::shared_ptr<std::latch> begun, until;
};

class holder : public troupe::actor {
public:
  void on(const hold& h) {
    h.begun->count_down();
    h.until->wait();
  }
};

TEST(Conserved, sees_who_was_left_when_the_test_itself_shut_the_runtime_down) {
  const hold h{std::make_shared<std::latch>(1), std::make_shared<std::latch>(1)};
  const std::string text = failure_of([&] {
    runtime rt({.workers = 1});
    troupe::testing::conserved guard(rt);
    rt.spawn_named<holder>("the holder").send(h);
    h.begun->wait();
    EXPECT_FALSE(rt.shutdown(10ms).clean());
  });
  h.until->count_down();
  EXPECT_TRUE(contains(text, "the holder did not end, in ")) << text;
}

}  // namespace
