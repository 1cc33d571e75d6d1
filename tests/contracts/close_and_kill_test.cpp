// C4: what a sender sent before close() is handled, what comes after is a dead letter; kill overtakes, discards,
// counts.

#include "support.hpp"

namespace contracts {
namespace {

struct step {
  int n;
};
struct wait_for {
  const barrier* opened;
};

class walker : public troupe::actor {
public:
  explicit walker(std::atomic<int>& steps) : steps_(steps) {}
  int on(step s) {
    ++steps_;
    return s.n;
  }
  void on(wait_for w) { w.opened->wait(); }

private:
  std::atomic<int>& steps_;
};

class loop_walker : public troupe::loop_actor<step> {
public:
  explicit loop_walker(std::atomic<int>& steps) : steps_(steps) {}
  troupe::task<> run() override {
    while (auto m = co_await receive()) ++steps_;
  }

private:
  std::atomic<int>& steps_;
};

template <class Walker>
void check_close_drains() {
  troupe::runtime rt({.workers = 2, .name = "close", .budget = 3, .quantum = 0ns});
  std::uint64_t late = 0;
  for (int round = 0; round != scaled(500); ++round) {
    std::atomic<int> steps{0};
    auto w = rt.spawn<Walker>(steps);
    for (int i = 0; i != round % 40; ++i) w.send(step{i});
    w.close();
    for (int i = 0; i != 3; ++i, ++late) w.send(step{i});
    auto reason = w.join(60s);
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->kind, troupe::exit_kind::normal);
    ASSERT_EQ(steps.load(), round % 40);
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, late);
  EXPECT_EQ(rt.counts().dropped, 0u);
}

TEST(C4_CloseDrains, exactly_what_the_closer_sent_before_is_handled) { check_close_drains<walker>(); }

TEST(C4_CloseDrains, exactly_what_the_closer_sent_before_is_received_by_a_loop) { check_close_drains<loop_walker>(); }

TEST(C4_CloseDrains, also_while_others_keep_sending) {
  troupe::runtime rt({.workers = 2, .name = "close", .budget = 3, .quantum = 0ns});
  for (int round = 0; round != scaled(200); ++round) {
    std::atomic<int> from_closer{0};
    std::atomic<int> from_other{0};
    class two : public troupe::actor {
    public:
      two(std::atomic<int>& a, std::atomic<int>& b) : closers_(a), others_(b) {}
      void on(step s) { ++(s.n < 0 ? others_ : closers_); }

    private:
      std::atomic<int>& closers_;
      std::atomic<int>& others_;
    };
    auto t = rt.spawn<two>(from_closer, from_other);
    int accepted = 0;
    std::thread other([&] {
      for (int i = 0; i != 100; ++i) accepted += t.try_send(step{-1}) == troupe::send_status::queued ? 1 : 0;
    });
    for (int i = 0; i != 30; ++i) t.send(step{i});
    t.close();
    other.join();
    ASSERT_TRUE(t.join(60s));
    ASSERT_EQ(from_closer.load(), 30);
    ASSERT_LE(from_other.load(), accepted);
  }
  expect_conserved(rt);
}

TEST(C4_CloseDrains, questions_that_come_after_the_close_are_refused) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> steps{0};
  auto w = rt.spawn<walker>(steps);
  auto before = w.ask(step{1});
  w.close();
  auto after = w.ask(step{2});
  EXPECT_EQ(*before.get(60s), 1);
  auto refused = after.get(60s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), troupe::errc::closed);
  ASSERT_TRUE(w.join(60s));
  EXPECT_EQ(w.try_send(step{3}), troupe::send_status::closed);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 2u);
}

TEST(C4_CloseDrains, kill_overtakes_what_is_queued_discards_it_and_counts_it) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> steps{0};
  barrier opened;
  auto w = rt.spawn<walker>(steps);
  w.send(wait_for{&opened});
  ASSERT_TRUE(eventually([&] { return opened.reached(); }));
  for (int i = 0; i != 100; ++i) w.send(step{i});
  auto asked = w.ask(step{100});
  w.close();
  w.kill();
  opened.open();
  auto reason = w.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, troupe::exit_kind::killed);
  EXPECT_EQ(asked.get(60s).error(), troupe::errc::killed);
  expect_conserved(rt);
  EXPECT_EQ(steps.load(), 0);
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().dropped, 101u);
}

TEST(C4_CloseDrains, kill_ends_a_handler_that_waits) {
  class sleeper : public troupe::actor {
  public:
    explicit sleeper(std::atomic<bool>& begun) : begun_(begun) {}
    troupe::task<int> on(step) {
      begun_ = true;
      co_await troupe::this_task::sleep_for(1h);
      co_return 1;
    }

  private:
    std::atomic<bool>& begun_;
  };
  std::atomic<bool> begun{false};
  troupe::runtime rt({.workers = 1});
  auto s = rt.spawn<sleeper>(begun);
  auto asked = s.ask(step{1});
  s.send(step{2});
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  s.kill();
  EXPECT_EQ(s.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(asked.get(60s).error(), troupe::errc::killed);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dropped, 2u);
}

}  // namespace
}  // namespace contracts
