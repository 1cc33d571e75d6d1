// C5: a down notice comes after destructor, unsubscription and unregistration; after detach() no delivery starts.

#include "support.hpp"

namespace contracts {
namespace {

struct poke {};
struct start {};

class leaves_a_mark : public troupe::actor {
public:
  explicit leaves_a_mark(int& destroyed) : destroyed_(destroyed) {}
  ~leaves_a_mark() { destroyed_ = 1; }  // plain: the notice itself must order it for whoever waited
  void on(const poke&) {}

private:
  int& destroyed_;
};

void end(const troupe::ref<leaves_a_mark>& a, int how) {
  if (how % 2 == 0)
    a.close();
  else
    a.kill();
}

TEST(C5_Gone, join_returns_after_destructor_unsubscription_and_unregistration) {
  troupe::runtime rt({.workers = 2, .name = "gone"});
  troupe::exchange<poke> ex(rt, "ex");
  for (int round = 0; round != scaled(2'000); ++round) {
    int destroyed = 0;
    auto a = rt.spawn<leaves_a_mark>(destroyed);
    troupe::subscription sub;
    if (round % 3 == 0) sub = ex.attach(a);
    end(a, round);
    ASSERT_TRUE(a.join(60s));
    ASSERT_EQ(destroyed, 1);
    ASSERT_EQ(rt.alive(), 0u) << "round " << round;
    ASSERT_FALSE(a.alive());
    ASSERT_EQ(ex.subscribers(), 0u);
  }
  expect_conserved(rt);
}

TEST(C5_Gone, a_question_about_the_end_that_comes_while_the_actor_ends_is_not_answered_early) {
  troupe::runtime rt({.workers = 1, .name = "gone"});
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> sink{0};
  // Looking at the list of the living holds its locks, and so stretches the moment of leaving it.
  std::thread looker([&] {
    while (!stop.load()) sink += rt.alive();
  });
  for (int round = 0; round != scaled(8'000); ++round) {
    int destroyed = 0;
    auto a = rt.spawn<leaves_a_mark>(destroyed);
    end(a, round);
    for (int spin = 0; spin != round % 256; ++spin) troupe::cpu_relax();
    ASSERT_TRUE(a.join(60s));
    ASSERT_EQ(destroyed, 1);
    ASSERT_EQ(rt.alive(), 0u) << "round " << round;
    ASSERT_FALSE(a.alive());
  }
  stop = true;
  looker.join();
}

TEST(C5_Gone, a_green_thread_that_awaits_the_end_finds_the_actor_gone) {
  troupe::runtime rt({.workers = 2, .name = "gone"});
  for (int round = 0; round != scaled(500); ++round) {
    int destroyed = 0;
    auto a = rt.spawn<leaves_a_mark>(destroyed);
    auto watcher = rt.spawn(
        [](troupe::ref<leaves_a_mark> who, const int& mark) -> troupe::task<bool> {
          auto reason = co_await who.when_ended();
          co_return reason&& mark == 1 && !who.alive();
        },
        a, std::cref(destroyed));
    if (round % 2 == 0) std::this_thread::sleep_for(10us);
    end(a, round / 2);
    ASSERT_TRUE(*watcher.get(60s));
  }
}

TEST(C5_Gone, the_end_of_an_actor_whose_constructor_threw_is_told) {
  class leaky : public troupe::actor {
  public:
    explicit leaky(std::vector<troupe::ref<leaky>>& out) {
      out.push_back(self(this));
      throw std::runtime_error("no");
    }
    void on(poke) {}
  };
  troupe::runtime rt({.workers = 1});
  std::vector<troupe::ref<leaky>> out;
  EXPECT_THROW(rt.spawn<leaky>(out), std::runtime_error);
  out.at(0).send(poke{});
  auto reason = out.at(0).join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, troupe::exit_kind::crashed);
  EXPECT_EQ(rt.alive(), 0u);
  expect_conserved(rt);
}

// --- detach ----------------------------------------------------------------------------------------------------------

/// Set by the test once detach() has returned; a delivery that starts later is a violation.
struct watch {
  std::atomic<bool> detached{false};
  std::atomic<int> delivered{0};
  std::atomic<int> late{0};
  void delivery() {
    if (detached.load()) ++late;
    ++delivered;
  }
};

class handler : public troupe::actor {
public:
  explicit handler(watch& w) : watch_(w) {}
  void on(const poke&) { watch_.delivery(); }

private:
  watch& watch_;
};

class coroutine_handler : public troupe::actor {
public:
  explicit coroutine_handler(watch& w) : watch_(w) {}
  troupe::task<> on(poke) {
    watch_.delivery();
    co_await troupe::this_task::yield();
  }

private:
  watch& watch_;
};

template <class Handler>
void check_detach() {
  troupe::runtime rt({.workers = 2, .name = "detach"});
  troupe::exchange<poke> ex(rt, "ex");
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    while (!stop.load()) {
      for (int i = 0; i != 20; ++i) ex.publish({});
      if (rt.counts().queued() > 1'000) std::this_thread::sleep_for(100us);
    }
  });
  int late = 0;
  for (int round = 0; round != scaled(2'000); ++round) {
    watch w;
    auto h = rt.spawn<Handler>(w);
    auto sub = ex.attach(h);
    for (int spin = 0; spin != round % 512; ++spin) troupe::cpu_relax();
    sub.detach();
    w.detached = true;
    h.close();
    if (!h.join(60s)) ADD_FAILURE() << "not ended";
    late += w.late;
  }
  stop = true;
  publisher.join();
  EXPECT_EQ(late, 0);
  expect_conserved(rt);
}

TEST(C5_Gone, after_detach_has_returned_no_delivery_starts) { check_detach<handler>(); }

TEST(C5_Gone, after_detach_has_returned_no_coroutine_handler_starts) { check_detach<coroutine_handler>(); }

class flagged : public troupe::actor {
public:
  flagged(const std::atomic<bool>& attached, std::atomic<int>& late) : attached_(attached), late_(late) {}
  troupe::task<> on(poke) {
    if (!attached_.load()) ++late_;
    co_return;
  }

private:
  const std::atomic<bool>& attached_;
  std::atomic<int>& late_;
};

TEST(C5_Gone, no_coroutine_handler_starts_late_when_one_attaches_and_detaches_again_and_again) {
  troupe::runtime rt({.workers = 2, .name = "detach"});
  troupe::exchange<poke> ex(rt, "ex");
  std::atomic<bool> stop{false};
  std::atomic<bool> attached{false};
  std::atomic<int> late{0};
  auto a = rt.spawn<flagged>(attached, late);
  std::thread publisher([&] {
    while (!stop.load()) {
      ex.publish({});
      for (int spin = 0; spin != 8; ++spin) troupe::cpu_relax();
    }
  });
  for (int round = 0; round != scaled(20'000); ++round) {
    attached = true;
    auto sub = ex.attach(a);
    for (int spin = 0; spin != round % 128; ++spin) troupe::cpu_relax();
    sub.detach();
    attached = false;
    for (int spin = 0; spin != 16; ++spin) troupe::cpu_relax();
  }
  stop = true;
  publisher.join();
  EXPECT_EQ(late.load(), 0);
  expect_conserved(rt);
}

TEST(C5_Gone, a_loop_actor_lives_on_when_it_is_detached_with_messages_on_their_way) {
  class loop : public troupe::loop_actor<poke, start> {
  public:
    explicit loop(int& started) : started_(started) {}
    troupe::task<> run() override {
      while (auto m = co_await receive()) started_ += std::holds_alternative<start>(*m) ? 1 : 0;
    }

  private:
    int& started_;
  };
  troupe::runtime rt({.workers = 2, .name = "detach"});
  troupe::exchange<poke> ex(rt, "ex");
  for (int round = 0; round != scaled(1'000); ++round) {
    int started = 0;
    auto l = rt.spawn<loop>(started);
    auto sub = ex.attach(l);
    for (int i = 0; i != 20; ++i) ex.publish({});
    sub.detach();
    l.send(start{});
    l.close();
    ASSERT_TRUE(l.join(60s));
    ASSERT_EQ(started, 1) << "the loop ended before it was closed";
  }
  expect_conserved(rt);
}

/// Detaches its own subscription at the first delivery.
class detaches_itself : public troupe::actor {
public:
  detaches_itself(troupe::exchange<poke> ex, std::atomic<int>& deliveries)
      : ex_(std::move(ex)), deliveries_(deliveries) {}
  void on(start) { sub_ = ex_.attach(self(this)); }
  void on(const poke&) {
    ++deliveries_;
    sub_.detach();
  }

private:
  troupe::exchange<poke> ex_;
  std::atomic<int>& deliveries_;
  troupe::subscription sub_;
};

TEST(C5_Gone, a_handler_may_detach_its_own_subscription) {
  troupe::runtime rt({.workers = 2, .name = "detach"});
  troupe::exchange<poke> ex(rt, "ex");
  std::atomic<int> deliveries{0};
  auto a = rt.spawn<detaches_itself>(ex, deliveries);
  a.send(start{});
  ASSERT_TRUE(rt.wait_idle(60s));
  for (int i = 0; i != 10; ++i) ex.publish({});
  expect_conserved(rt);
  EXPECT_EQ(deliveries.load(), 1);
  EXPECT_EQ(ex.subscribers(), 0u);
}

/// Detaches another's subscription from within its own delivery.
class detaches_the_other : public troupe::actor {
public:
  explicit detaches_the_other(troupe::subscription& other) : other_(other) {}
  void on(const poke&) { other_.detach(); }

private:
  troupe::subscription& other_;
};

TEST(C5_Gone, two_handlers_may_detach_each_others_subscription_at_the_same_time) {
  troupe::runtime rt({.workers = 2, .name = "detach"});
  for (int round = 0; round != scaled(500); ++round) {
    troupe::exchange<poke> ex(rt, "ex");
    troupe::subscription of_a;
    troupe::subscription of_b;
    auto a = rt.spawn<detaches_the_other>(of_b);
    auto b = rt.spawn<detaches_the_other>(of_a);
    of_a = ex.attach(a);
    of_b = ex.attach(b);
    ex.publish({});
    a.close();
    b.close();
    ASSERT_TRUE(a.join(60s)) << "round " << round;
    ASSERT_TRUE(b.join(60s)) << "round " << round;
  }
  expect_conserved(rt);
}

TEST(C5_Gone, attaching_an_actor_that_has_ended_or_just_ends_leaves_nothing_behind) {
  troupe::runtime rt({.workers = 2, .name = "detach"});
  troupe::exchange<poke> ex(rt, "ex");
  for (int round = 0; round != scaled(1'000); ++round) {
    int destroyed = 0;
    auto a = rt.spawn<leaves_a_mark>(destroyed);
    end(a, round);
    if (round % 4 == 0) {
      ASSERT_TRUE(a.join(60s));
    }
    auto sub = ex.attach(a);
    auto again = ex.attach(a);
    ASSERT_TRUE(a.join(60s));
    EXPECT_EQ(ex.subscribers(), 0u);
    EXPECT_EQ(ex.publish({}), 0u);
  }
  expect_conserved(rt);
}

}  // namespace
}  // namespace contracts
