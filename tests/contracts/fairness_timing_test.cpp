// C8: a runnable actor waits for a bounded number of slices of others; a blocking handler does not stop the rest.

#include "support.hpp"

namespace contracts {
namespace {

using clock = std::chrono::steady_clock;

struct spin {};
struct poke {};

class floods_itself : public troupe::actor {
public:
  floods_itself(std::atomic<bool>& stop, std::atomic<long>& handled) : stop_(stop), handled_(handled) {}
  void on(spin) {
    ++handled_;
    if (!stop_.load(std::memory_order_relaxed)) self(this).send(spin{});
  }

private:
  std::atomic<bool>& stop_;
  std::atomic<long>& handled_;
};

/// Notes how far the others had come when its message was handled.
class notes : public troupe::actor {
public:
  notes(std::atomic<long>& others, std::atomic<long>& seen) : others_(others), seen_(seen) {}
  void on(poke) { seen_ = others_.load(); }

private:
  std::atomic<long>& others_;
  std::atomic<long>& seen_;
};

TEST(C8_Fairness, an_actor_that_gets_one_message_is_not_starved_by_two_that_flood_themselves) {
  std::atomic<bool> stop{false};
  std::atomic<long> flooded{0};
  troupe::runtime rt({.workers = 1, .name = "fair", .budget = 16, .quantum = 0ns});
  for (int i = 0; i != 2; ++i) rt.spawn<floods_itself>(stop, flooded).send(spin{});
  for (int round = 0; round != 50; ++round) {
    std::atomic<long> seen{-1};
    auto n = rt.spawn<notes>(flooded, seen);
    const long before = flooded.load();
    n.send(poke{});
    const long sent = flooded.load();
    ASSERT_TRUE(eventually([&] { return seen.load() >= 0; }));
    // The bound: every 61 slices the worker takes one job from outside, and the end of the round before may stand in
    // front.
    EXPECT_LE(seen.load() - sent, (sent - before) + 2 * 70 * 16L) << "round " << round;
    n.close();
  }
  stop = true;
  expect_conserved(rt);
}

/// Two that wake each other, from slot to slot.
class ping_pong : public troupe::actor {
public:
  ping_pong(std::atomic<bool>& stop, std::atomic<long>& handled) : stop_(stop), handled_(handled) {}
  void on(troupe::ref<ping_pong> other) {
    ++handled_;
    if (!stop_.load(std::memory_order_relaxed)) other.send(self(this));
  }

private:
  std::atomic<bool>& stop_;
  std::atomic<long>& handled_;
};

/// Floods itself as well, and notes how much the others had talked after its first and its last thousand.
class flood_that_listens : public troupe::actor {
public:
  static constexpr long rounds = 20'000;

