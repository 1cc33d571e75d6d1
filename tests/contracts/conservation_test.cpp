// C3: sent = handled + failed + dropped + dead letters + queued, exactly at quiescence.

#include "support.hpp"

#include <random>

namespace contracts {
namespace {

/// What the test itself has seen.
struct tally {
  std::atomic<std::uint64_t> sent{0}, handled{0}, thrown{0};
};

struct work {
  int depth;
};
struct slow_work {
  int depth;
};
struct question {};
struct bomb {};

class chaotic : public troupe::actor {
public:
  explicit chaotic(tally& t) : tally_(t) {}
  void meet(std::vector<troupe::ref<chaotic>> peers) { peers_ = std::move(peers); }

  void on(std::vector<troupe::ref<chaotic>> peers) {
    peers_ = std::move(peers);
    ++tally_.handled;
  }
  void on(const work& w) {
    pass_on(w.depth);
    ++tally_.handled;
  }
  troupe::task<> on(slow_work w) {
    co_await troupe::this_task::sleep_for(20us);
    pass_on(w.depth);
    co_await troupe::this_task::yield();
    ++tally_.handled;
  }
  int on(question) {
    ++tally_.handled;
    return 1;
  }
  int on(bomb) {
    ++tally_.thrown;
    throw std::runtime_error("bomb");
  }

private:
  void pass_on(int depth) {
    if (depth == 0 || peers_.empty()) return;
    const auto& to = peers_[next_++ % peers_.size()];
    ++tally_.sent;
    if (depth % 2 == 0)
      to.send(work{depth - 1});
    else
      to.send(slow_work{depth - 1});
  }

  tally& tally_;
  std::vector<troupe::ref<chaotic>> peers_;
  std::size_t next_ = 0;
};

TEST(C3_Conservation, every_message_has_one_fate_under_random_closes_kills_and_crashes) {
  const captured_log quiet;
  tally seen;
  troupe::runtime rt({.workers = 4, .name = "chaos", .budget = 5, .quantum = 0ns});
  std::atomic<std::uint64_t> unanswered{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t != 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t + 1);
      const auto send = [&](const troupe::ref<chaotic>& to, auto message) {
        ++seen.sent;
        to.send(std::move(message));
      };
      for (int round = 0; round != scaled(60); ++round) {
        std::vector<troupe::ref<chaotic>> crowd;
        for (int i = 0; i != 8; ++i) crowd.push_back(rt.spawn<chaotic>(seen));
        for (auto& who : crowd) send(who, crowd);
        std::vector<troupe::pending_reply<int, question>> answers;
        std::vector<troupe::pending_reply<int, bomb>> shards;
        for (int i = 0; i != 200; ++i) {
          const auto& who = crowd[random() % crowd.size()];
          switch (random() % 32) {
            case 0: who.close(); break;
            case 1: who.kill(); break;
            case 2: send(who, bomb{}); break;
            case 3:
              ++seen.sent;
              shards.push_back(who.ask(bomb{}));
              break;
            case 4:
              ++seen.sent;
              answers.push_back(who.ask(question{}));
              break;
            default: send(who, work{static_cast<int>(random() % 6)}); break;
          }
        }
        for (auto& a : answers) {
          auto r = a.get(60s);
          unanswered += !r && r.error() == troupe::errc::timeout;
        }
        for (auto& a : shards) {
          auto r = a.get(60s);
          unanswered += r || r.error() == troupe::errc::timeout;
        }
        for (auto& who : crowd) who.close();
        for (auto& who : crowd) unanswered += !who.join(60s);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  expect_conserved(rt);
  const troupe::message_counts c = rt.counts();
  EXPECT_EQ(c.sent, seen.sent.load());
  EXPECT_EQ(c.handled, seen.handled.load());
  EXPECT_EQ(c.failed, seen.thrown.load());
  EXPECT_GT(c.dropped + c.dead_letters, 0u);
  EXPECT_EQ(c.spawned, c.ended);
  EXPECT_EQ(unanswered.load(), 0u);
  EXPECT_EQ(rt.alive(), 0u);
}

class listener : public troupe::actor {
public:
  explicit listener(tally& t) : tally_(t) {}
  void on(const work&) { ++tally_.handled; }

private:
  tally& tally_;
};

class loop_listener : public troupe::loop_actor<work> {
public:
  explicit loop_listener(tally& t) : tally_(t) {}
  troupe::task<> run() override {
    while (auto m = co_await receive()) ++tally_.handled;
  }

private:
  tally& tally_;
};

TEST(C3_Conservation, a_publish_to_n_subscribers_counts_n_while_they_attach_and_detach) {
  tally seen;
  troupe::runtime rt({.workers = 3, .name = "publish"});
  troupe::exchange<work> ex(rt, "work");
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> published{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&] {
      while (!stop.load()) {
        for (int i = 0; i != 50; ++i) published += ex.publish(work{0});
        std::this_thread::sleep_for(50us);
      }
    });
  }
  for (int round = 0; round != scaled(400); ++round) {
    auto a = rt.spawn<listener>(seen);
    auto b = rt.spawn<loop_listener>(seen);
    auto on_a = ex.attach(a);
    auto on_b = ex.attach(b);
    if (round % 4 == 0) std::this_thread::sleep_for(100us);
    if (round % 3 == 0) on_a.detach();
    if (round % 5 == 0) b.kill();
    a.close();
    on_b.detach();
    b.close();
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().sent, published.load());
  EXPECT_EQ(rt.counts().handled, seen.handled.load());
  EXPECT_TRUE(eventually([&] { return rt.alive() == 0; }));
  EXPECT_EQ(ex.subscribers(), 0u);
}

TEST(C3_Conservation, messages_without_a_subscriber_are_counted_as_unroutable) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<work> ex(rt, "work");
  EXPECT_EQ(ex.publish(work{0}), 0u);
  EXPECT_EQ(ex.unroutable(), 1u);
  EXPECT_EQ(rt.counts().sent, 0u);
}

}  // namespace
}  // namespace contracts
