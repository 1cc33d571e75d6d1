// C12: the same seed gives the same run.

#include "support.hpp"

#include <set>

namespace contracts {
namespace {

struct token {
  int hops;
};
struct rumour {
  int n;
};

/// What happened, in order.
using history = std::vector<std::string>;

class gossip : public troupe::actor {
public:
  gossip(history& h, troupe::exchange<rumour> ex) : history_(h), ex_(std::move(ex)) {}
  void on(std::vector<troupe::ref<gossip>> peers) { peers_ = std::move(peers); }
  void on(token t) {
    history_.push_back(name() + " token " + std::to_string(t.hops));
    if (t.hops == 0) return;
    if (t.hops % 5 == 0) ex_.publish(rumour{t.hops});
    peers_[static_cast<std::size_t>(t.hops) % peers_.size()].send(token{t.hops - 1});
  }
  troupe::task<> on(rumour r) {
    history_.push_back(name() + " heard " + std::to_string(r.n));
    co_await troupe::this_task::sleep_for(std::chrono::milliseconds(r.n % 3));
    history_.push_back(name() + " forgot " + std::to_string(r.n));
  }
  int on(int n) { return n + 1; }
  void on_stop() { history_.push_back(name() + " stopped"); }

private:
  history& history_;
  troupe::exchange<rumour> ex_;
  std::vector<troupe::ref<gossip>> peers_;
};

struct outcome {
  std::uint64_t trace = 0;
  history events;
};

outcome play(std::uint64_t seed, std::size_t litter) {
  outcome o;
  std::vector<std::unique_ptr<char[]>> elsewhere;  // moves what is allocated, run by run
  for (std::size_t i = 0; i != litter; ++i) elsewhere.push_back(std::make_unique<char[]>(64 + 48 * (i % 9)));
  troupe::runtime rt({.name = "seeded", .seed = seed});
  troupe::exchange<rumour> ex(rt, "rumours");
  std::vector<troupe::ref<gossip>> all;
  std::vector<troupe::subscription> subs;
  std::vector<void*> holes;
  for (int i = 0; i != 8; ++i) {
    all.push_back(rt.spawn<gossip>(o.events, ex));
    subs.push_back(ex.attach(all.back()));
    for (std::size_t k = 0; k != litter % 7; ++k) holes.push_back(troupe::pool_allocate(sizeof(troupe::cell)));
  }
  for (auto& g : all) g.send(all);
  for (auto& g : all) g.send(token{20});
  auto green = rt.spawn(
      [](std::vector<troupe::ref<gossip>> who, history& h) -> troupe::task<int> {
        int n = 0;
        for (auto& g : who) {
          auto r = co_await g.ask(n, 60s);
          n = *r;
          h.push_back("green " + std::to_string(n));
          co_await troupe::this_task::sleep_for(1ms);
        }
        co_return n;
      },
      all, std::ref(o.events));
  EXPECT_EQ(*green.get(60s), 8);
  rt.run();
  EXPECT_TRUE(rt.shutdown(1s).clean());
  EXPECT_EQ(rt.counts().queued(), 0u);
  o.trace = rt.trace();
  for (void* p : holes) troupe::pool_free(p, sizeof(troupe::cell));
  return o;
}

TEST(C12_Determinism, two_runs_of_one_seed_are_the_same_to_the_last_event) {
  for (std::uint64_t seed : {1u, 7u, 4'711u}) {
    const outcome first = play(seed, 0);
    const outcome second = play(seed, 1'003);
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_GT(first.events.size(), 200u);
  }
}

TEST(C12_Determinism, different_seeds_give_different_runs) {
  std::set<std::uint64_t> traces;
  std::set<history> histories;
  for (std::uint64_t seed = 0; seed != 10; ++seed) {
    outcome o = play(seed, 0);
    traces.insert(o.trace);
    histories.insert(std::move(o.events));
  }
  EXPECT_EQ(traces.size(), 10u);
  EXPECT_GE(histories.size(), 9u);
}

TEST(C12_Determinism, an_hour_of_virtual_time_takes_no_time) {
  troupe::runtime rt({.seed = 1});
  auto f = rt.spawn(
      [](troupe::scheduler& home) -> troupe::task<std::int64_t> {
        const std::int64_t before = home.now();
        co_await troupe::this_task::sleep_for(1h);
        co_return home.now() - before;
      },
      std::ref(rt.scheduler()));
  EXPECT_EQ(*f.get(), std::chrono::nanoseconds(1h).count());
}

TEST(C12_Determinism, timeouts_are_virtual_and_exact) {
  class silent : public troupe::actor {
  public:
    troupe::task<int> on(int) {
      co_await troupe::this_task::sleep_for(24h);
      co_return 1;
    }
  };
  troupe::runtime rt({.seed = 1});
  auto s = rt.spawn<silent>();
  const std::int64_t before = rt.scheduler().now();
  EXPECT_EQ(s.ask(1, 10min).get().error(), troupe::errc::timeout);
  EXPECT_EQ(rt.scheduler().now() - before, std::chrono::nanoseconds(10min).count());
}

class floods_itself : public troupe::actor {
public:
  void on(int n) { self(this).send(n); }
};

TEST(C12_Determinism, deadlines_come_although_somebody_is_always_runnable) {
  troupe::runtime rt({.seed = 1});
  auto a = rt.spawn<floods_itself>();
  a.send(1);
  EXPECT_FALSE(a.join(1ms));
  EXPECT_FALSE(rt.wait_idle(1ms));
  EXPECT_TRUE(rt.shutdown(10ms).clean());
}

class quiet : public troupe::actor {
public:
  void on(int) {}
};

TEST(C12_Determinism, a_crash_is_logged_with_the_seed) {
  class crashes : public troupe::actor {
  public:
    void on(int) { throw std::runtime_error("broke"); }
  };
  captured_log log;
  troupe::runtime rt({.seed = 7});
  rt.spawn<crashes>().send(1);
  auto dropped = rt.spawn([]() -> troupe::task<> {
    throw std::runtime_error("too");
    co_return;
  });
  dropped = {};
  rt.run();
  EXPECT_EQ(log.count({"crashed", "broke", "[seed 7:random]"}), 1u);
  EXPECT_EQ(log.count({"green thread", "too", "[seed 7:random]"}), 1u);
}

TEST(C12_Determinism, a_deadlock_is_logged_with_the_seed_and_who_waits) {
  captured_log log;
  troupe::runtime rt({.seed = 7, .strategy = troupe::schedule_strategy::pct(2, 40)});
  troupe::promise<int> never(rt.scheduler());
  const auto wait = [](troupe::future<int> f) -> troupe::task<> { (void)co_await f; };
  auto waits = rt.spawn(wait, never.get_future());
  EXPECT_EQ(waits.get().error(), troupe::errc::deadlock);
  EXPECT_EQ(log.count({"deadlock", "green thread 1 waits for a future<int>", "[seed 7:pct2/40]"}), 1u);
}

TEST(C12_Determinism, a_wait_with_a_deadline_is_no_deadlock) {
  captured_log log;
  troupe::runtime rt({.seed = 7});
  troupe::promise<int> never(rt.scheduler());
  EXPECT_EQ(never.get_future().get(1h).error(), troupe::errc::timeout);
  EXPECT_EQ(log.count({"deadlock"}), 0u);
}

TEST(C12_Determinism, an_exception_that_ends_the_runtime_is_logged_with_the_seed) {
  captured_log log;
  try {
    troupe::runtime rt({.seed = 7});
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(log.count({"an exception", "[seed 7:random]"}), 1u);
}

TEST(C12_Determinism, a_strategy_without_a_seed_is_an_error) {
  EXPECT_THROW(troupe::runtime({.strategy = troupe::schedule_strategy::pct(3)}), troupe::troupe_error);
  EXPECT_THROW(troupe::runtime({.record = true}), troupe::troupe_error);
}

TEST(C12_Determinism, a_recording_replays_a_run_to_the_last_event) {
  class echo : public troupe::actor {
  public:
    int on(int n) { return n; }
  };
  const auto run = [](const troupe::runtime_options& options, std::string& order) {
    troupe::runtime rt(options);
    for (char name : {'a', 'b', 'c'}) {
      auto dropped = rt.spawn(
          [](troupe::ref<echo> e, std::string& out, char me) -> troupe::task<> {
            for (int i = 0; i != 5; ++i) {
              auto r = co_await e.ask(i, 60s);
              out += me;
              co_await troupe::this_task::sleep_for(1us * *r);
            }
          },
          rt.spawn<echo>(), std::ref(order), name);
    }
    rt.run();
    return std::pair(rt.recording(), rt.trace());
  };
  std::string first;
  std::string second;
  const auto recorded = run({.seed = 7, .record = true}, first);
  const auto replayed =
      run({.seed = 0, .strategy = troupe::schedule_strategy::replay(recorded.first), .record = true}, second);
  EXPECT_EQ(first, second);
  EXPECT_EQ(recorded, replayed);
}

using C12_DeterminismDeathTest = testing::Test;

TEST_F(C12_DeterminismDeathTest, a_foreign_thread_that_sends_is_an_error) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        troupe::runtime rt({.seed = 1});
        auto a = rt.spawn<quiet>();
        rt.run();
        std::thread([&] { a.send(1); }).join();
      },
      "foreign thread.*seed 1:random");
}

TEST_F(C12_DeterminismDeathTest, also_if_the_receiver_is_awake_already) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        troupe::runtime rt({.seed = 1});
        auto a = rt.spawn<quiet>();
        a.send(1);
        std::thread([&] { a.send(2); }).join();
      },
      "foreign thread");
}

TEST_F(C12_DeterminismDeathTest, a_foreign_thread_that_waits_is_an_error) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        troupe::runtime rt({.seed = 1});
        auto f = rt.spawn([]() -> troupe::task<> { co_return; });
        std::thread([&] { (void)f.get(60s); }).join();
      },
      "foreign thread");
}

}  // namespace
}  // namespace contracts