  flood_that_listens(std::atomic<long>& talked, std::atomic<long>& talked_meanwhile)
      : talked_(talked), talked_meanwhile_(talked_meanwhile) {}
  void on(spin) {
    if (++handled_ == 1'000) talked_before_ = talked_.load();
    if (handled_ == 1'000 + rounds)
      talked_meanwhile_ = talked_.load() - talked_before_;
    else
      self(this).send(spin{});
  }

private:
  std::atomic<long>& talked_;
  std::atomic<long>& talked_meanwhile_;
  long talked_before_ = 0;
  long handled_ = 0;
};

TEST(C8_Fairness, a_conversation_does_not_starve_who_waits_in_the_queue) {
  std::atomic<bool> stop{false};
  std::atomic<long> talked{0};
  std::atomic<long> talked_meanwhile{-1};
  troupe::runtime rt({.workers = 1, .name = "fair", .budget = 16, .quantum = 0ns});
  auto a = rt.spawn<ping_pong>(stop, talked);
  auto b = rt.spawn<ping_pong>(stop, talked);
  a.send(b);
  ASSERT_TRUE(eventually([&] { return talked.load() > 500; }));
  rt.spawn<flood_that_listens>(talked, talked_meanwhile).send(spin{});
  EXPECT_TRUE(eventually([&] { return talked_meanwhile.load() >= 0; }));
  // Neither gets more than a bounded multiple of the other: a turn is 16 messages here and 16 slices there.
  // Both run on one worker, so what holds that up holds up both.
  const double share = static_cast<double>(talked_meanwhile) / flood_that_listens::rounds;
  EXPECT_GT(share, 0.005);
  EXPECT_LT(share, 20.0);
  stop = true;
  expect_conserved(rt);
}

/// Wakes others, then blocks until it is told to go on.
class wakes_then_blocks : public troupe::actor {
public:
  wakes_then_blocks(std::vector<troupe::ref<notes>> others, std::atomic<bool>& go_on)
      : others_(std::move(others)), go_on_(go_on) {}
  void on(spin) {
    for (auto& o : others_) o.send(poke{});
    EXPECT_TRUE(eventually([&] { return go_on_.load(); }));
  }

private:
  std::vector<troupe::ref<notes>> others_;
  std::atomic<bool>& go_on_;
};

TEST(C8_Fairness, a_handler_that_blocks_does_not_delay_whom_it_woke_before) {
  std::atomic<long> zero{0};
  std::atomic<long> seen[3] = {-1, -1, -1};
  troupe::runtime rt({.workers = 2, .name = "fair"});
  std::vector<troupe::ref<notes>> others;
  for (auto& s : seen) others.push_back(rt.spawn<notes>(zero, s));
  std::atomic<bool> go_on{false};
  auto b = rt.spawn<wakes_then_blocks>(others, std::ref(go_on));
  ASSERT_TRUE(rt.wait_idle(60s));
  b.send(spin{});
  EXPECT_TRUE(eventually([&] { return seen[0] == 0 && seen[1] == 0 && seen[2] == 0; }));
  go_on = true;
}

/// Blocks until the gate is open.
class blocks_at : public troupe::actor {
public:
  explicit blocks_at(std::atomic<bool>& open) : open_(open) {}
  void on(spin) { open_.wait(false); }

private:
  std::atomic<bool>& open_;
};

class opens : public troupe::actor {
public:
  explicit opens(std::atomic<bool>& open) : open_(open) {}
  void on(spin) {
    open_ = true;
    open_.notify_all();
  }

private:
  std::atomic<bool>& open_;
};

TEST(C8_Fairness, handlers_that_block_every_worker_do_not_stop_the_rest) {
  std::atomic<bool> open{false};
  troupe::runtime rt({.workers = 2, .name = "fair"});
  for (int i = 0; i != 8; ++i) rt.spawn<blocks_at>(open).send(spin{});
  rt.spawn<opens>(open).send(spin{});
  EXPECT_TRUE(eventually([&] { return open.load(); }));
  if (!open.exchange(true)) open.notify_all();
  expect_conserved(rt);
}

TEST(C8_Fairness, timers_fire_while_all_workers_are_busy_and_others_can_run) {
  std::atomic<bool> stop{false};
  std::atomic<long> flooded{0};
  troupe::runtime rt({.workers = 2, .name = "fair"});
  for (int i = 0; i != 4; ++i) rt.spawn<floods_itself>(stop, flooded).send(spin{});
  auto sleeper = rt.spawn([]() -> troupe::task<std::chrono::nanoseconds> {
    const auto start = clock::now();
    for (int i = 0; i != 5; ++i) co_await troupe::this_task::sleep_for(5ms);
    co_return clock::now() - start;
  });
  auto took = sleeper.get(60s);  // they would never come if only idle workers looked at the timers
  stop = true;
  ASSERT_TRUE(took);
  EXPECT_GE(*took, 25ms);
}

TEST(C8_Fairness, a_question_times_out_while_all_workers_block) {
  class blocks : public troupe::actor {
  public:
    explicit blocks(std::atomic<bool>& until) : until_(until) {}
    void on(spin) {
      EXPECT_TRUE(eventually([&] { return until_.load(); }));
    }

  private:
    std::atomic<bool>& until_;
  };
  std::atomic<bool> waits{false};
  std::atomic<bool> timed_out{false};
  troupe::runtime rt({.workers = 2, .name = "fair"});
  troupe::promise<int> never(rt.scheduler());
  auto f = never.get_future(30ms);
  auto waiter = rt.spawn(
      [](troupe::future<int> reply, std::atomic<bool>& begun, std::atomic<bool>& flag) -> troupe::task<> {
        begun = true;
        auto r = co_await reply;
        flag = !r && r.error() == troupe::errc::timeout;
      },
      std::move(f), std::ref(waits), std::ref(timed_out));
  EXPECT_TRUE(eventually([&] { return waits.load(); }));
  for (int i = 0; i != 2; ++i) rt.spawn<blocks>(timed_out).send(spin{});
  // The housekeeper ends the wait, and the waiter runs on a thread that stands in.
  EXPECT_TRUE(waiter.get(60s));
  EXPECT_TRUE(timed_out.load());
}

struct woken {};

/// Says that it has run.
class says_so : public troupe::actor {
public:
  explicit says_so(std::atomic<long>& rounds) : rounds_(rounds) {}
  void on(woken) { ++rounds_; }

private:
  std::atomic<long>& rounds_;
};

/// Wakes another, makes an actor, and waits for the other in its handler.
class makes_and_goes_on : public troupe::actor {
public:
  makes_and_goes_on(troupe::runtime& rt, std::atomic<long>& rounds) : rt_(rt), rounds_(rounds) {}
  bool on(spin) {
    auto other = rt_.spawn<says_so>(rounds_);
    const long before = rounds_.load();
    other.send(woken{});
    auto made = rt_.spawn<says_so>(rounds_);  // and not woken, which would take the other's place
    const auto limit = clock::now() + 10s;
    while (rounds_.load() == before && clock::now() < limit) std::this_thread::yield();
    other.close();
    made.close();
    return rounds_.load() != before;
  }

private:
  troupe::runtime& rt_;
  std::atomic<long>& rounds_;
};

TEST(C8_Fairness, what_an_actor_has_woken_before_it_makes_others_runs_beside_it) {
  std::atomic<long> rounds{0};
  troupe::runtime rt({.workers = 2, .name = "fair"});
  auto maker = rt.spawn<makes_and_goes_on>(rt, rounds);
  const auto begin = clock::now();
  for (int i = 0; i != 400; ++i) ASSERT_TRUE(maker.ask(spin{}, 60s).get().value_or(false));
  // The housekeeper would come to its help every time, after 10 to 20 ms.
  EXPECT_LT(clock::now() - begin, 2s);
  expect_conserved(rt);
}

}  // namespace
}  // namespace contracts
