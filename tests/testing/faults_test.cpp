// Faults do what the contracts allow, and nothing else.

#include <troupe/testing/explore.hpp>
#include <troupe/testing/faults.hpp>
#include <troupe/testing/probe.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../contracts/support.hpp"
#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using testing_tests::contains;
using testing_tests::failure_of;
using troupe::errc;
using troupe::loss;
using troupe::runtime;
using troupe::testing::each_one;
using troupe::testing::faults;
using troupe::testing::probe;
using troupe::testing::with_probability;

struct tick {
  int number;
};
struct other_tick {
  int number;
};
struct question {};
struct go {
  int messages;
};

/// Sends numbered ticks when told so.
class sender : public troupe::actor {
public:
  explicit sender(troupe::address<tick> to, int first = 0) : to_(std::move(to)), next_(first) {}
  void on(const go& g) {
    for (int i = 0; i != g.messages; ++i) to_.send(tick{next_++});
  }

private:
  troupe::address<tick> to_;
  int next_;
};

/// Writes down what it handles.
class writer : public troupe::actor {
public:
  explicit writer(std::vector<int>& to) : to_(to) {}
  void on(const tick& t) { to_.push_back(t.number); }
  void on(const other_tick& t) { to_.push_back(-t.number); }
  int on(const question&) {
    to_.push_back(0);
    return static_cast<int>(to_.size());
  }

private:
  std::vector<int>& to_;
};

void expect_conserved(runtime& rt) {
  rt.run();
  const troupe::message_counts c = rt.counts();
  EXPECT_EQ(c.queued(), 0u) << "sent " << c.sent << ", handled " << c.handled << ", failed " << c.failed << ", dropped "
                            << c.dropped << ", dead letters " << c.dead_letters;
}

using numbers = std::vector<int>;

// --- dropped --------------------------------------------------------------------------------------------------------

TEST(Faults, drop_the_message_of_that_number_and_count_it) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn_named<writer>("w", got);
  probe<troupe::dead_letter> coroner(rt);
  const auto watch = rt.watch_dead_letters(coroner);
  faults f(rt);
  f.drop<tick>(w, 2);
  for (int i = 1; i != 4; ++i) w.send(tick{i});
  w.send(other_tick{4});
  const auto lost = coroner.expect<troupe::dead_letter>();
  EXPECT_EQ(lost.reason, loss::fault);
  EXPECT_EQ(lost.receiver, w);
  expect_conserved(rt);
  EXPECT_EQ(got, (numbers{1, 3, -4}));
  EXPECT_EQ(rt.counts().dropped, 1u);
  EXPECT_EQ(f.met(), 1u);
}

TEST(Faults, a_question_that_is_dropped_has_an_error) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn_named<writer>("w", got);
  faults f(rt);
  f.drop<question>(w);
  const auto answer = w.ask(question{}, 1s).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), errc::cancelled);
  EXPECT_TRUE(contains(answer.error().message(), "a fault of the test dropped the message")) << answer.error();
  EXPECT_EQ(w.ask(question{}, 1s).get().value(), 1);
  expect_conserved(rt);
}

TEST(Faults, whoever_sends_is_not_told) {
  runtime rt({.seed = 1});
  numbers got;
  for (const bool bounded : {false, true}) {
    troupe::actor_options options;
    if (bounded) options.mailbox = troupe::mailbox_options{.capacity = 1, .when_full = troupe::overflow::fail};
    const auto w = rt.spawn<writer>(options, got);
    faults f(rt);
    f.drop<tick>(w, 1);
    EXPECT_EQ(w.try_send(tick{1}), troupe::send_status::queued);
    EXPECT_EQ(w.try_send(tick{2}), troupe::send_status::queued);
    rt.run();
  }
  EXPECT_EQ(got, (numbers{2, 2}));
  expect_conserved(rt);
}

TEST(Faults, drop_what_comes_through_an_exchange) {
  runtime rt({.seed = 1});
  probe<tick> p(rt);
  troupe::exchange<tick> ex(rt, "routed", troupe::direct{});
  const auto sub = ex.attach(p, "key");
  faults f(rt);
  f.drop<tick>(p, 1);
  ex.publish("key", {1});
  ex.publish("key", {2});
  EXPECT_EQ(p.expect<tick>().number, 2);
  expect_conserved(rt);
}

// --- late -----------------------------------------------------------------------------------------------------------

