#include <troupe/testing/explore.hpp>
#include <troupe/testing/probe.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using testing_tests::contains;
using testing_tests::failure_of;
using troupe::runtime;
using troupe::testing::probe;

struct tick {
  double price;
  friend bool operator==(const tick&, const tick&) = default;
  friend std::ostream& operator<<(std::ostream& out, const tick& t) { return out << t.price << " EUR"; }
};
struct trouble {
  friend bool operator==(const trouble&, const trouble&) = default;
};
struct get_mean {};
struct parcel {
  std::unique_ptr<int> content;
};

/// Passes on what it gets.
class relay : public troupe::actor {
public:
  explicit relay(troupe::address<tick> to) : to_(std::move(to)) {}
  void on(const tick& t) { to_.send(t); }

private:
  troupe::address<tick> to_;
};

/// The same, and crashes at trouble.
class passer : public troupe::actor {
public:
  explicit passer(troupe::address<tick, trouble> to) : to_(std::move(to)) {}
  void on(const tick& t) { to_.send(t); }
  void on(const trouble& t) {
    to_.send(t);
    throw std::runtime_error("no more");
  }

private:
  troupe::address<tick, trouble> to_;
};

TEST(Probe, gives_what_came_in_order_and_says_who_sent_it) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  const auto r = rt.spawn<relay>(p);
  r.send(tick{1});
  EXPECT_EQ(p.expect<tick>().price, 1);
  EXPECT_EQ(p.sender(), r);
  p.send(tick{2});
  EXPECT_EQ(p.expect<tick>().price, 2);
  EXPECT_FALSE(p.sender()) << "the test is no actor";
}

TEST(Probe, tells_what_came_in_place_of_what_was_expected_and_the_seed) {
  runtime rt({.seed = 7});
  probe<tick, trouble> p(rt, "p");
  const auto r = rt.spawn_named<relay>("Ada", p);
  r.send(tick{1.5});
  const std::string text = failure_of([&] {
    (void)p.expect<trouble>();
    ADD_FAILURE() << "goes on";
  });
  EXPECT_TRUE(contains(text, "probe p: expected ")) << text;
  EXPECT_TRUE(contains(text, "trouble, but ")) << text;
  EXPECT_TRUE(contains(text, "tick 1.5 EUR from Ada came")) << text;
  EXPECT_TRUE(contains(text, "seed 7:random")) << text;
  EXPECT_FALSE(contains(text, "goes on")) << text;
}

TEST(Probe, tells_what_it_has_waited_for_in_vain) {
  runtime rt({.seed = 7});
  probe<tick> p(rt, "p");
  const std::string text = failure_of([&] { (void)p.expect<tick>(20ms); });
  EXPECT_TRUE(contains(text, "probe p: waited for ")) << text;
  EXPECT_TRUE(contains(text, "tick for 20 ms, but nothing came in time")) << text;
  EXPECT_TRUE(contains(text, "seed 7:random")) << text;
}

TEST(Probe, waits_in_virtual_time) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  const std::int64_t begun = rt.scheduler().now();
  auto late = troupe::address<tick>(p).send_later(1h, tick{1});
  p.expect_no_message(59min);
  EXPECT_EQ(p.expect<tick>(2min).price, 1);
  EXPECT_GE(rt.scheduler().now() - begun, std::chrono::nanoseconds(1h).count());
  auto later = troupe::address<tick>(p).send_later(1h, tick{1});
  EXPECT_NE(failure_of([&] { (void)p.expect<tick>(59min); }), "");
}

TEST(Probe, answers_questions_and_keeps_them) {
  runtime rt({.seed = 1});
  probe<tick, double(get_mean)> p(rt);
  p.answer<get_mean>([](const get_mean&) { return 1.5; });
  const troupe::address<double(get_mean)> a = p;
  EXPECT_EQ(a.ask({}, 1s).get().value(), 1.5);
  const troupe::address<tick, double(get_mean)> both = p;
  EXPECT_EQ(both.ask(get_mean{}, 1s).get().value(), 1.5);
  (void)p.expect<get_mean>();
  (void)p.expect<get_mean>();
  p.expect_no_message();
  EXPECT_TRUE(contains(failure_of([&] { p.reply<get_mean>(1.0); }), "none was expected that has no answer"));
}

