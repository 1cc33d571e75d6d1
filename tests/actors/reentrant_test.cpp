// Actors whose handlers interleave at their waits.

#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/task_local.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace overlapping {

using namespace std::chrono_literals;
using troupe::errc;

struct wait_for_it {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);  // so that a message destroyed twice or never shows
};
struct let_go {};
struct get_order {};
struct crash {};
struct put_off {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(1);
};
struct bring_back {};
struct stop_now {};

/// Handlers wait for an event that another handler of the same actor sets.
class gate : public troupe::actor {
public:
  static constexpr bool reentrant = true;

  troupe::task<int> on(const wait_for_it& w) {
    note(w.n);
    co_await open_.wait();
    note(w.n + 100);
    co_return *w.weight + w.n;
  }
  void on(let_go) { open_.set(); }
  std::vector<int> on(get_order) const { return order_; }
  void on(crash) { throw std::runtime_error("on purpose"); }
  troupe::task<> on(stop_now) {
    co_await troupe::this_task::yield();
    throw std::runtime_error("behind a wait");
  }

private:
  void note(int n) {
    EXPECT_FALSE(inside_.exchange(true));  // C2: never on two threads at a time
    order_.push_back(n);
    inside_ = false;
  }

  std::atomic<bool> inside_{false};
  troupe::event open_;
  std::vector<int> order_;
};

/// The strands of a runtime whose description has this in it.
std::size_t described(troupe::runtime& rt, const std::string& part) {
  const auto all = rt.tasks();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& t) { return t.name.find(part) != std::string::npos; }));
}

TEST(Reentrant, handlers_that_wait_let_others_of_the_actor_run) {
  troupe::runtime rt({.workers = 2});
  const auto g = rt.spawn<gate>();
  std::vector<troupe::future<int>> answers;
  for (int i = 0; i != 3; ++i) answers.push_back(g.ask(wait_for_it{i}, 60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(g.ask(get_order{}, 60s).get().value(), (std::vector<int>{0, 1, 2}));
  g.send(let_go{});
  for (int i = 0; i != 3; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].get().value(), i);
  auto order = g.ask(get_order{}, 60s).get().value();
  ASSERT_EQ(order.size(), 6u);
  std::sort(order.begin() + 3, order.end());  // they go on in any order
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 100, 101, 102}));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 6u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

class waiter : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  waiter(troupe::event& e, std::string& log) : event_(&e), log_(&log) {}
  troupe::task<int> on(int n) {
    co_await event_->wait();
    *log_ += "done ";
    co_return n;
  }
  void on(std::string) { *log_ += "late "; }
  void on_stop() { *log_ += "stop"; }

private:
  troupe::event* event_;
  std::string* log_;
};

TEST(Reentrant, close_waits_for_the_handlers_and_what_comes_behind_it_is_too_late) {
  troupe::event inner;
  std::string log;
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<waiter>(std::ref(inner), std::ref(log));
  auto one = w.ask(1);
  auto two = w.ask(2);
  w.close();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(w.alive());
  auto refused = w.ask(3);
  w.send(std::string("x"));
  EXPECT_EQ(refused.get(60s).error(), errc::closed);
  inner.set();
  EXPECT_EQ(one.get(60s).value(), 1);
  EXPECT_EQ(two.get(60s).value(), 2);
  EXPECT_EQ(w.join(60s)->kind, troupe::exit_kind::normal);
  EXPECT_EQ(log, "done done stop");
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 2u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

class holder : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  explicit holder(std::string& log) : log_(&log) {}
  ~holder() { *log_ += "~holder"; }
  troupe::task<int> on(int n) {
    struct local {
      std::string* log;
      ~local() { *log += "~local "; }
    } const here{log_};
    (void)co_await troupe::this_task::sleep_for(1h);
    *log_ += "never ";
    co_return n;
  }

private:
  std::string* log_;
};

