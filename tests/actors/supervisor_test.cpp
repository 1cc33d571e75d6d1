#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "journal.hpp"

namespace {

using namespace journals;
using namespace std::chrono_literals;
using troupe::exit_kind;
using troupe::restart_strategy;
using troupe::restart_type;

struct crash {};
struct leave {};
struct count {};

class worker : public troupe::actor {
public:
  worker(journal& out, std::string tag) : out_(out), tag_(std::move(tag)) { out_.write("+" + tag_); }
  ~worker() { out_.write("-" + tag_); }
  void on(int n) { sum_ += n; }
  int on(count) const { return sum_; }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(leave) { exit("enough"); }
  troupe::task<> on(std::chrono::nanoseconds d) { co_await troupe::this_task::sleep_for(d); }

private:
  journal& out_;
  std::string tag_;
  int sum_ = 0;
};

constexpr troupe::restart_backoff at_once{0ns, 0ns, 0};

/// Waits until so much has been written.
bool contents_settle(const journal& out, std::size_t n) {
  for (int i = 0; i != 60'000 && out.size() < n; ++i) std::this_thread::sleep_for(1ms);
  return out.size() == n;
}

TEST(Supervisor, a_child_that_crashes_is_made_anew_behind_its_ref_and_its_inbox_survives) {
  journal out;
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto sup = rt.supervise({.max_restarts = 10, .backoff = at_once});
  auto w = sup.spawn<worker>({.name = "w"}, std::ref(out), "w");
  w.send(1);
  w.send(crash{});
  w.send(2);
  auto sum = w.ask(count{});
  EXPECT_EQ(sum.get(60s).value(), 2);
  EXPECT_EQ(out.take(), (entries{"+w", "-w", "+w"}));
  EXPECT_EQ(w.name(), "w");
  rt.run();
  const auto c = rt.counts();
  EXPECT_EQ(c.sent, 4u);
  EXPECT_EQ(c.handled, 3u);
  EXPECT_EQ(c.failed, 1u);
  EXPECT_EQ(c.spawned, 2u);
  EXPECT_EQ(c.ended, 0u);
  sup.close();
  EXPECT_EQ(w.join(60s)->kind, exit_kind::shutdown);
  EXPECT_EQ(sup.join(60s)->kind, exit_kind::normal);
}

TEST(Supervisor, the_asker_of_the_message_that_crashed_it_is_answered_and_the_others_wait) {
  class divides : public troupe::actor {
  public:
    int on(int n) {
      if (n == 0) throw std::domain_error("zero");
      return 12 / n;
    }
  };
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.backoff = {5ms, 5ms, 0}});
  auto d = sup.spawn<divides>();
  auto bad = d.ask(0);
  auto good = d.ask(4);
  EXPECT_EQ(bad.get(60s).error(), troupe::errc::crashed);
  EXPECT_EQ(good.get(60s).value(), 3);
}

TEST(Supervisor, one_for_all_stops_in_reverse_and_starts_in_order) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.strategy = restart_strategy::one_for_all, .max_restarts = 100, .backoff = at_once});
  auto a = sup.spawn<worker>(std::ref(out), "a");
  auto b = sup.spawn<worker>(std::ref(out), "b");
  auto c = sup.spawn<worker>(std::ref(out), "c");
  ASSERT_TRUE(rt.wait_idle(60s));
  out.take();
  for (int round = 0; round != 50; ++round) {
    b.send(crash{});
    if (round % 2 == 0) c.send(std::chrono::nanoseconds(1h));  // waits in a handler, or is to come to it
    ASSERT_TRUE(contents_settle(out, 6));
    ASSERT_EQ(out.take(), (entries{"-b", "-c", "-a", "+a", "+b", "+c"})) << round;
  }
}