TEST(Probe, lets_the_test_answer_the_oldest_question_first) {
  runtime rt({.seed = 1});
  probe<double(get_mean)> p(rt);
  const troupe::address<double(get_mean)> a = p;
  auto first = a.ask({}, 10s);
  auto second = a.ask({}, 10s);
  (void)p.expect<get_mean>();
  (void)p.expect<get_mean>();
  p.reply<get_mean>(1.0);
  p.reply<get_mean>(troupe::error(troupe::errc::closed));
  EXPECT_EQ(first.get().value(), 1.0);
  EXPECT_EQ(second.get().error(), troupe::errc::closed);
}

TEST(Probe, leaves_nobody_waiting_for_an_answer_when_it_goes) {
  runtime rt({.seed = 1});
  auto p = std::make_unique<probe<void(get_mean)>>(rt);
  const troupe::address<void(get_mean)> a = *p;
  auto expected = a.ask({}, troupe::forever);
  (void)p->expect<get_mean>();
  auto kept = a.ask({}, troupe::forever);
  rt.run();
  auto queued = a.ask({}, troupe::forever);
  p.reset();
  EXPECT_EQ(expected.get().error(), troupe::errc::cancelled);
  EXPECT_EQ(kept.get().error(), troupe::errc::cancelled);
  EXPECT_EQ(queued.get().error(), troupe::errc::cancelled);
}

TEST(Probe, asks_nobody_for_an_answer_once_it_has_gone) {
  runtime rt({.seed = 1});
  auto p = std::make_unique<probe<double(get_mean)>>(rt);
  const troupe::address<double(get_mean)> a = *p;
  auto asked = std::make_shared<int>(0);
  p->answer<get_mean>([asked](const get_mean&) { return ++*asked; });
  EXPECT_EQ(a.ask({}, 1s).get().value(), 1);
  auto queued = a.ask({}, troupe::forever);
  p.reset();
  EXPECT_EQ(asked.use_count(), 1) << "what the function holds goes with the probe";
  const auto answer = queued.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), troupe::errc::cancelled);
  const auto later = a.ask({}, troupe::forever).get();
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error(), troupe::errc::cancelled);
  EXPECT_EQ(*asked, 1);
}

TEST(Probe, expects_messages_that_fit_and_of_a_certain_sender) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  const auto one = rt.spawn_named<relay>("one", p);
  const auto other = rt.spawn_named<relay>("other", p);
  one.send(tick{1});
  EXPECT_EQ(p.expect_that<tick>([](const tick& t) { return t.price < 2; }).price, 1);
  one.send(tick{2});
  EXPECT_NE(failure_of([&] { (void)p.expect_that<tick>([](const tick& t) { return t.price < 2; }); }), "");
  const std::string text = failure_of([&] { (void)p.expect_from<tick>(other); });
  EXPECT_TRUE(contains(text, "tick from other, but")) << text;
  EXPECT_EQ(p.expect_from<tick>(one).price, 2) << "what was not expected stays";
}

TEST(Probe, expects_several_in_any_order) {
  runtime rt({.seed = 1});
  probe<tick, trouble, int> p(rt);
  p.send(trouble{});
  p.send(tick{3});
  const auto [t, what] = p.expect_all<tick, trouble>();
  EXPECT_EQ(t.price, 3);
  EXPECT_EQ(what, trouble{});
  p.send(tick{2}), p.send(4), p.send(tick{1});
  p.expect_all(tick{1}, tick{2}, 4);
  p.send(tick{1}), p.send(tick{1});
  const std::string text = failure_of([&] { p.expect_all(tick{1}, tick{2}); });
  EXPECT_TRUE(contains(text, "expected each of")) << text;
  EXPECT_TRUE(contains(text, "tick 2 EUR, but")) << text;
}

TEST(Probe, expects_nothing_or_all_for_as_long_as_they_fit) {
  runtime rt({.seed = 1});
  probe<tick, trouble> p(rt);
  p.expect_no_message();
  for (double d : {1., 2., 3., 9., 4.}) p.send(tick{d});
  EXPECT_EQ(p.receive_while<tick>([](const tick& t) { return t.price < 5; }).size(), 3u);
  EXPECT_TRUE(contains(failure_of([&] { p.expect_no_message(); }), "tick 9 EUR from no actor came"));
  EXPECT_EQ(p.expect<tick>().price, 9);
  p.send(trouble{});
  EXPECT_EQ(p.receive_while<tick>([](const tick&) { return true; }).size(), 1u);
  (void)p.expect<trouble>();
}