TEST(Reentrant, kill_destroys_the_handlers_where_they_wait_and_answers_whoever_asked) {
  std::string log;
  troupe::runtime rt({.workers = 2});
  const auto h = rt.spawn<holder>(std::ref(log));
  auto one = h.ask(1);
  auto two = h.ask(2);
  while (described(rt, "(int)") != 2) std::this_thread::sleep_for(1ms);
  h.kill();
  EXPECT_EQ(one.get(60s).error(), errc::killed);
  EXPECT_EQ(two.get(60s).error(), errc::killed);
  EXPECT_EQ(h.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(log, "~local ~local ~holder");
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dropped, 2u);
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(Reentrant, the_crash_of_one_handler_ends_the_others) {
  for (const bool behind_a_wait : {false, true}) {
    troupe::runtime rt({.workers = 2});
    const auto g = rt.spawn<gate>();
    auto one = g.ask(wait_for_it{1});
    auto two = g.ask(wait_for_it{2});
    behind_a_wait ? g.send(stop_now{}) : g.send(crash{});
    EXPECT_EQ(one.get(60s).error(), errc::crashed);
    EXPECT_EQ(two.get(60s).error(), errc::crashed);
    EXPECT_EQ(g.join(60s)->kind, troupe::exit_kind::crashed);
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(rt.counts().failed, 1u);
    EXPECT_EQ(rt.counts().dropped, 2u);
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

TEST(Reentrant, a_supervisor_makes_it_anew_without_the_handlers_that_waited) {
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.backoff = {0ns, 0ns, 0}});
  const auto g = sup.spawn<gate>();
  auto waits = g.ask(wait_for_it{1});
  g.send(crash{});
  auto order = g.ask(get_order{}, 60s);
  EXPECT_EQ(waits.get(60s).error(), errc::crashed);
  EXPECT_EQ(order.get().value(), std::vector<int>{});  // the new one knows of nothing
  g.send(let_go{});
  EXPECT_EQ(g.ask(wait_for_it{7}, 60s).get().value(), 7);
}

TEST(Reentrant, a_shutdown_ends_what_waits_and_live_tasks_names_it) {
  troupe::runtime rt({.workers = 2});
  const auto g = rt.spawn_named<gate>("the gate");
  auto waits = g.ask(wait_for_it{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(described(rt, "the gate (overlapping::wait_for_it)"), 1u);
  EXPECT_TRUE(rt.shutdown(200ms).clean());
  EXPECT_EQ(waits.get(60s).error(), errc::killed);
}

/// Asks another actor the same without a timeout, as long as it is told to.
class link_of_ring : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  void on(troupe::address<int(int)> next) { next_ = std::move(next); }
  troupe::task<int> on(int n) {
    if (n == 0) co_return 0;
    auto asked = next_.ask(n - 1);
    auto got = co_await asked;
    co_return got.value() + 1;
  }

private:
  troupe::address<int(int)> next_;
};

TEST(Reentrant, a_cycle_of_questions_through_it_is_no_deadlock) {
  troupe::runtime rt({.workers = 2});
  const auto a = rt.spawn<link_of_ring>();
  const auto b = rt.spawn<link_of_ring>();
  a.send(troupe::address<int(int)>(b));
  b.send(troupe::address<int(int)>(a));
  EXPECT_EQ(a.ask(10, 60s).get().value(), 10);
  b.send(troupe::address<int(int)>(b));
  EXPECT_EQ(b.ask(5, 60s).get().value(), 5);  // it asks itself
}

struct take_both {
  bool first = false;
};

/// Two of its handlers take two locks in the two orders.
class crossing : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  troupe::task<std::string> on(take_both t) {
    auto& one = t.first ? a_ : b_;
    auto& other = t.first ? b_ : a_;
    auto held = co_await one.scoped();
    if (++inside_ == 2) both_.set();
    co_await both_.wait();
    try {
      auto more = co_await other.scoped();
      co_return "got it";
    } catch (const troupe::troupe_error& e) {
      co_return e.what();
    }
  }

private:
  troupe::mutex a_{"a"};
  troupe::mutex b_{"b"};
  troupe::event both_;
  int inside_ = 0;
};

TEST(Reentrant, two_handlers_that_wait_for_each_others_locks_are_a_deadlock) {
  troupe::runtime rt({.workers = 2});
  const auto c = rt.spawn_named<crossing>("crossing");
  auto one = c.ask(take_both{true}, 60s);
  auto two = c.ask(take_both{false}, 60s);
  std::vector<std::string> told{one.get().value(), two.get().value()};
  std::sort(told.begin(), told.end(), [](const auto& x, const auto& y) { return x.size() < y.size(); });
  EXPECT_EQ(told[0], "got it");
  EXPECT_NE(told[1].find("deadlock"), std::string::npos) << told[1];
  EXPECT_NE(told[1].find("crossing (overlapping::take_both)"), std::string::npos) << told[1];
}

troupe::task_local<int> of_the_request;

class with_values : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  troupe::task<int> on(int n) {
    auto bound = of_the_request.set(n);
    co_await troupe::this_task::yield();
    auto [x, y] = co_await troupe::fork_join(half(n), half(n + 1));
    co_await troupe::this_task::yield();
    EXPECT_EQ(of_the_request.get(), n);
    co_return x + y;
  }

private:
  static troupe::task<int> half(int n) {
    co_await troupe::this_task::yield();
    EXPECT_LE(of_the_request.get(), n);
    co_return n / 2;
  }
};