TEST(Supervisor, rest_for_one_leaves_those_before_alone) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.strategy = restart_strategy::rest_for_one, .max_restarts = 100, .backoff = at_once});
  auto a = sup.spawn<worker>(std::ref(out), "a");
  auto b = sup.spawn<worker>(std::ref(out), "b");
  auto c = sup.spawn<worker>(std::ref(out), "c");
  a.send(5);
  ASSERT_TRUE(rt.wait_idle(60s));
  out.take();
  b.send(crash{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-b", "-c", "+b", "+c"}));
  EXPECT_EQ(a.ask(count{}, 60s).get().value(), 5);
  c.send(crash{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-c", "+c"}));
}

TEST(Supervisor, what_ends_for_good_depends_on_the_type_and_a_close_or_kill_always_does) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 100, .backoff = at_once});
  auto temporary = sup.spawn<worker>({.restart = restart_type::temporary}, std::ref(out), "t");
  temporary.send(crash{});
  EXPECT_EQ(temporary.join(60s)->kind, exit_kind::crashed);
  auto permanent = sup.spawn<worker>(std::ref(out), "p");
  permanent.send(leave{});
  EXPECT_TRUE(permanent.ask(count{}, 60s).get());
  permanent.close();
  EXPECT_EQ(permanent.join(60s)->kind, exit_kind::normal);
  auto killed = sup.spawn<worker>(std::ref(out), "k");
  killed.kill();
  EXPECT_EQ(killed.join(60s)->kind, exit_kind::killed);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(sup.children().empty());
}

class once : public troupe::loop_actor<int> {
public:
  explicit once(std::atomic<int>& runs) : runs_(runs) {}
  troupe::task<> run() override {
    ++runs_;
    co_await receive();
  }

private:
  std::atomic<int>& runs_;
};

TEST(Supervisor, a_loop_that_returns_is_run_again_if_permanent_and_has_done_its_work_if_transient) {
  std::atomic<int> runs{0};
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 100, .backoff = at_once});
  auto permanent = sup.spawn<once>(std::ref(runs));
  for (int i = 0; i != 3; ++i) permanent.send(i);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(runs, 4);
  EXPECT_TRUE(permanent.alive());
  auto transient = sup.spawn<once>({.restart = restart_type::transient}, std::ref(runs));
  transient.send(1);
  EXPECT_EQ(transient.join(60s)->kind, exit_kind::normal);
  EXPECT_EQ(runs, 5);
}

TEST(Supervisor, the_wait_before_it_doubles_and_messages_queue_meanwhile) {
  journal out;
  troupe::runtime rt({.seed = 7});
  auto sup = rt.supervise({.max_restarts = 100, .window = 1h, .backoff = {100ms, 1s, 0}});
  auto w = sup.spawn<worker>(std::ref(out), "w");
  const auto now = [&] { return std::chrono::nanoseconds(rt.scheduler().now()); };
  for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const auto before = now();
    w.send(crash{});
    w.send(1);
    EXPECT_EQ(w.ask(count{}).get().value(), 1);
    EXPECT_GE(now() - before, expected);
    EXPECT_LT(now() - before, expected + 5ms);
  }
}

TEST(Supervisor, the_jitter_comes_from_the_seed) {
  const auto times = [](std::uint64_t seed) {
    journal out;
    troupe::runtime rt({.seed = seed});
    auto sup = rt.supervise({.max_restarts = 100, .window = 1h, .backoff = {100ms, 100ms, 0.5}});
    auto w = sup.spawn<worker>(std::ref(out), "w");
    std::vector<std::int64_t> all;
    for (int i = 0; i != 5; ++i) {
      const std::int64_t before = rt.scheduler().now();
      w.send(crash{});
      w.ask(count{}).get().value();
      all.push_back((rt.scheduler().now() - before) / 1'000'000);
      EXPECT_GE(all.back(), 50);
      EXPECT_LE(all.back(), 151);
    }
    return all;
  };
  EXPECT_EQ(times(1), times(1));
  EXPECT_NE(times(1), times(2));
}

