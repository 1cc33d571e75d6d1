#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "policies.hpp"

// Subscriptions with a limit and the policy `block`: nothing is lost, and those who publish are slowed down.

namespace policies {

using troupe::errc;

class Blocking : public testing::TestWithParam<troupe::exchange_kind> {
protected:
  std::string key() const { return GetParam() == troupe::exchange_kind(troupe::fanout{}) ? "" : "a.b"; }
};

INSTANTIATE_TEST_SUITE_P(Kinds, Blocking,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::topic{})));

/// Counts, and checks that what each publisher numbers comes in order.
class counter : public troupe::actor {
public:
  explicit counter(std::shared_ptr<std::atomic<int>> published = nullptr, int most = 0)
      : published_(std::move(published)), most_(most) {}
  void on(const note& n) {
    ++count_;
    if (n.n != 0) last_ = n.n;
    if (published_ && published_->load() - count_ > most_) ++beyond_;
  }
  std::pair<int, int> on(seen) const { return {count_, beyond_}; }

private:
  std::shared_ptr<std::atomic<int>> published_;
  int most_;
  int count_ = 0;
  int last_ = 0;
  int beyond_ = 0;
};

TEST_P(Blocking, os_threads_and_green_threads_wait_for_room_and_lose_nothing) {
  constexpr int each = 5000, limit = 10;
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  const auto published = std::make_shared<std::atomic<int>>(0);
  // Beside what waits: what it has at hand, and one of each publisher that has seen the same room.
  const auto slow = rt.spawn<counter>(published, limit + 8);
  const auto other = rt.spawn<counter>();
  auto a = notes.attach(slow, key(), {.limit = limit});
  auto b = notes.attach(other, key(), {.limit = 3});
  std::vector<std::thread> threads;
  std::vector<troupe::green_thread<void>> green;
  for (int t = 0; t != 2; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i != each; ++i) {
        EXPECT_EQ(notes.publish_wait(key(), note{i}).get().value(), 2u);
        published->fetch_add(1);
      }
    });
  for (int t = 0; t != 2; ++t)
    green.push_back(rt.spawn(
        [](troupe::exchange<note> x, std::string k, std::shared_ptr<std::atomic<int>> sum) -> troupe::task<> {
          for (int i = 0; i != each; ++i) {
            auto wait = x.publish_wait(k, note{i});
            const auto receivers = co_await wait;
            EXPECT_EQ(receivers.value(), 2u);
            sum->fetch_add(1);
          }
        },
        notes, key(), published));
  for (auto& t : threads) t.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(slow.ask(seen{}).get().value(), (std::pair{4 * each, 0}));
  EXPECT_EQ(other.ask(seen{}).get().value(), (std::pair{4 * each, 0}));
  expect_conserved(rt);
}

/// Publishes a number of notes in one handler that cannot wait.
class flooder : public troupe::actor {
public:
  flooder(troupe::exchange<note> to, std::string key) : to_(std::move(to)), key_(std::move(key)) {}
  void on(direct_note n) {
    for (int i = 0; i != n.n; ++i) to_.publish(key_, note{i});
    ++rounds_;
  }
  int on(seen) const { return rounds_; }

private:
  troupe::exchange<note> to_;
  std::string key_;
  int rounds_ = 0;
};

TEST_P(Blocking, an_actor_that_goes_beyond_the_limit_is_muted_until_half_of_it_is_free) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  const auto f = rt.spawn<flooder>(notes, key());
  const auto r = rt.spawn<sleeper>();  // each note takes it a millisecond
  auto sub = notes.attach(r, key(), {.limit = 4});
  f.send(direct_note{10});
  f.send(direct_note{10});
  f.send(direct_note{10});
  rt.run();
  EXPECT_EQ(f.ask(seen{}).get().value(), 3);
  EXPECT_EQ(r.ask(seen{}).get().value().size(), 30u);
  EXPECT_EQ(sub.lost(), 0u);
  expect_conserved(rt);
}

