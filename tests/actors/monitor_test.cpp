#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::exit_kind;

struct crash {};
struct watch {
  troupe::any_ref who;
};
struct forget {};

class target : public troupe::actor {
public:
  explicit target(std::atomic<int>* destroyed = nullptr) : destroyed_(destroyed) {}
  ~target() {
    if (destroyed_) ++*destroyed_;
  }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(const troupe::address<int>& a) { a.send(1); }

private:
  std::atomic<int>* destroyed_;
};

struct seen {
  std::vector<std::string> downs;
  int messages = 0;
};

class watcher : public troupe::actor {
public:
  explicit watcher(std::atomic<int>* destroyed = nullptr) : destroyed_(destroyed) {}
  void on(const watch& w) { last_ = monitor(this, w.who); }
  void on(forget) { demonitor(last_); }
  void on(int n) { seen_.messages += n; }
  void on(const troupe::down& d) {
    EXPECT_TRUE(!destroyed_ || *destroyed_ == 1);
    EXPECT_FALSE(d.who.alive());
    seen_.downs.push_back(std::to_string(seen_.messages) + " " + to_string(d.reason));
  }
  seen on(std::monostate) const { return seen_; }

private:
  std::atomic<int>* destroyed_;
  troupe::monitor_handle last_;
  seen seen_;
};

using downs = std::vector<std::string>;

TEST(Monitor, the_end_of_another_comes_as_a_message_behind_what_it_had_sent) {
  std::atomic<int> destroyed{0};
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != 500; ++round) {
    destroyed = 0;
    auto t = rt.spawn<target>(&destroyed);
    auto w = rt.spawn<watcher>(&destroyed);
    w.send(watch{t});
    ASSERT_TRUE(rt.wait_idle(60s));
    t.send(troupe::address<int>(w));
    t.send(crash{});
    ASSERT_TRUE(rt.wait_idle(60s));
    ASSERT_EQ(w.ask(std::monostate(), 60s).get()->downs, (downs{"1 crashed: torn"}));
    w.kill();
  }
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.counts().sent, 500u * 5);  // a notice is none of the messages that are counted
}

TEST(Monitor, of_one_that_has_ended_already_it_comes_at_once) {
  troupe::runtime rt({.workers = 2});
  auto t = rt.spawn<target>();
  t.close();
  ASSERT_TRUE(t.join(60s));
  auto w = rt.spawn<watcher>();
  w.send(watch{t});
  w.send(watch{t});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(w.ask(std::monostate(), 60s).get()->downs, (downs{"0 normal", "0 normal"}));
}

TEST(Monitor, what_is_taken_back_does_not_come_also_when_it_is_in_the_inbox) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto t = rt.spawn<target>();
  auto w = rt.spawn<watcher>();
  w.send(watch{t});
  rt.run();
  w.send(forget{});  // is in front of the notice that follows
  t.kill();
  rt.run();
  EXPECT_EQ(w.ask(std::monostate(), 60s).get()->downs, downs{});
  w.send(watch{t});  // it has ended: the notice is in the inbox, behind the next
  w.send(forget{});
  rt.run();
  EXPECT_EQ(w.ask(std::monostate(), 60s).get()->downs, downs{});
}

class loop : public troupe::loop_actor<int, troupe::down> {
public:
  loop(troupe::any_ref who, std::string& out) : who_(std::move(who)), out_(out) {}
  troupe::task<> run() override {
    monitor(this, who_);
    while (auto m = co_await receive()) {
      out_ += std::holds_alternative<int>(*m) ? "i" : "d" + to_string(std::get<troupe::down>(*m).reason);
    }
  }

private:
  troupe::any_ref who_;
  std::string& out_;
};

TEST(Monitor, a_loop_actor_receives_it) {
  std::string out;
  troupe::runtime rt({.workers = 2});
  auto t = rt.spawn<target>();
  auto l = rt.spawn<loop>(t, out);
  ASSERT_TRUE(rt.wait_idle(60s));
  t.kill();
  ASSERT_TRUE(rt.wait_idle(60s));
  l.send(1);
  l.close();
  ASSERT_TRUE(l.join(60s));
  EXPECT_EQ(out, "dkilledi");
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 1u);
}

class patient : public troupe::actor {
public:
  explicit patient(std::string& out) : out_(out) {}
  void on(const watch& w) { monitor(this, w.who); }
  troupe::task<> on(const troupe::down& d) {
    co_await troupe::this_task::yield();
    out_ += to_string(d.reason);
    throw std::runtime_error("in mourning");
  }

private:
  std::string& out_;
};

TEST(Monitor, the_handler_may_be_a_coroutine_and_may_crash) {
  std::string out;
  troupe::runtime rt({.workers = 2});
  auto t = rt.spawn<target>();
  auto p = rt.spawn<patient>(out);
  p.send(watch{t});
  ASSERT_TRUE(rt.wait_idle(60s));
  t.kill();
  EXPECT_EQ(p.join(60s)->text, "in mourning");
  EXPECT_EQ(out, "killed");
  EXPECT_EQ(rt.counts().failed, 0u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Monitor, on_every_schedule_exactly_one_notice_comes_or_none_if_it_was_taken_back) {
  troupe::testing::explore(600, [](troupe::runtime& rt) {
    auto t = rt.spawn<target>();
    auto w = rt.spawn<watcher>();
    w.send(watch{t});
    auto killer = rt.spawn(
        [](troupe::any_ref who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        troupe::any_ref(t));
    auto teller = rt.spawn(
        [](troupe::ref<watcher> who) -> troupe::task<> {
          who.send(watch{who});
          co_return;
        },
        w);
    rt.run();
    EXPECT_EQ(w.ask(std::monostate()).get().value().downs.size(), 1u);
    auto again = rt.spawn<target>();
    w.send(watch{again});
    again.close();
    w.send(forget{});
    rt.run();
    EXPECT_LE(w.ask(std::monostate()).get().value().downs.size(), 2u);
    auto last = rt.spawn<target>();
    w.send(watch{last});
    w.close();
    last.close();
  });
}

TEST(Monitor, one_that_ends_first_leaves_nothing_behind_in_those_that_it_watched) {
  troupe::runtime rt({.workers = 2});
  auto t = rt.spawn<target>();
  for (int i = 0; i != 1'000; ++i) {
    auto w = rt.spawn<watcher>();
    w.send(watch{t});
    w.close();
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto any = [](const troupe::detail::monitor_record&) { return true; };
  EXPECT_FALSE(t.get_cell()->find_observer<troupe::detail::monitor_record>(any));
}

}  // namespace