TEST(Faults, what_the_same_sender_sends_and_asks_stays_behind_a_message_that_is_late) {
  for (const bool bounded : {false, true}) {
    runtime rt({.seed = 1});
    numbers got;
    troupe::actor_options options;
    if (bounded) options.mailbox = troupe::mailbox_options{.capacity = 10};
    const auto w = rt.spawn<writer>(options, got);
    const auto s = rt.spawn<sender>(w, 10);
    faults f(rt);
    f.delay<tick>(w, 20ms, 2);
    const std::int64_t begun = rt.scheduler().now();
    for (int i = 1; i != 4; ++i) w.send(tick{i});
    auto waits = w.send_wait(other_tick{4}).get();
    EXPECT_TRUE(waits);
    auto answer = w.ask(question{}, 1s);
    s.send(go{2});
    EXPECT_EQ(answer.get().value(), 7);
    EXPECT_GE(rt.scheduler().now() - begun, std::chrono::nanoseconds(20ms).count());
    EXPECT_EQ(got, (numbers{1, 10, 11, 2, 3, -4, 0})) << "another sender is not held up";
    expect_conserved(rt);
  }
}

TEST(Faults, what_was_sent_before_a_close_is_handled_however_late) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.delay<tick>(w, 20ms, 2);
  for (int i = 1; i != 4; ++i) w.send(tick{i});
  w.close();
  rt.run();
  EXPECT_FALSE(w.alive());
  EXPECT_EQ(got, (numbers{1, 2, 3}));
  EXPECT_EQ(rt.counts().dead_letters, 0u);
  expect_conserved(rt);
}

TEST(Faults, who_waits_for_room_overtakes_nothing_where_the_close_is_late_too) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>({.mailbox = troupe::mailbox_options{.capacity = 10}}, got);
  faults f(rt);
  f.delay<tick>(w, 20ms);
  w.send(tick{1});
  w.close();
  EXPECT_EQ(w.send_wait(tick{2}).get().error(), errc::closed);
  expect_conserved(rt);
  EXPECT_EQ(got, numbers{1});
}

TEST(Faults, a_kill_overtakes_what_is_late_and_that_is_counted) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.delay<tick>(w, 20ms);
  w.send(tick{1});
  auto answer = w.ask(question{}, 1s);
  w.kill();
  EXPECT_TRUE(w.join(10ms));
  EXPECT_EQ(answer.get().error(), errc::closed);
  expect_conserved(rt);
  EXPECT_EQ(got, numbers{});
  EXPECT_EQ(rt.counts().dead_letters, 2u);
}

TEST(Faults, the_news_of_an_end_stays_behind_what_was_sent_before) {
  runtime rt({.seed = 1});
  probe<tick, troupe::down> p(rt);
  const auto s = rt.spawn<sender>(p, 1);
  p.monitor(s);
  faults f(rt);
  f.delay<tick>(p, 20ms);
  s.send(go{1});
  s.close();
  EXPECT_EQ(p.expect_from<tick>(s).number, 1);
  EXPECT_EQ(p.expect<troupe::down>().who, s);
}

TEST(Faults, let_go_of_what_is_late_when_they_end) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  {
    faults f(rt);
    f.delay<tick>(w, 1h, each_one());
    w.send(tick{1}), w.send(tick{2});
    EXPECT_FALSE(rt.wait_idle(1min));
    EXPECT_EQ(got, numbers{});
  }
  (void)rt.wait_idle(1min);
  EXPECT_EQ(got, (numbers{1, 2}));
}

// --- twice ----------------------------------------------------------------------------------------------------------

TEST(Faults, what_comes_twice_counts_as_one_more_sent) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.duplicate<tick>(w, 2);
  f.duplicate<question>(w);
  for (int i = 1; i != 4; ++i) w.send(tick{i});
  EXPECT_EQ(w.ask(question{}, 1s).get().value(), 6) << "the answer to the original";
  expect_conserved(rt);
  EXPECT_EQ(got, (numbers{1, 2, 2, 3, 0, 0}));
  EXPECT_EQ(rt.counts().sent, 6u);
}

TEST(Faults, the_copy_stays_behind_what_is_late) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.delay<tick>(w, 1ms, 1);
  f.duplicate<tick>(w, 2);
  w.send(tick{1}), w.send(tick{2});
  expect_conserved(rt);
  EXPECT_EQ(got, (numbers{1, 2, 2}));
}

TEST(Faults, do_not_double_what_comes_through_an_exchange) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  troupe::exchange<tick> ex(rt, "routed", troupe::direct{});
  auto sub = ex.attach(w, "key");
  faults f(rt);
  f.duplicate<tick>(w, 1);
  ex.publish("key", {1});
  sub.detach();
  rt.run();
  EXPECT_EQ(got, numbers{}) << "no delivery starts behind a detach";
  w.send(tick{2});
  expect_conserved(rt);
  EXPECT_EQ(got, (numbers{2, 2}));
}