TEST(Supervisor, a_kill_or_close_while_it_waits_to_be_made_anew_takes_effect) {
  journal out;
  troupe::runtime rt({.seed = 3});
  auto sup = rt.supervise({.max_restarts = 100, .backoff = {1s, 1s, 0}});
  auto k = sup.spawn<worker>(std::ref(out), "k");
  auto c = sup.spawn<worker>(std::ref(out), "c");
  auto e = sup.spawn<worker>(std::ref(out), "e");
  const std::int64_t before = rt.scheduler().now();
  for (const auto& w : {k, c, e}) {
    w.send(crash{});
    w.send(1);
  }
  rt.spawn(
      [](troupe::ref<worker> a, troupe::ref<worker> b, troupe::ref<worker> third,
         troupe::supervisor s) -> troupe::task<> {
        co_await troupe::this_task::sleep_for(100ms);
        a.kill();
        b.close();
        (void)s.end_child(third);
      },
      k, c, e, sup);
  EXPECT_EQ(k.join().value().kind, exit_kind::killed);
  EXPECT_EQ(e.join().value().kind, exit_kind::killed);
  EXPECT_LT(rt.scheduler().now() - before, 500'000'000);
  EXPECT_EQ(c.join().value().kind, exit_kind::normal);  // has handled what came before
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().dropped, 2u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Supervisor, when_the_budget_is_exceeded_it_ends_its_children_and_crashes) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 3, .window = 1h, .backoff = at_once, .name = "top"});
  auto a = sup.spawn<worker>(std::ref(out), "a");
  auto b = sup.spawn<worker>({.name = "bee"}, std::ref(out), "b");
  for (int i = 0; i != 4; ++i) b.send(crash{});
  const auto reason = sup.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, exit_kind::crashed);
  EXPECT_NE(reason->text.find("top: more than 3 restarts in 3600 s; the last was of bee, crashed: torn"),
            std::string::npos)
      << reason->text;
  EXPECT_FALSE(a.alive());
  EXPECT_FALSE(b.alive());
  EXPECT_EQ(out.take(), (entries{"+a", "+b", "-b", "+b", "-b", "+b", "-b", "+b", "-b", "-a"}));
  EXPECT_THROW(sup.spawn<worker>(std::ref(out), "late"), troupe::troupe_error);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Supervisor, restarts_that_lie_further_apart_than_the_window_do_not_add_up) {
  journal out;
  troupe::runtime rt({.seed = 3});
  auto sup = rt.supervise({.max_restarts = 1, .window = 1s, .backoff = at_once});
  auto w = sup.spawn<worker>(std::ref(out), "w");
  for (int i = 0; i != 5; ++i) {
    w.send(crash{});
    rt.run_until([]() -> troupe::task<> { co_await troupe::this_task::sleep_for(2s); }).value();
  }
  EXPECT_TRUE(w.alive());
}

TEST(Supervisor, a_supervisor_below_another_that_gives_up_is_made_anew_with_all_its_children) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto top = rt.supervise({.max_restarts = 1, .window = 1h, .backoff = at_once, .name = "top"});
  auto mid = top.supervise({.max_restarts = 0, .window = 1h, .backoff = at_once, .name = "mid"});
  auto other = top.spawn<worker>(std::ref(out), "other");
  auto a = mid.spawn<worker>(std::ref(out), "a");
  auto b = mid.spawn<worker>(std::ref(out), "b");
  b.send(7);
  ASSERT_TRUE(rt.wait_idle(60s));
  out.take();
  a.send(crash{});
  a.send(1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-a", "-b", "+a", "+b"}));
  EXPECT_EQ(a.ask(count{}, 60s).get().value(), 1);
  EXPECT_EQ(b.ask(count{}, 60s).get().value(), 0);
  EXPECT_TRUE(mid.alive());
  EXPECT_EQ(mid.children().size(), 2u);
  b.send(crash{});  // once more than top bears
  EXPECT_EQ(top.join(60s)->kind, exit_kind::crashed);
  for (const troupe::any_ref& gone : std::vector<troupe::any_ref>{mid, other, a, b}) EXPECT_FALSE(gone.alive());
  EXPECT_EQ(out.take(), (entries{"-b", "-a", "-other"}));
}

class fails_now_and_then : public troupe::actor {
public:
  explicit fails_now_and_then(std::atomic<int>& made) {
    if (const int n = made++; n == 1 || n == 2) throw std::runtime_error("no parts");
  }
  void on(crash) { throw std::runtime_error("torn"); }
  int on(int n) { return n; }
};

TEST(Supervisor, a_constructor_that_throws_counts_as_a_crash_and_at_the_first_time_it_is_the_callers) {
  std::atomic<int> made{0};
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 3, .window = 1h, .backoff = at_once});
  auto w = sup.spawn<fails_now_and_then>(std::ref(made));
  w.send(crash{});
  EXPECT_EQ(w.ask(5, 60s).get().value(), 5);
  EXPECT_EQ(made, 4);
  made = 1;
  EXPECT_THROW(sup.spawn<fails_now_and_then>(std::ref(made)), std::runtime_error);
  EXPECT_EQ(sup.children().size(), 1u);
  made = 1;  // the next two throw: with those before that is one too many
  w.send(crash{});
  EXPECT_EQ(sup.join(60s)->kind, exit_kind::crashed);
  EXPECT_FALSE(w.alive());
}