TEST(Reentrant, each_handler_has_its_own_task_local_values_and_forks) {
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<with_values>();
  std::vector<troupe::future<int>> answers;
  for (int i = 0; i != 50; ++i) answers.push_back(w.ask(i, 60s));
  for (int i = 0; i != 50; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].get().value(), i);
}

class stasher : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  troupe::task<int> on(const put_off& p) {
    ++tries_;
    if (open_) co_return p.n;
    stash();
    co_await done_.wait();
    co_return -*p.weight;
  }
  void on(bring_back) {
    open_ = true;
    unstash_all();
    done_.set();
  }
  int on(get_order) const { return tries_; }

private:
  troupe::event done_;
  bool open_ = false;
  int tries_ = 0;
};

TEST(Reentrant, a_message_that_is_put_off_does_not_come_back_while_its_handler_waits) {
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<stasher>();
  auto one = s.ask(put_off{1}, 60s);
  auto two = s.ask(put_off{2}, 60s);
  ASSERT_TRUE(rt.wait_idle(60s));
  s.send(bring_back{});  // their handlers have yet to end
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(s.ask(get_order{}, 60s).get().value(), 2);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 2u);
  s.send(bring_back{});
  EXPECT_EQ(one.get().value(), 1);
  EXPECT_EQ(two.get().value(), 2);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.counts().handled, 5u);
}

TEST(Reentrant, works_in_mailboxes_with_a_limit_and_by_priority) {
  for (const auto order : {troupe::mailbox_order::fifo, troupe::mailbox_order::priority}) {
    troupe::runtime rt({.workers = 2});
    const auto g = rt.spawn<gate>({.mailbox = {{.capacity = 4, .order = order}}});
    std::vector<troupe::future<int>> answers;
    for (int i = 0; i != 20; ++i) {
      answers.push_back(g.ask(wait_for_it{i}, 60s));
      ASSERT_TRUE(rt.wait_idle(60s));
    }
    g.send(let_go{});
    for (int i = 0; i != 20; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].get().value(), i);
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

TEST(Reentrant, whoever_gives_up_calls_off_one_handler_and_not_the_others) {
  troupe::runtime rt({.workers = 2});
  const auto g = rt.spawn<gate>();
  auto one = g.ask(wait_for_it{1});
  auto two = g.ask(wait_for_it{2}, 60s);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(one.cancel());
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().called_off, 1u);
  EXPECT_EQ(g.ask(get_order{}, 60s).get().value(), (std::vector<int>{1, 2}));
  g.send(let_go{});
  EXPECT_EQ(two.get().value(), 2);
  EXPECT_TRUE(g.alive());
}

TEST(Reentrant, works_on_a_thread_of_its_own) {
  troupe::runtime rt({.workers = 1});
  const auto g = rt.spawn<gate>(troupe::own_thread);
  auto one = g.ask(wait_for_it{1}, 60s);
  auto two = g.ask(wait_for_it{2});
  EXPECT_EQ(g.ask(get_order{}, 60s).get().value(), (std::vector<int>{1, 2}));
  EXPECT_TRUE(two.cancel());
  g.send(let_go{});
  EXPECT_EQ(one.get().value(), 1);
  g.close();
  EXPECT_EQ(g.join(60s)->kind, troupe::exit_kind::normal);
}

TEST(Reentrant, a_kill_that_meets_handlers_as_they_wake_ends_them_all) {
  for (int i = 0; i != 500; ++i) {
    troupe::event go;
    std::string log;
    troupe::runtime rt({.workers = 2});
    const auto w = rt.spawn<waiter>(std::ref(go), std::ref(log));
    std::vector<troupe::future<int>> answers;
    for (int n = 0; n != 8; ++n) answers.push_back(w.ask(n));
    ASSERT_TRUE(rt.wait_idle(60s));
    std::atomic<bool> ready{false};
    std::thread killer([&] {
      ready = true;
      w.kill();
    });
    while (!ready) std::this_thread::yield();
    go.set();
    killer.join();
    ASSERT_EQ(w.join(60s)->kind, troupe::exit_kind::killed);
    for (int n = 0; n != 8; ++n) {
      const auto answer = answers[static_cast<std::size_t>(n)].get(60s);
      EXPECT_TRUE(answer ? *answer == n : answer.error() == errc::killed);
    }
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

}  // namespace overlapping