/// Cannot be copied after all.
struct heirloom {
  heirloom() = default;
  heirloom(heirloom&&) = default;
  heirloom(const heirloom&) { throw std::runtime_error("there is only one"); }
  heirloom& operator=(heirloom&&) = default;
};

class heir : public troupe::actor {
public:
  explicit heir(numbers& to) : to_(to) {}
  void on(const heirloom&) { to_.push_back(1); }
  void on(const tick& t) { to_.push_back(t.number); }

private:
  numbers& to_;
};

TEST(Faults, a_copy_that_throws_fails_the_test_and_the_message_arrives) {
  runtime rt({.seed = 1});
  numbers got;
  const auto h = rt.spawn_named<heir>("h", got);
  const std::string text = failure_of([&] {
    faults f(rt);
    f.duplicate<heirloom>(h);
    f.duplicate<tick>(h);
    h.send(heirloom());
    h.send(tick{2});
    expect_conserved(rt);
  });
  EXPECT_TRUE(contains(text, "this fault could not be: duplicate ")) << text;
  EXPECT_TRUE(contains(text, "heirloom number 1 for h: the copy threw: there is only one")) << text;
  EXPECT_EQ(got, (numbers{1, 2, 2}));
}

// --- in another order -----------------------------------------------------------------------------------------------

TEST(Faults, senders_overtake_each_other_and_none_itself) {
  std::set<numbers> orders;
  for (std::uint64_t seed = 1; seed != 51; ++seed) {
    runtime rt({.seed = seed});
    numbers got;
    const auto w = rt.spawn<writer>(got);
    faults f(rt);
    f.reorder(w, 10ms);
    for (const int first : {0, 100, 200}) rt.spawn<sender>(w, first).send(go{4});
    expect_conserved(rt);
    EXPECT_EQ(f.met(), 12u);
    std::map<int, numbers> of_each;
    for (const int n : got) of_each[n / 100].push_back(n % 100);
    for (const auto& [first, its] : of_each) EXPECT_EQ(its, (numbers{0, 1, 2, 3})) << "seed " << seed;
    EXPECT_EQ(of_each.size(), 3u);
    orders.insert(got);
  }
  EXPECT_GT(orders.size(), 25u);
}

// --- crashes --------------------------------------------------------------------------------------------------------

TEST(Faults, an_actor_crashes_at_the_message_of_that_number) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.crash(w, 3);
  for (int i = 1; i != 5; ++i) w.send(tick{i});
  const troupe::exit_reason reason = w.join(1s).value();
  EXPECT_EQ(reason.kind, troupe::exit_kind::crashed);
  EXPECT_THROW(std::rethrow_exception(reason.exception), troupe::testing::injected_crash);
  expect_conserved(rt);
  EXPECT_EQ(got, (numbers{1, 2}));
  EXPECT_EQ(rt.counts().failed, 1u);
}

TEST(Faults, a_question_at_which_it_crashes_is_answered_with_that) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  f.crash<question>(w);
  w.send(tick{1});
  EXPECT_EQ(w.ask(question{}, 1s).get().error(), errc::crashed);
  EXPECT_EQ(got, numbers{1});
  expect_conserved(rt);
}

TEST(Faults, a_supervised_actor_is_made_anew_and_may_have_the_message_again) {
  for (const unsigned poison_after : {1u, 2u}) {
    runtime rt({.seed = 1});
    numbers got;
    auto sup = rt.supervise({.max_restarts = 10, .backoff = {1ms, 1ms, 0}});
    const auto w = sup.spawn<writer>({.poison_after = poison_after}, std::ref(got));
    faults f(rt);
    f.crash<tick>(w, 2);
    for (int i = 1; i != 4; ++i) w.send(tick{i});
    expect_conserved(rt);
    EXPECT_EQ(got, poison_after == 1 ? (numbers{1, 3}) : (numbers{1, 2, 3}));
  }
}

TEST(Faults, a_loop_crashes_at_a_message_too) {
  runtime rt({.seed = 1});
  numbers got;
  const auto loop = rt.spawn_loop(
      [](troupe::mailbox<tick> box, numbers& to) -> troupe::task<> {
        while (auto t = co_await box.receive()) to.push_back(t->number);
      },
      std::ref(got));
  faults f(rt);
  f.crash(loop, 2);
  for (int i = 1; i != 4; ++i) loop.send(tick{i});
  EXPECT_EQ(loop.join(1s).value().kind, troupe::exit_kind::crashed);
  expect_conserved(rt);
  EXPECT_EQ(got, numbers{1});
}

// --- at random ------------------------------------------------------------------------------------------------------

