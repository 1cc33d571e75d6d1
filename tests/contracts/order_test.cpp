// C1: from one sender to one receiver messages are handled in the order sent.

#include "support.hpp"

#include <array>

namespace contracts {
namespace {

constexpr int senders = 6;

struct numbered {
  int sender;
  int n;
};
struct get_report {};
struct report {
  int received = 0;
  int out_of_order = 0;
  int migrated = 0;
};

class receiver : public troupe::actor {
public:
  void on(const numbered& m) {
    where_.look();
    ++report_.received;
    int& expected = next_[static_cast<std::size_t>(m.sender)];
    if (m.n != expected) ++report_.out_of_order;
    expected = m.n + 1;
  }
  report on(get_report) {
    report_.migrated = where_.changes();
    return report_;
  }

private:
  std::array<int, senders> next_{};
  migrations where_;
  report report_;
};

/// Now and then blocks whatever worker it is on, so that what is queued there is stolen by the others.
class blocking_neighbour : public troupe::actor {
public:
  explicit blocking_neighbour(std::atomic<bool>& stop) : stop_(stop) {}
  troupe::task<> on(int n) {
    co_await troupe::this_task::sleep_for(std::chrono::microseconds(100 + n % 7 * 50));
    std::this_thread::sleep_for(300us);
    if (!stop_.load()) self(this).send(n + 1);
  }

private:
  std::atomic<bool>& stop_;
};

struct go {};

/// How a numbered message reaches the receiver.
using way = std::function<void(numbered)>;

class sender : public troupe::actor {
public:
  sender(int number, int total, way out, std::atomic<int>& migrated)
      : number_(number), total_(total), out_(std::move(out)), migrated_(migrated) {}
  void on(go) {
    where_.look();
    for (int i = 0; i != 5 && n_ != total_; ++i) out_({number_, n_++});
    if (n_ != total_)
      self(this).send(go{});
    else
      migrated_ += where_.changes();
  }

private:
  int number_;
  int total_;
  way out_;
  std::atomic<int>& migrated_;
  migrations where_;
  int n_ = 0;
};

troupe::task<> green_sender(int number, int total, way out, std::atomic<int>& migrated) {
  migrations where;
  for (int n = 0; n != total; ++n) {
    out({number, n});
    if (n % 5 == 0) co_await troupe::this_task::yield();
    if (n % 500 == 0) co_await troupe::this_task::sleep_for(100us);
    where.look();
  }
  migrated += where.changes();
}

using way_maker = std::function<way(troupe::runtime&, troupe::ref<receiver>)>;

/// Two actors, two green threads and two OS threads send while all of them and the receiver are moved about. True if
/// they have been: if the receiver and some sender were on more than one worker.
bool keeps_order_and_migrates(const way_maker& make_way) {
  const int total = scaled(20'000);
  std::atomic<bool> stop{false};
  std::atomic<int> migrated_actors{0};
  std::atomic<int> migrated_green{0};
  troupe::runtime rt({.workers = 4, .name = "order", .budget = 3, .quantum = 0ns});
  auto to = rt.spawn<receiver>();
  const way out = make_way(rt, to);
  for (int i = 0; i != 4; ++i) rt.spawn<blocking_neighbour>(stop).send(i);
  for (int i = 0; i != 2; ++i) rt.spawn<sender>(i, total, out, migrated_actors).send(go{});
  std::vector<troupe::future<void>> green;
  for (int i = 2; i != 4; ++i) green.push_back(rt.spawn(green_sender, i, total, out, std::ref(migrated_green)));
  std::vector<std::thread> threads;
  for (int i = 4; i != 6; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n != total; ++n) {
        out({i, n});
        if (n % 64 == 0) std::this_thread::sleep_for(50us);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (auto& g : green) EXPECT_TRUE(g.get(60s));
  report last;
  EXPECT_TRUE(eventually([&] {
    last = *to.ask(get_report{}).get(60s);
    return last.received == senders * total;
  }));
  stop = true;
  EXPECT_EQ(last.out_of_order, 0);
  expect_conserved(rt);
  return last.migrated > 0 && migrated_actors.load() + migrated_green.load() > 0;
}

/// A run without migrations shows nothing, so there is another; all have to be in order.
void check_order(const way_maker& make_way) {
  for (int run = 0; run != 20 && !testing::Test::HasFailure(); ++run)
    if (keeps_order_and_migrates(make_way)) return;
  ADD_FAILURE() << "nobody was ever moved to another worker";
}

TEST(C1_Order, sent_messages_are_handled_in_the_order_sent_while_both_sides_migrate) {
  check_order([](troupe::runtime&, troupe::ref<receiver> to) -> way { return [to](numbered m) { to.send(m); }; });
}

TEST(C1_Order, messages_sent_by_an_address_are_handled_in_the_order_sent) {
  check_order([](troupe::runtime&, troupe::address<numbered> to) -> way { return [to](numbered m) { to.send(m); }; });
}

TEST(C1_Order, published_messages_are_handled_in_the_order_published_while_both_sides_migrate) {
  std::vector<troupe::subscription> kept;
  check_order([&](troupe::runtime& rt, troupe::ref<receiver> to) -> way {
    troupe::exchange<numbered> ex(rt, "numbers");
    kept.push_back(ex.attach(to));
    return [ex](numbered m) mutable { ex.publish(m); };
  });
}

TEST(C1_Order, what_a_sender_published_is_handled_before_what_it_then_sends_directly) {
  std::vector<troupe::subscription> kept;
  check_order([&](troupe::runtime& rt, troupe::ref<receiver> to) -> way {
    troupe::exchange<numbered> ex(rt, "numbers", troupe::topic{});
    kept.push_back(ex.attach(to, "a.#"));
    return [ex, to](numbered m) mutable {
      if (m.n % 3 == 0)
        ex.publish("a.b", m);
      else
        to.send(m);
    };
  });
}

TEST(C1_Order, what_was_published_is_handled_before_a_question_and_before_a_close) {
  troupe::runtime rt({.workers = 4, .name = "order", .budget = 3, .quantum = 0ns});
  for (int round = 0; round != scaled(2'000); ++round) {
    auto to = rt.spawn<receiver>();
    troupe::exchange<numbered> ex(rt, "numbers");
    auto sub = ex.attach(to);
    for (int n = 0; n != 20; ++n) ex.publish({0, n});
    auto seen = to.ask(get_report{});
    for (int n = 20; n != 40; ++n) ex.publish({0, n});
    to.close();
    EXPECT_GE(seen.get(60s)->received, 20);  // later publishes may overtake the question
    ASSERT_TRUE(to.join(60s));
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 0u);
}

struct published {
  int n;
};
struct direct {
  int published_before;
};

/// Counts direct messages that come before what their sender had published.
class two_ways : public troupe::actor {
public:
  explicit two_ways(std::atomic<int>& early) : early_(early) {}
  void on(const published& p) { seen_ = p.n; }
  void on(direct d) {
    if (seen_ < d.published_before) ++early_;
  }

private:
  int seen_ = 0;
  std::atomic<int>& early_;
};

TEST(C1_Order, a_direct_message_never_overtakes_what_was_published_whether_its_receiver_is_busy_or_just_goes_idle) {
  std::atomic<int> early{0};
  troupe::runtime rt({.workers = 2, .name = "order"});
  auto to = rt.spawn<two_ways>(early);
  troupe::exchange<published> ex(rt, "published");
  auto sub = ex.attach(to);
  for (int n = 1; n <= scaled(100'000); ++n) {
    ex.publish({n});
    // So that the direct message comes just when the receiver has read the published one, now and then.
    for (int spin = 0; spin != n % 61 * 2; ++spin) troupe::cpu_relax();
    to.send(direct{n});
    for (int spin = 0; spin != n % 7 * 8; ++spin) troupe::cpu_relax();
  }
  expect_conserved(rt);
  EXPECT_EQ(early.load(), 0);
}

class closing_sender : public troupe::actor {
public:
  explicit closing_sender(troupe::ref<receiver> to) : to_(std::move(to)) {}
  void on(go) {
    for (int n = 0; n != 50; ++n) to_.send(numbered{0, n});
    to_.close();
  }

private:
  troupe::ref<receiver> to_;
};

TEST(C1_Order, an_actors_close_comes_after_what_it_sent) {
  troupe::runtime rt({.workers = 4, .name = "order", .budget = 3, .quantum = 0ns});
  for (int round = 0; round != scaled(300); ++round) {
    auto to = rt.spawn<receiver>();
    rt.spawn<closing_sender>(to).send(go{});
    ASSERT_TRUE(to.join(60s));
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 0u);
}

}  // namespace
}  // namespace contracts