/// Publishes to an exchange that it reads itself.
class echo : public troupe::actor {
public:
  echo(troupe::exchange<note> to, std::string key) : to_(std::move(to)), key_(std::move(key)) {}
  void on(const note& n) {
    ++count_;
    for (int i = 0; i < n.n; ++i) to_.publish(key_, note{0});
  }
  int on(seen) const { return count_; }

private:
  troupe::exchange<note> to_;
  std::string key_;
  int count_ = 0;
};

TEST_P(Blocking, a_cycle_of_muted_actors_is_broken_and_counted) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> ping(rt, "ping", GetParam());
  troupe::exchange<note> pong(rt, "pong", GetParam());
  const auto a = rt.spawn<echo>(pong, key());
  const auto b = rt.spawn<echo>(ping, key());
  auto sa = ping.attach(a, key(), {.limit = 2});
  auto sb = pong.attach(b, key(), {.limit = 2});
  for (int i = 0; i != 50; ++i) {
    ping.publish(key(), note{20});
    pong.publish(key(), note{20});
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(a.ask(seen{}).get().value(), 50 + 50 * 20);
  EXPECT_EQ(b.ask(seen{}).get().value(), 50 + 50 * 20);
  expect_conserved(rt);
}

TEST_P(Blocking, whoever_waits_for_itself_is_told_of_the_deadlock) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  class self_waiter : public troupe::actor {
  public:
    self_waiter(troupe::exchange<note> to, std::string key) : to_(std::move(to)), key_(std::move(key)) {}
    troupe::task<> on(const note& n) {
      if (n.n == 0) co_return;
      for (int i = 0; i != 5; ++i) {
        auto wait = to_.publish_wait(key_, note{0});
        const auto done = co_await wait;
        if (!done) codes_.push_back(done.error().code());
      }
    }
    std::vector<errc> on(seen) const { return codes_; }

  private:
    troupe::exchange<note> to_;
    std::string key_;
    std::vector<errc> codes_;
  };
  const auto r = rt.spawn<self_waiter>(notes, key());
  auto sub = notes.attach(r, key(), {.limit = 2});
  notes.publish(key(), note{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<errc>(3, errc::deadlock)));
  expect_conserved(rt);
}

TEST_P(Blocking, a_wait_ends_with_its_time_with_a_detach_and_with_the_subscriber) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  contracts::barrier gate;
  class held : public troupe::actor {
  public:
    explicit held(const contracts::barrier& b) : barrier_(&b) {}
    void on(const note&) { barrier_->wait(); }

  private:
    const contracts::barrier* barrier_;
  };
  const auto r = rt.spawn<held>(gate);
  auto sub = notes.attach(r, key(), {.limit = 1});
  notes.publish(key(), note{});
  ASSERT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  notes.publish(key(), note{});
  EXPECT_EQ(notes.publish_wait(key(), note{}, 1ms).get().error().code(), errc::timeout);
  std::atomic<bool> over{false};
  std::thread waiting([&] {
    EXPECT_EQ(notes.publish_wait(key(), note{}).get().value(), 0u) << "nobody is attached any more";
    over = true;
  });
  std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(over.load());
  gate.open();
  sub.detach();
  waiting.join();
  auto again = notes.attach(r, key(), {.limit = 1});
  r.kill();
  ASSERT_TRUE(r.join(60s));
  EXPECT_EQ(notes.publish_wait(key(), note{}).get().value(), 0u);
  expect_conserved(rt);
}

TEST(BlockingOneOfMany, a_publisher_does_not_wait_for_those_who_do_not_get_the_message) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<note> notes(rt, "notes", troupe::topic{});
  const auto full = rt.spawn<reader>();
  const auto other = rt.spawn<reader>();
  auto a = notes.attach(full, "a", {.limit = 1});
  auto b = notes.attach(other, "b", {.limit = 1});
  notes.publish("a", note{1});
  EXPECT_EQ(notes.publish_wait("b", note{2}, 0ms).get().value(), 1u);
  EXPECT_EQ(notes.publish_wait("a", note{3}, 0ms).get().error().code(), errc::timeout);
  rt.run();
  EXPECT_EQ(seen_by(full), (std::vector<int>{1}));
  EXPECT_EQ(notes.publish_wait("a", note{4}, 0ms).get().value(), 1u);
  rt.run();
  expect_conserved(rt);
}

}  // namespace policies