struct outcome {
  std::uint64_t trace;
  numbers got;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome at_random(std::uint64_t seed) {
  runtime rt({.seed = seed});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  {
    faults f(rt);
    f.drop<tick>(w, with_probability(0.2));
    f.duplicate<tick>(w, with_probability(0.2));
    f.delay<tick>(w, 1ms, with_probability(0.2));
    for (const int first : {0, 100}) rt.spawn<sender>(w, first).send(go{20});
    expect_conserved(rt);
  }
  return {rt.trace(), got};
}

TEST(Faults, at_random_are_the_same_with_the_same_seed) {
  std::set<numbers> different;
  for (std::uint64_t seed = 1; seed != 11; ++seed) {
    const outcome once = at_random(seed);
    EXPECT_EQ(at_random(seed), once) << seed;
    different.insert(once.got);
  }
  EXPECT_EQ(different.size(), 10u);
}

/// Hands on what it gets, so that all kinds of messages meet faults.
class relay : public troupe::actor {
public:
  relay(troupe::ref<writer> to, troupe::exchange<other_tick> ex) : to_(to), ex_(std::move(ex)) {}
  void on(const tick& t) {
    to_.send(t);
    ex_.publish("key", {t.number});
    to_.ask(question{}, 1s).then(this, [this](troupe::result<int> r) { answered_ += r ? 1 : 0; });
  }

private:
  troupe::ref<writer> to_;
  troupe::exchange<other_tick> ex_;
  int answered_ = 0;
};

TEST(Faults, of_all_kinds_together_lose_nothing_without_a_count_on_any_schedule) {
  const contracts::captured_log quiet;  // of the crashes
  std::uint64_t met = 0;
  const auto report = troupe::testing::explore(500, [&](runtime& rt) {
    numbers got;
    troupe::exchange<other_tick> ex(rt, "routed", troupe::direct{});
    auto sup = rt.supervise({.max_restarts = 1'000, .backoff = {1ms, 1ms, 0}});
    const auto w = sup.spawn<writer>({}, std::ref(got));
    const auto small =
        sup.spawn<writer>({.mailbox = {{.capacity = 3, .when_full = troupe::overflow::drop_oldest}}}, std::ref(got));
    const auto sub = ex.attach(w, "key");
    faults f(rt);
    for (const auto& to : {w, small}) {
      f.drop<tick>(to, with_probability(0.1));
      f.drop<question>(to, with_probability(0.1));
      f.delay<question>(to, 3ms, with_probability(0.2));
      f.duplicate<tick>(to, with_probability(0.1));
      f.reorder(to, 2ms, with_probability(0.5));
      f.crash(to, with_probability(0.1));
    }
    for (int i = 0; i != 4; ++i) {
      const auto r = rt.spawn<relay>(i % 2 == 0 ? w : small, ex);
      for (int n = 0; n != 5; ++n) r.send(tick{n});
      if (i == 3) r.close();
    }
    ex.publish("key", {100});
    expect_conserved(rt);
    met += f.met();
  });
  EXPECT_EQ(report.runs, 500u);
  EXPECT_GT(met, 5'000u);
}

// --- what is refused ------------------------------------------------------------------------------------------------

TEST(Faults, a_fault_that_was_never_met_fails_the_test) {
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn_named<writer>("w", got);
  const std::string text = failure_of([&] {
    faults f(rt);
    f.drop<tick>(w, 3);
    w.send(tick{1});
    rt.run();
  });
  EXPECT_TRUE(contains(text, "this fault was never met: drop ")) << text;
  EXPECT_TRUE(contains(text, "tick number 3 for w; there were 1")) << text;
  EXPECT_EQ(failure_of([&] {
              faults f(rt);
              f.drop<tick>(w, 3);
              f.crash(w, each_one());
              f.clear();
              w.send(tick{2});
              rt.run();
            }),
            "");
  EXPECT_EQ(got, (numbers{1, 2}));
}

TEST(Faults, say_what_is_wrong_with_them) {
  runtime pool({.workers = 1});
  EXPECT_THROW(faults f(pool), troupe::troupe_error);
  runtime rt({.seed = 1});
  numbers got;
  const auto w = rt.spawn<writer>(got);
  faults f(rt);
  EXPECT_THROW(faults second(rt), troupe::troupe_error);
  EXPECT_THROW(f.drop<tick>(w, 0), troupe::troupe_error);
  EXPECT_THROW(f.drop<tick>(troupe::any_ref()), troupe::troupe_error);
  EXPECT_THROW(f.delay<tick>(w, -1ms), troupe::troupe_error);
  EXPECT_THROW(with_probability(1.1), troupe::troupe_error);
  f.clear();
}

}  // namespace
