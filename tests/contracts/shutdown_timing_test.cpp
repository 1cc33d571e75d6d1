// C6: shutdown ends by its deadline, and names who did not stop.

#include "support.hpp"

#include <algorithm>

namespace contracts {
namespace {

using clock = std::chrono::steady_clock;

struct nap {
  std::atomic<bool>* begun;
  std::atomic<bool>* over;
};
struct number {
  int n;
};

class blocks : public troupe::actor {
public:
  explicit blocks(std::atomic<int>& woke_up) : woke_up_(woke_up) {}
  void on(nap n) {
    *n.begun = true;
    EXPECT_TRUE(eventually([&] { return n.over->load(); }));
    touched_ += 1;
    self(this).send(number{1});  // all that it can touch is still there
    ++woke_up_;
  }
  void on(number) {}

private:
  std::atomic<int>& woke_up_;
  int touched_ = 0;
};

TEST(C6_Shutdown, returns_by_its_deadline_and_names_the_actor_its_handler_and_since_when) {
  static std::atomic<int> woke_up{0};
  static std::atomic<bool> begun{false};
  static std::atomic<bool> over{false};
  {
    troupe::runtime rt({.workers = 2, .name = "stuck"});
    auto b = rt.spawn_named<blocks>("sleepyhead", woke_up);
    const auto sent = clock::now();
    b.send(nap{&begun, &over});
    ASSERT_TRUE(eventually([] { return begun.load(); }));
    // The time is told from when the housekeeper has looked first.
    ASSERT_TRUE(eventually([&] {
      const auto passed = clock::now() - sent;
      const auto all = rt.scheduler().inspect();
      return std::any_of(all.begin(), all.end(),
                         [&](const auto& w) { return w.subject && w.since > 0ns && w.since <= passed; });
    }));
    const troupe::shutdown_report report = rt.shutdown(200ms);
    const auto since_begun = clock::now() - sent;
    EXPECT_FALSE(report.clean());
    ASSERT_EQ(report.stuck.size(), 1u);
    EXPECT_EQ(report.stuck[0].name, "sleepyhead");
    EXPECT_NE(report.stuck[0].handler.find("nap"), std::string::npos) << report.stuck[0].handler;
    EXPECT_GT(report.stuck[0].since, 0ns);
    EXPECT_LE(report.stuck[0].since, since_begun);
    EXPECT_EQ(woke_up.load(), 0);
  }
  over = true;
  // The thread that was left to itself comes back after runtime and references have gone.
  EXPECT_TRUE(eventually([] { return woke_up.load() == 1; }));
  std::this_thread::sleep_for(50ms);
}

TEST(C6_Shutdown, an_idle_runtime_ends_at_once_and_clean) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> unused{0};
  for (int i = 0; i != 10; ++i) rt.spawn<blocks>(unused);
  EXPECT_TRUE(rt.shutdown(1h).clean());
  EXPECT_EQ(rt.alive(), 0u);
}

class consumer : public troupe::actor {
public:
  explicit consumer(std::atomic<int>& sum) : sum_(sum) {}
  troupe::task<> on(number n) {
    if (n.n % 16 == 0) co_await troupe::this_task::sleep_for(1ms);
    sum_ += n.n;
  }

private:
  std::atomic<int>& sum_;
};

class source : public troupe::loop_actor<> {
public:
  source(troupe::ref<consumer> to, std::atomic<int>& sent) : to_(std::move(to)), sent_(sent) {}
  troupe::task<> run() override {
    for (int n = 1; !stop_requested(); ++n) {
      to_.send(number{n});
      sent_ += n;
      co_await troupe::this_task::sleep_for(1ms);
    }
  }

private:
  troupe::ref<consumer> to_;
  std::atomic<int>& sent_;
};

TEST(C6_Shutdown, closes_the_sources_first_and_loses_nothing) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> sum{0};
  std::atomic<int> sent{0};
  auto c = rt.spawn<consumer>(sum);
  rt.spawn<source>(c, sent);
  ASSERT_TRUE(eventually([&] { return sent.load() != 0; }));
  const auto report = rt.shutdown(1h);  // which it would take for a source that nobody had told
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(sum.load(), sent.load());
  const auto c3 = rt.counts();
  EXPECT_EQ(c3.queued(), 0u);
  EXPECT_EQ(c3.dropped + c3.dead_letters, 0u);
}

TEST(C6_Shutdown, waits_for_a_pending_question_and_for_a_timer) {
  class slow : public troupe::actor {
  public:
    troupe::task<int> on(number n) {
      co_await troupe::this_task::sleep_for(100ms);
      co_return n.n + 1;
    }
  };
  class asks : public troupe::actor {
  public:
    asks(troupe::ref<slow> to, int& answer) : to_(std::move(to)), answer_(answer) {}
    troupe::task<> on(number n) {
      auto r = co_await to_.ask(n);
      if (r) answer_ = *r;
    }

  private:
    troupe::ref<slow> to_;
    int& answer_;
  };
  int answer = 0;
  troupe::runtime rt({.workers = 2});
  rt.spawn<asks>(rt.spawn<slow>(), answer).send(number{41});
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(answer, 42);
}

