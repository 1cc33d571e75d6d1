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
          auto r = co_await g.ask(n, 1s);
          n = *r;
          h.push_back("green " + std::to_string(n));
          co_await troupe::this_task::sleep_for(1ms);
        }
        co_return n;
      },
      all, std::ref(o.events));
  EXPECT_EQ(*green.get(10s), 8);
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
  const auto start = std::chrono::steady_clock::now();
  auto f = rt.spawn(
      [](troupe::scheduler& home) -> troupe::task<std::int64_t> {
        const std::int64_t before = home.now();
        co_await troupe::this_task::sleep_for(1h);
        co_return home.now() - before;
      },
      std::ref(rt.scheduler()));
  EXPECT_EQ(*f.get(), std::chrono::nanoseconds(1h).count());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
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
      "foreign thread");
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
        std::thread([&] { (void)f.get(1s); }).join();
      },
      "foreign thread");
}

}  // namespace
}  // namespace contracts
