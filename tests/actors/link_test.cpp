#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::exit_kind;

struct crash {};
struct tie {
  troupe::any_ref to;
};
struct untie {
  troupe::any_ref from;
};
struct resign {};

class partner : public troupe::actor {
public:
  void on(const tie& t) { link(t.to); }
  void on(const untie& u) { unlink(u.from); }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(resign) { exit("enough", 4); }
  void on(int) {}
};

class trapper : public troupe::actor {
public:
  void on(const tie& t) { link(t.to); }
  void on(const untie& u) { unlink(u.from); }
  void on(const troupe::exit_signal& s) { heard_.push_back(to_string(s.reason)); }
  std::vector<std::string> on(std::monostate) const { return heard_; }

private:
  std::vector<std::string> heard_;
};

troupe::exit_kind end_of(const troupe::any_ref& a) { return a.join(60s).value().kind; }

TEST(Link, when_one_crashes_the_other_ends_with_the_same_reason_in_either_direction) {
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != 300; ++round) {
    auto a = rt.spawn<partner>();
    auto b = rt.spawn<partner>();
    a.send(tie{b});
    ASSERT_TRUE(rt.wait_idle(60s));
    auto& first = round % 2 == 0 ? a : b;
    auto& other = round % 2 == 0 ? b : a;
    first.send(crash{});
    const auto reason = other.join(60s);
    ASSERT_TRUE(reason);
    ASSERT_EQ(*reason, (troupe::exit_reason{exit_kind::crashed, "torn"}));
    ASSERT_TRUE(reason->exception);
  }
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(Link, a_kill_and_an_exit_travel_and_a_close_does_not) {
  troupe::runtime rt({.workers = 2});
  const auto tied = [&] {
    auto a = rt.spawn<partner>();
    auto b = rt.spawn<partner>();
    a.send(tie{b});
    a.send(tie{b});
    EXPECT_TRUE(rt.wait_idle(60s));
    return std::pair(a, b);
  };
  auto [a, b] = tied();
  a.kill();
  EXPECT_EQ(end_of(b), exit_kind::killed);
  auto [c, d] = tied();
  d.send(resign{});
  EXPECT_EQ(c.join(60s)->code, 4);
  auto [e, f] = tied();
  e.close();
  EXPECT_EQ(end_of(e), exit_kind::normal);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(f.alive());
}

TEST(Link, one_that_has_a_handler_for_it_gets_a_message_and_lives) {
  troupe::runtime rt({.workers = 2});
  auto t = rt.spawn<trapper>();
  auto a = rt.spawn<partner>();
  auto b = rt.spawn<partner>();
  t.send(tie{a});
  b.send(tie{t});
  ASSERT_TRUE(rt.wait_idle(60s));
  a.send(crash{});
  ASSERT_TRUE(rt.wait_idle(60s));
  b.close();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(*t.ask(std::monostate(), 60s).get(), (std::vector<std::string>{"crashed: torn", "normal"}));
}

TEST(Link, to_one_that_has_ended_the_signal_comes_at_once) {
  troupe::runtime rt({.workers = 2});
  auto dead = rt.spawn<partner>();
  dead.send(crash{});
  ASSERT_TRUE(dead.join(60s));
  auto a = rt.spawn<partner>();
  a.send(tie{dead});
  EXPECT_EQ(end_of(a), exit_kind::crashed);
  auto closed = rt.spawn<partner>();
  closed.close();
  ASSERT_TRUE(closed.join(60s));
  auto b = rt.spawn<partner>();
  b.send(tie{closed});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(b.alive());
}

TEST(Link, what_is_untied_does_not_hear_also_when_the_message_is_in_the_inbox) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto t = rt.spawn<trapper>();
  auto a = rt.spawn<partner>();
  t.send(tie{a});
  rt.run();
  t.send(untie{a});
  a.send(crash{});
  rt.run();
  auto b = rt.spawn<partner>();
  b.kill();
  rt.run();
  t.send(tie{b});
  t.send(untie{b});
  rt.run();
  EXPECT_EQ(*t.ask(std::monostate()).get(), std::vector<std::string>{});
}

TEST(Link, on_every_schedule_both_end_when_both_crash_or_one_is_killed_or_closed_at_the_same_time) {
  troupe::testing::explore(800, [](troupe::runtime& rt) {
    auto a = rt.spawn<partner>();
    auto b = rt.spawn<partner>();
    auto c = rt.spawn<partner>();
    a.send(tie{b});
    c.send(tie{b});
    rt.spawn(
        [](troupe::ref<partner> who) -> troupe::task<> {
          who.send(crash{});
          co_return;
        },
        a);
    rt.spawn(
        [](troupe::ref<partner> who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        b);
    rt.spawn(
        [](troupe::ref<partner> who) -> troupe::task<> {
          who.close();
          co_return;
        },
        c);
    rt.run();
    EXPECT_FALSE(a.alive());
    EXPECT_FALSE(b.alive());
    EXPECT_FALSE(c.alive());
  });
}

TEST(Link, on_every_schedule_one_that_is_untied_in_time_lives) {
  troupe::testing::explore(400, [](troupe::runtime& rt) {
    auto a = rt.spawn<partner>();
    auto b = rt.spawn<partner>();
    a.send(tie{b});
    a.send(untie{b});
    rt.spawn(
        [](troupe::ref<partner> who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        b);
    rt.run();
    const auto reason = a.alive() ? std::string() : to_string(a.join().value());
    EXPECT_TRUE(reason.empty() || reason == "killed") << reason;
    auto c = rt.spawn<partner>();
    auto d = rt.spawn<partner>();
    c.send(tie{d});
    c.send(untie{d});
    rt.run();
    d.kill();
    rt.run();
    EXPECT_TRUE(c.alive());
  });
}

}  // namespace