TEST(C6_Shutdown, waits_for_a_reply_that_comes_from_outside) {
  class awaits : public troupe::actor {
  public:
    awaits(troupe::future<int> f, int& answer) : reply_(std::move(f)), answer_(answer) {}
    troupe::task<> on(number) {
      auto r = co_await reply_;
      if (r) answer_ = *r;
    }

  private:
    troupe::future<int> reply_;
    int& answer_;
  };
  int answer = 0;
  troupe::runtime rt({.workers = 2});
  troupe::promise<int> p(rt.scheduler());
  rt.spawn<awaits>(p.get_future(), answer).send(number{0});
  std::thread outside([&] {
    std::this_thread::sleep_for(100ms);
    p.give(42);
  });
  EXPECT_TRUE(rt.shutdown(60s).clean());
  outside.join();
  EXPECT_EQ(answer, 42);
}

class floods_itself : public troupe::actor {
public:
  void on(number n) { self(this).send(n); }
};

TEST(C6_Shutdown, ends_by_its_deadline_although_an_actor_keeps_itself_busy) {
  for (auto kind : {troupe::schedule::work_stealing, troupe::schedule::round_robin}) {
    troupe::runtime rt({.workers = 2, .scheduling = kind});
    rt.spawn<floods_itself>().send(number{0});
    EXPECT_TRUE(rt.shutdown(2s).clean());  // by a kill after 1.4 s
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

TEST(C6_Shutdown, kills_what_does_not_end_by_itself) {
  class unending : public troupe::actor {
  public:
    troupe::task<> on(number) {
      for (;;) co_await troupe::this_task::sleep_for(1h);
    }
  };
  troupe::runtime rt({.workers = 1});
  auto s = rt.spawn<unending>();
  s.send(number{0});
  auto green = rt.spawn([]() -> troupe::task<> {
    for (;;) co_await troupe::this_task::yield();
  });
  EXPECT_TRUE(rt.shutdown(2s).clean());
  EXPECT_EQ(s.join(0ms)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(green.get(0ms).error(), troupe::errc::cancelled);
}

TEST(C6_Shutdown, what_is_sent_after_it_is_a_dead_letter) {
  std::atomic<int> unused{0};
  troupe::ref<blocks> left;
  {
    troupe::runtime rt({.workers = 1});
    left = rt.spawn<blocks>(unused);
    rt.shutdown(10s);
    left.send(number{1});
    EXPECT_EQ(rt.counts().dead_letters, 1u);
  }
  EXPECT_EQ(left.try_send(number{1}), troupe::send_status::closed);  // the runtime has gone as well
  EXPECT_EQ(left.join(0ms)->kind, troupe::exit_kind::shutdown);
}

// --- ends travel
// -------------------------------------------------------------------------------------------------------

class producer : public troupe::loop_actor<> {
public:
  producer(troupe::publisher<number> out, int total) : out_(std::move(out)), total_(total) {}
  troupe::task<> run() override {
    for (int n = 1; n <= total_; ++n) {
      out_.publish(number{n});
      if (n % 10 == 0) co_await troupe::this_task::yield();
    }
  }

private:
  troupe::publisher<number> out_;
  int total_;
};

class stage : public troupe::actor {
public:
  explicit stage(troupe::publisher<number> out) : out_(std::move(out)) {}
  void on(const number& n) { out_.publish(n); }

private:
  troupe::publisher<number> out_;
};

class sink : public troupe::actor {
public:
  explicit sink(std::atomic<int>& sum) : sum_(sum) {}
  void on(const number& n) { sum_ += n.n; }

private:
  std::atomic<int>& sum_;
};

TEST(C6_Shutdown, a_pipeline_of_finite_sources_ends_by_itself_and_in_order) {
  for (int round = 0; round != scaled(100); ++round) {
    std::atomic<int> sum{0};
    troupe::runtime rt({.workers = 3, .budget = 4, .quantum = 0ns});
    troupe::exchange<number> first(rt, "first");
    troupe::exchange<number> second(rt, "second");
    auto last = rt.spawn<sink>(sum);
    auto in_last = second.attach_input(last);
    auto middle = rt.spawn<stage>(second.publisher());
    auto in_middle = first.attach_input(middle);
    auto a = first.publisher();
    auto b = first.publisher();
    rt.spawn<producer>(std::move(a), 50);
    rt.spawn<producer>(std::move(b), 50);
    ASSERT_TRUE(last.join(60s)) << "the end did not travel";
    EXPECT_EQ(sum.load(), 2 * 1'275);
    ASSERT_TRUE(eventually([&] { return rt.alive() == 0; }));
    expect_conserved(rt);
    EXPECT_EQ(rt.counts().dead_letters, 0u);
  }
}

}  // namespace
}  // namespace contracts