class reader : public troupe::actor {
public:
  explicit reader(std::atomic<int>& tries) : tries_(tries) {}
  void on(const std::string& text) {
    ++tries_;
    if (text == "poison" || (text == "second time" && tries_ == 1)) throw std::runtime_error(text);
  }
  troupe::task<int> on(const long& n) {
    const long kept = n;
    co_await troupe::this_task::yield();
    if (++tries_ % 3 != 0) throw std::runtime_error("not yet");
    co_return static_cast<int>(kept);
  }
  void on(std::vector<int>&& v) {
    ++tries_;
    throw std::runtime_error("consumed " + std::to_string(v.size()));
  }

private:
  std::atomic<int>& tries_;
};

TEST(Supervisor, a_message_is_tried_again_up_to_the_nth_crash_and_then_is_poison) {
  std::atomic<int> tries{0};
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 1'000, .backoff = at_once});
  auto r = sup.spawn<reader>({.poison_after = 3}, std::ref(tries));
  r.send(std::string("poison"));
  r.send(std::string("good"));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(tries, 4);
  EXPECT_EQ(rt.counts().poison, 1u);
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().failed, 0u);
  tries = 0;
  r.send(std::string("second time"));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(rt.counts().handled, 2u);
  tries = 0;
  EXPECT_EQ(r.ask(5L, 60s).get().value(), 5);
  EXPECT_EQ(tries, 3);
  tries = 0;
  r.send(std::vector<int>{1, 2});  // the handler wants to own it: it is not there for a second time
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(rt.counts().failed, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Supervisor, a_message_that_waits_to_be_tried_again_is_counted_when_its_actor_is_killed) {
  std::atomic<int> tries{0};
  troupe::runtime rt({.seed = 1});
  auto sup = rt.supervise({.max_restarts = 1'000, .backoff = {1s, 1s, 0}});
  auto r = sup.spawn<reader>({.poison_after = 3}, std::ref(tries));
  auto answer = r.ask(1L);
  rt.spawn(
      [](troupe::any_ref who) -> troupe::task<> {
        co_await troupe::this_task::sleep_for(100ms);
        who.kill();
      },
      troupe::any_ref(r));
  EXPECT_EQ(answer.get().error(), troupe::errc::killed);
  rt.run();
  EXPECT_EQ(rt.counts().dropped, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Supervisor, a_child_is_made_anew_or_ended_by_hand) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 0});
  auto a = sup.spawn<worker>(std::ref(out), "a");
  auto b = sup.spawn<worker>(std::ref(out), "b");
  EXPECT_EQ(sup.children(), (std::vector<troupe::any_ref>{a, b}));
  ASSERT_TRUE(rt.wait_idle(60s));
  out.take();
  EXPECT_TRUE(sup.restart_child(a));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-a", "+a"}));
  EXPECT_TRUE(sup.end_child(a));
  EXPECT_EQ(a.join(60s)->kind, exit_kind::shutdown);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(sup.end_child(a).error(), troupe::errc::not_found);
  EXPECT_EQ(sup.restart_child(a).error(), troupe::errc::not_found);
  EXPECT_EQ(sup.children(), (std::vector<troupe::any_ref>{b}));
}

class watcher : public troupe::actor {
public:
  explicit watcher(troupe::any_ref who) { monitor(this, who); }
  void on(const troupe::down&) { ++downs_; }
  int on(count) const { return downs_; }

private:
  int downs_ = 0;
};