TEST(Probe, hears_of_the_end_of_others) {
  runtime rt({.seed = 1});
  probe<tick, trouble, troupe::down> p(rt);
  const auto a = rt.spawn_named<passer>("Ada", p);
  p.monitor(a);
  EXPECT_TRUE(contains(failure_of([&] { (void)p.expect_down(a, 1s); }), "expected the end of Ada within 1 s"));
  a.send(trouble{});
  const troupe::exit_reason reason = p.expect_down(a);
  EXPECT_EQ(reason.kind, troupe::exit_kind::crashed);
  EXPECT_EQ(reason.text, "no more");
  (void)p.expect_from<trouble>(a);
  EXPECT_EQ(p.expect<troupe::down>().who, a) << "comes behind what it had sent";
  const auto closed = rt.spawn<relay>(p);
  closed.close();
  EXPECT_EQ(p.expect_down(closed).kind, troupe::exit_kind::normal);
}

TEST(Probe, takes_messages_that_cannot_be_copied) {
  runtime rt({.seed = 1});
  probe<parcel> p(rt);
  p.send(parcel{std::make_unique<int>(4)});
  EXPECT_EQ(*p.expect<parcel>().content, 4);
}

TEST(Probe, subscribes_to_exchanges) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  troupe::exchange<tick> log(rt, "log");
  troupe::exchange<tick> routed(rt, "routed", troupe::direct{});
  auto one = log.attach(p);
  auto other = routed.attach(p, "ACME");
  log.publish({1});
  EXPECT_EQ(p.expect<tick>().price, 1);
  routed.publish("ACME", {2});
  EXPECT_EQ(p.expect<tick>().price, 2);
}

TEST(Probe, wants_a_runtime_with_a_seed) {
  runtime rt({.workers = 1});
  EXPECT_THROW(probe<tick> p(rt, "p"), troupe::troupe_error);
  EXPECT_EQ(rt.counts().spawned, 0u) << "no actor is left behind that has the name";
}

TEST(Probe, does_not_wait_for_itself_in_a_handler) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  troupe::errc code{};
  const auto a = rt.spawn(troupe::handlers{[&](trouble) {
    try {
      (void)p.expect<tick>();
    } catch (const troupe::troupe_error& e) {
      code = e.code();
    }
  }});
  a.send(trouble{});
  rt.run();
  EXPECT_EQ(code, troupe::errc::would_deadlock);
}

TEST(Probe, finds_an_order_that_nobody_promised_under_explore) {
  troupe::testing::explore_report found;
  const std::string text = failure_of([&] {
    found = troupe::testing::explore(1'000, [](runtime& rt) {
      probe<tick> p(rt);
      const auto one = rt.spawn<relay>(p);
      const auto other = rt.spawn<relay>(p);
      one.send(tick{1});
      other.send(tick{2});
      EXPECT_EQ(p.expect<tick>().price, 1);
      (void)p.expect_from<tick>(other);
    });
  });
  ASSERT_FALSE(found.passed());
  EXPECT_TRUE(contains(text, "to replay it:\n  TROUPE_SEED=")) << text;
  EXPECT_FALSE(contains(text, "an exception")) << text;
}

TEST(Probe, passes_on_every_schedule_what_is_promised) {
  const auto report = troupe::testing::explore(300, [](runtime& rt) {
    probe<tick, trouble> p(rt);
    const auto one = rt.spawn<passer>(p);
    const auto other = rt.spawn<passer>(p);
    one.send(tick{1}), one.send(tick{2});
    other.send(tick{3}), other.send(trouble{});
    const auto [a, b, c, t] = p.expect_all<tick, tick, tick, trouble>();
    std::vector<double> of_one;
    for (double price : {a.price, b.price, c.price})
      if (price < 3) of_one.push_back(price);
    EXPECT_EQ(of_one, (std::vector<double>{1, 2}));
    EXPECT_EQ(p.expect_down(other).kind, troupe::exit_kind::crashed);
    p.expect_no_message();
  });
  EXPECT_EQ(report.runs, 300u);
}

}  // namespace