TEST(Supervisor, those_who_watch_or_are_linked_are_told_only_when_it_ends_for_good) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 10, .backoff = at_once});
  auto w = sup.spawn<worker>(std::ref(out), "w");
  auto m = rt.spawn<watcher>(w);
  w.send(crash{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(m.ask(count{}, 60s).get().value(), 0);
  w.kill();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(m.ask(count{}, 60s).get().value(), 1);
}

class tied : public troupe::actor {
public:
  explicit tied(std::atomic<int>& made) { ++made; }
  void on(const troupe::any_ref& to) { link(to); }
  int on(int n) { return n; }
};

TEST(Supervisor, a_child_that_a_link_ends_is_made_anew) {
  std::atomic<int> made{0};
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 10, .backoff = at_once});
  auto t = sup.spawn<tied>(std::ref(made));
  auto w = rt.spawn<worker>(out, "w");
  t.send(troupe::any_ref(w));
  ASSERT_TRUE(rt.wait_idle(60s));
  w.kill();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(t.ask(3, 60s).get().value(), 3);
  EXPECT_EQ(made, 2);
}

TEST(Supervisor, options_out_of_range_are_refused) {
  troupe::runtime rt({.workers = 1});
  EXPECT_THROW(rt.supervise({.window = 0s}), troupe::troupe_error);
  EXPECT_THROW(rt.supervise({.backoff = {2s, 1s, 0}}), troupe::troupe_error);
  EXPECT_THROW(rt.supervise({.backoff = {1s, 1s, 2}}), troupe::troupe_error);
}

// --- many schedules ------------------------------------------------------------------------------------------------

void explore_against(std::uint32_t runs,
                     const std::function<void(const troupe::supervisor&, const troupe::ref<worker>&)>& what,
                     restart_strategy strategy) {
  troupe::testing::explore(runs, [&](troupe::runtime& rt) {
    auto out = std::make_shared<journal>();
    auto sup = rt.supervise({.strategy = strategy, .max_restarts = 2, .window = 1h, .backoff = {1ms, 4ms, 0.5}});
    auto a = sup.spawn<worker>(std::ref(*out), "a");
    auto b = sup.spawn<worker>(std::ref(*out), "b");
    auto t = sup.spawn<worker>({.restart = restart_type::temporary}, std::ref(*out), "t");
    const auto sends = [](troupe::ref<worker> who, int crashes) -> troupe::task<> {
      for (int i = 0; i != 4; ++i) {
        who.send(i);
        if (i < crashes) who.send(crash{});
        who.send(std::chrono::nanoseconds(1ms));
        co_await troupe::this_task::yield();
      }
    };
    rt.spawn(sends, a, 1);
    rt.spawn(sends, b, 1);
    rt.spawn(sends, t, 0);
    rt.spawn(
        [](const std::function<void(const troupe::supervisor&, const troupe::ref<worker>&)>* f, troupe::supervisor s,
           troupe::ref<worker> who) -> troupe::task<> {
          (*f)(s, who);
          co_return;
        },
        &what, sup, a);
    rt.run();
    EXPECT_EQ(rt.counts().queued(), 0u);
    sup.kill();
    rt.run();
    EXPECT_EQ(rt.alive(), 0u);
    int balance = 0;
    for (const std::string& e : out->take()) balance += e[0] == '+' ? 1 : -1;
    EXPECT_EQ(balance, 0);
  });
}

TEST(Supervisor, on_every_schedule_a_kill_of_a_child_meets_crashes_and_restarts) {
  const auto kill = [](const troupe::supervisor&, const troupe::ref<worker>& a) { a.kill(); };
  explore_against(300, kill, restart_strategy::one_for_one);
  explore_against(300, kill, restart_strategy::one_for_all);
}

TEST(Supervisor, on_every_schedule_a_close_meets_crashes_and_restarts) {
  const auto close = [](const troupe::supervisor&, const troupe::ref<worker>& a) { a.close(); };
  explore_against(300, close, restart_strategy::one_for_one);
  explore_against(300, close, restart_strategy::rest_for_one);
}

TEST(Supervisor, on_every_schedule_the_end_of_the_supervisor_meets_crashes_and_restarts) {
  const auto end = [](const troupe::supervisor& s, const troupe::ref<worker>&) { s.close(); };
  const auto kill = [](const troupe::supervisor& s, const troupe::ref<worker>&) { s.kill(); };
  const auto by_hand = [](const troupe::supervisor& s, const troupe::ref<worker>& a) {
    (void)s.restart_child(a);
    (void)s.end_child(a);
  };
  for (const auto strategy : {restart_strategy::one_for_one, restart_strategy::one_for_all}) {
    explore_against(300, end, strategy);
    explore_against(300, kill, strategy);
    explore_against(300, by_hand, strategy);
  }
}

}  // namespace
