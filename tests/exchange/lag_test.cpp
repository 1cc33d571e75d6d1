// Subscribers that are so far behind that publishers do not stop for them: what they get is what they would have got if
// each message had been pushed to them.

#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../contracts/support.hpp"
#include "policies.hpp"

namespace lag {

using namespace std::chrono_literals;
using troupe::lagged;
using troupe::loss;
using troupe::subscription_policy;

/// No more than its bytes: it can stay in the log.
struct tick {
  int n = 0;
  std::array<int, 15> rest{};
};
struct direct {
  int n = 0;
};
struct seen {};

/// A gap of n is noted as -n.
class reader : public troupe::actor {
public:
  void on(const tick& t) { seen_.push_back(t.n); }
  void on(const direct& d) { seen_.push_back(d.n); }
  void on(const lagged& l) { seen_.push_back(-static_cast<int>(l.count)); }
  std::vector<int> on(seen) const { return seen_; }

private:
  std::vector<int> seen_;
};

/// Not told of gaps.
class plain_reader : public troupe::actor {
public:
  void on(const tick& t) { seen_.push_back(t.n); }
  std::vector<int> on(seen) const { return seen_; }

private:
  std::vector<int> seen_;
};

/// Does something in its handlers.
class scripted : public reader {
public:
  using script = std::function<void(const troupe::ref<scripted>& me, int n)>;
  explicit scripted(script s) : script_(std::move(s)) {}
  using reader::on;
  void on(const tick& t) {
    reader::on(t);
    script_(self(this), t.n);
  }
  void on(const direct& d) {
    reader::on(d);
    script_(self(this), d.n);
  }

private:
  script script_;
};

template <class A>
std::vector<int> seen_by(const troupe::ref<A>& r) {
  return r.ask(seen{}).get().value();
}

std::vector<int> from_to(int first, int last) {
  std::vector<int> all(static_cast<std::size_t>(last - first));
  std::iota(all.begin(), all.end(), first);
  return all;
}
std::vector<int> operator+(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

constexpr int many = 3000;  // more than the log keeps for those who lag

class Lag : public testing::Test {
protected:
  void publish(int first, int last) {
    for (int i = first; i != last; ++i) ticks.publish({i});
  }

  /// A reader with a limit of 10, and one without that reads the log.
  struct two_readers {
    troupe::ref<reader> slow;
    troupe::ref<plain_reader> fast;
    troupe::subscription sub, other;
  };
  two_readers attach_two(subscription_policy policy) {
    const auto slow = rt.spawn<reader>();
    const auto fast = rt.spawn<plain_reader>();
    auto sub = ticks.attach(slow, {.policy = policy, .limit = 10});
    return {slow, fast, std::move(sub), ticks.attach(fast)};
  }

  std::uint64_t lost_here(loss why) { return policies::lost_in(rt, why); }

  /// The actors do not come to what is published until the runtime is run.
  troupe::runtime rt{{.scheduling = troupe::schedule::round_robin, .measure = true}};
  troupe::exchange<tick> ticks{rt, "ticks"};
};

TEST_F(Lag, drop_oldest_keeps_the_newest_however_many_pass) {
  for (const int n : {11, 12, 70, 500, 700, many}) {
    auto [r, fast, sub, other] = attach_two(subscription_policy::drop_oldest);
    publish(0, n);
    EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(n - 10)) << "before it has read";
    EXPECT_EQ(sub.counts().lag, 10u);
    rt.run();
    EXPECT_EQ(seen_by(r), std::vector<int>{-(n - 10)} + from_to(n - 10, n));
    EXPECT_EQ(seen_by(fast), from_to(0, n));
    EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(n - 10));
    publish(n, n + 3);
    rt.run();
    EXPECT_EQ(seen_by(r), std::vector<int>{-(n - 10)} + from_to(n - 10, n + 3)) << "it has caught up";
  }
  contracts::expect_conserved(rt);
}

TEST_F(Lag, drop_oldest_works_without_anybody_who_reads_the_log) {
  const auto r = rt.spawn<reader>();
  auto sub = ticks.attach(r, {.policy = subscription_policy::drop_oldest, .limit = 10});
  publish(0, many);
  rt.run();
  EXPECT_EQ(seen_by(r), std::vector<int>{-(many - 10)} + from_to(many - 10, many));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, those_who_keep_different_numbers_do_not_disturb_each_other) {
  const auto few = rt.spawn<reader>();
  const auto more = rt.spawn<reader>();
  const auto all = rt.spawn<reader>();
  const auto last = rt.spawn<plain_reader>();
  const auto fast = rt.spawn<plain_reader>();
  auto subs = std::array{ticks.attach(few, {.policy = subscription_policy::drop_oldest, .limit = 2}),
                         ticks.attach(more, {.policy = subscription_policy::drop_oldest, .limit = 300}),
                         ticks.attach(all, {.policy = subscription_policy::drop_oldest, .limit = 100'000}),
                         ticks.attach(last, {.policy = subscription_policy::conflate}), ticks.attach(fast)};
  publish(0, many);
  EXPECT_EQ(subs[0].lost(), static_cast<std::uint64_t>(many - 2));
  EXPECT_EQ(subs[1].lost(), static_cast<std::uint64_t>(many - 300));
  EXPECT_EQ(subs[2].lost(), 0u);
  EXPECT_EQ(subs[3].lost(), static_cast<std::uint64_t>(many - 1));
  rt.run();
  EXPECT_EQ(seen_by(few), std::vector<int>{-(many - 2)} + from_to(many - 2, many));
  EXPECT_EQ(seen_by(more), std::vector<int>{-(many - 300)} + from_to(many - 300, many));
  EXPECT_EQ(seen_by(all), from_to(0, many));
  EXPECT_EQ(seen_by(last), std::vector<int>{many - 1});
  EXPECT_EQ(seen_by(fast), from_to(0, many));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, conflate_keeps_the_newest_and_a_key_of_its_own_apart) {
  const auto r = rt.spawn<plain_reader>();
  const auto fast = rt.spawn<plain_reader>();
  auto sub = ticks.attach(r, {.policy = subscription_policy::conflate});
  auto other = ticks.attach(fast);
  publish(0, many);
  EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(many - 1));
  ticks.publish("key", {-7});
  publish(many, 2 * many);
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{2 * many - 1, -7}));
  EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(2 * many - 1));
  EXPECT_EQ(lost_here(loss::conflated), static_cast<std::uint64_t>(2 * many - 1));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, drop_newest_keeps_the_first_and_takes_more_when_there_is_room) {
  auto [r, fast, sub, other] = attach_two(subscription_policy::drop_newest);
  publish(0, many);
  EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(many - 10));
  rt.run();
  publish(many, many + 2);
  rt.run();
  EXPECT_EQ(seen_by(r), from_to(0, 10) + std::vector<int>{-(many - 10)} + from_to(many, many + 2));
  EXPECT_EQ(seen_by(fast), from_to(0, many + 2));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, fail_says_so_each_time) {
  auto [r, fast, sub, other] = attach_two(subscription_policy::fail);
  publish(0, 10);
  for (int i = 10; i != 50; ++i) {
    const troupe::publish_result how = ticks.try_publish({i});
    EXPECT_EQ(how.receivers, 1u);
    EXPECT_EQ(how.refused, 1u);
  }
  EXPECT_EQ(sub.lost(), 40u);
  EXPECT_EQ(rt.counts().refused, 40u);
  rt.run();
  EXPECT_EQ(seen_by(r), from_to(0, 10) + std::vector<int>{-40});
  contracts::expect_conserved(rt);
}

TEST_F(Lag, what_was_published_is_handled_before_what_is_then_sent) {
  for (const auto policy : {subscription_policy::drop_oldest, subscription_policy::conflate}) {
    const auto r = rt.spawn<reader>();
    auto sub = ticks.attach(r, {.policy = policy, .limit = 3});
    auto other = ticks.attach(rt.spawn<plain_reader>());
    publish(0, 100);
    r.send(direct{1000});
    publish(100, 200);
    rt.run();
    const std::vector<int> got = seen_by(r);
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back(), 1000) << "all that is left was published before or waits for the same place";
  }
  contracts::expect_conserved(rt);
}

TEST_F(Lag, what_was_published_is_handled_before_what_is_then_sent_to_one_that_is_awake) {
  const auto r = rt.spawn<scripted>([&](const troupe::ref<scripted>& me, int n) {
    if (n != 1000) return;
    publish(100, 200);
    me.send(direct{2000});
  });
  auto sub = ticks.attach(r, {.policy = subscription_policy::drop_oldest, .limit = 3});
  auto other = ticks.attach(rt.spawn<plain_reader>());
  publish(5, 6);
  r.send(direct{1000});
  rt.run();
  EXPECT_EQ(seen_by(r), (std::vector<int>{5, 1000, -97, 197, 198, 199, 2000}));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, there_is_room_for_one_when_the_handler_of_another_begins) {
  const auto r = rt.spawn<scripted>([&](const troupe::ref<scripted>&, int n) {
    if (n == 0) publish(100, 120);  // the first fills the place of the one that is handled
    if (n == 1) publish(120, 140);
  });
  auto sub = ticks.attach(r, {.policy = subscription_policy::drop_newest, .limit = 10});
  publish(0, 50);
  rt.run();
  EXPECT_EQ(seen_by(r), (from_to(0, 10) + std::vector<int>{-40, 100, -19, 120, -19}));
  contracts::expect_conserved(rt);
}

TEST_F(Lag, one_that_is_detached_or_ends_has_lost_what_waited) {
  for (const bool detaches : {true, false}) {
    auto [r, fast, sub, other] = attach_two(subscription_policy::drop_oldest);
    const std::uint64_t lagged_before = lost_here(loss::lagged), detached_before = lost_here(loss::detached);
    publish(0, 200);
    if (detaches)
      (void)sub.detach();
    else
      r.kill();
    publish(200, 210);
    rt.run();
    EXPECT_EQ(lost_here(loss::lagged) - lagged_before, detaches ? 190u : 200u) << "the kill has come last";
    EXPECT_EQ(lost_here(loss::detached) - detached_before, 10u);
    EXPECT_EQ(seen_by(fast), from_to(0, 210));
  }
  contracts::expect_conserved(rt);
}

TEST_F(Lag, exchanges_count_what_passes_by) {
  const auto r = rt.spawn<reader>();
  auto sub = ticks.attach(r, {.policy = subscription_policy::drop_oldest, .limit = 10});
  publish(0, 200);
  const auto before = ticks.counts();
  EXPECT_EQ(before.published, 200u);
  EXPECT_EQ(before.routed, 200u);
  EXPECT_EQ(before.waiting(), 10u);
  rt.run();
  const auto after = ticks.counts();
  EXPECT_EQ(after.delivered, 10u);
  EXPECT_EQ(after.waiting(), 0u);
}

/// What a runtime counts is true also while nobody reads.
TEST_F(Lag, the_runtime_counts_each_loss_when_it_happens) {
  for (const auto policy : {subscription_policy::drop_oldest, subscription_policy::drop_newest,
                            subscription_policy::conflate, subscription_policy::fail}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const troupe::message_counts before = rt.counts();
    auto [r, fast, sub, other] = attach_two(policy);
    rt.run();
    publish(0, many);
    const auto waiting = policy == subscription_policy::conflate ? 1u : 10u;
    const bool refuses = policy == subscription_policy::fail;
    const troupe::message_counts now = rt.counts();
    EXPECT_EQ(now.dropped - before.dropped, refuses ? 0u : many - waiting);
    EXPECT_EQ(now.refused - before.refused, refuses ? many - waiting : 0u);
    EXPECT_EQ(now.queued(), many + waiting) << "those of the one who reads the log, and those of the slow one";
    rt.run();
    EXPECT_EQ(rt.counts().dropped, now.dropped) << "nothing is counted twice";
  }
  contracts::expect_conserved(rt);
}

class watcher : public troupe::actor {
public:
  explicit watcher(std::uint64_t& told) : told_(&told) {}
  void on(const troupe::dead_letter& d) { *told_ += d.count; }

private:
  std::uint64_t* told_;
};

TEST_F(Lag, those_who_watch_losses_are_told_of_each) {
  for (const auto policy : {subscription_policy::drop_oldest, subscription_policy::drop_newest,
                            subscription_policy::conflate, subscription_policy::fail}) {
    for (const int before : {0, 100}) {
      SCOPED_TRACE(static_cast<int>(policy));
      const auto waiting = policy == subscription_policy::conflate ? 1u : 10u;
      auto [r, fast, sub, other] = attach_two(policy);
      publish(0, before);
      std::uint64_t told = 0;
      auto watch = rt.watch_dead_letters(rt.spawn<watcher>(told));
      publish(before, 200);
      rt.run();
      EXPECT_EQ(told, before == 0 ? 200 - waiting : 100u) << "watched from message " << before;
      EXPECT_EQ(sub.lost(), 200 - waiting);
    }
  }
  contracts::expect_conserved(rt);
}

/// Counts how many of it there are.
struct owning {
  int n = 0;
  std::shared_ptr<int> what{};
};

class owning_reader : public troupe::actor {
public:
  void on(const owning& o) { seen_.push_back(o.n); }
  void on(const lagged& l) { seen_.push_back(-static_cast<int>(l.count)); }
  std::vector<int> on(seen) const { return seen_; }

private:
  std::vector<int> seen_;
};

TEST_F(Lag, messages_with_a_destructor_do_not_stay) {
  troupe::exchange<owning> things(rt, "things");
  for (const auto policy : {subscription_policy::drop_oldest, subscription_policy::drop_newest,
                            subscription_policy::fail, subscription_policy::conflate}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const auto r = rt.spawn<owning_reader>();
    const auto fast = rt.spawn<owning_reader>();
    auto sub = things.attach(r, {.policy = policy, .limit = 10});
    auto other = things.attach(fast);
    const auto life = std::make_shared<int>();
    for (int i = 0; i != 100; ++i) things.publish({i, life});
    (void)other.detach();  // nobody reads the log any more
    const long waiting = policy == subscription_policy::conflate ? 1 : 10;
    EXPECT_EQ(life.use_count(), 1 + waiting);
    for (int i = 100; i != 110; ++i) things.publish({i, life});
    EXPECT_EQ(life.use_count(), 1 + waiting);
    EXPECT_EQ(sub.lost(), static_cast<std::uint64_t>(110 - waiting));
    rt.run();
    EXPECT_EQ(life.use_count(), 1);
    switch (policy) {
      case subscription_policy::drop_oldest: EXPECT_EQ(seen_by(r), std::vector<int>{-100} + from_to(100, 110)); break;
      case subscription_policy::conflate: EXPECT_EQ(seen_by(r), std::vector<int>{109}); break;
      default: EXPECT_EQ(seen_by(r), from_to(0, 10) + std::vector<int>{-100});
    }
  }
  contracts::expect_conserved(rt);
}

/// So many that only a few see what has passed with each segment of the log.
TEST_F(Lag, many_who_lag_get_what_each_would_get_alone) {
  constexpr int readers = 100;
  std::vector<troupe::ref<reader>> all;
  std::vector<troupe::subscription> subs;
  const auto fast = rt.spawn<plain_reader>();
  auto other = ticks.attach(fast);
  const auto limit_of = [](int i) { return static_cast<std::size_t>(1 + 37 * i % 300); };
  for (int i = 0; i != readers; ++i) {
    all.push_back(rt.spawn<reader>());
    const auto policy = i % 5 == 4 ? subscription_policy::conflate : subscription_policy::drop_oldest;
    subs.push_back(ticks.attach(all.back(), {.policy = policy, .limit = limit_of(i)}));
    if (i % 10 == 9) publish(i * 100, (i + 1) * 100);  // they begin at different places
  }
  constexpr int end = 20'000;
  publish(readers * 100, end / 2);
  for (int i = 0; i < readers; i += 3) (void)subs[static_cast<std::size_t>(i)].detach();
  publish(end / 2, end);
  rt.run();
  for (int i = 0; i != readers; ++i) {
    SCOPED_TRACE(i);
    const std::vector<int> got = seen_by(all[static_cast<std::size_t>(i)]);
    if (i % 3 == 0) {
      EXPECT_TRUE(got.empty());
    } else if (i % 5 == 4) {
      EXPECT_EQ(got.back(), end - 1);
      EXPECT_EQ(got.size(), 1u);
    } else {
      const int n = static_cast<int>(limit_of(i));
      ASSERT_EQ(got.size(), static_cast<std::size_t>(n) + 1);
      EXPECT_EQ(std::vector<int>(got.begin() + 1, got.end()), from_to(end - n, end));
      EXPECT_EQ(static_cast<std::uint64_t>(-got.front()), subs[static_cast<std::size_t>(i)].lost());
    }
  }
  contracts::expect_conserved(rt);
}

/// What a publish takes, in nanoseconds: the best of five rounds.
template <class M>
double publishing_takes(troupe::exchange<M>& to) {
  using clock = std::chrono::steady_clock;
  constexpr int each = 2000;
  double best = 1e9;
  for (int round = 0; round != 5; ++round) {
    const auto begun = clock::now();
    for (int i = 0; i != each; ++i) to.publish(M{i});
    best = std::min(best, std::chrono::duration<double, std::nano>(clock::now() - begun).count() / each);
  }
  return best;
}

TEST_F(Lag, a_publish_costs_little_also_where_nobody_reads_the_log) {
  constexpr int readers = 200;
  troupe::exchange<tick> others(rt, "others");
  (void)others.attach(rt.spawn<plain_reader>()).detach();  // it has been read
  std::vector<troupe::subscription> subs;
  for (auto* to : {&ticks, &others}) {
    for (int i = 0; i != readers; ++i)
      subs.push_back(to->attach(rt.spawn<reader>(), {.policy = subscription_policy::drop_oldest, .limit = 10}));
  }
  EXPECT_LT(publishing_takes(ticks), 10 * publishing_takes(others));
}

struct large {
  int n = 0;
  std::array<int, 249> rest{};
};
class large_reader : public troupe::actor {
public:
  void on(const large&) {}
};

TEST_F(Lag, one_whose_messages_stay_costs_the_same_however_many_others_lag) {
  constexpr int readers = 5000;
  troupe::exchange<large> wide(rt, "wide");
  std::vector<troupe::subscription> subs;
  const auto attach = [&](subscription_policy policy) {
    subs.push_back(wide.attach(rt.spawn<large_reader>(), {.policy = policy, .limit = 1}));
  };
  for (int i = 0; i != readers; ++i) attach(subscription_policy::drop_newest);
  const double alone = publishing_takes(wide);
  attach(subscription_policy::drop_oldest);
  EXPECT_LT(publishing_takes(wide), 5 * alone + 200);
}

TEST(LagStress, what_is_lost_never_becomes_less) {
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<tick> ticks(rt, "ticks");
  const auto slow = rt.spawn<scripted>([](const troupe::ref<scripted>&, int) {
    const auto over = std::chrono::steady_clock::now() + 20us;
    while (std::chrono::steady_clock::now() < over) {
    }
  });
  auto sub = ticks.attach(slow, {.policy = subscription_policy::drop_oldest, .limit = 1000});
  auto other = ticks.attach(rt.spawn<plain_reader>());
  std::atomic<bool> over{false};
  std::thread publisher([&] {
    const auto end = std::chrono::steady_clock::now() + 1s;
    for (int i = 0; std::chrono::steady_clock::now() < end; ++i) ticks.publish({i});
    over = true;
  });
  int less = 0;
  for (std::uint64_t last = 0; !over;) {
    const std::uint64_t now = sub.lost();
    if (now < last) ++less;
    last = now;
  }
  publisher.join();
  EXPECT_EQ(less, 0);
  ASSERT_TRUE(rt.wait_idle(60s));
}

/// Slow now and then; checks what it gets.
class uneven : public troupe::actor {
public:
  uneven(int publishers, unsigned seed, std::atomic<std::uint64_t>& wrong, std::atomic<std::uint64_t>& got,
         std::atomic<std::uint64_t>& told)
      : last_(static_cast<std::size_t>(publishers), -1), random_(seed), wrong_(&wrong), got_(&got), told_(&told) {}
  troupe::task<> on(const tick& t) {
    int& last = last_[static_cast<std::size_t>(t.rest[0])];
    if (t.n <= last) ++*wrong_;
    last = t.n;
    ++*got_;
    if (random_() % 64 == 0) co_await troupe::this_task::sleep_for(std::chrono::microseconds(random_() % 300));
  }
  void on(const lagged& l) { *told_ += l.count; }

private:
  std::vector<int> last_;
  std::mt19937 random_;
  std::atomic<std::uint64_t>* wrong_;
  std::atomic<std::uint64_t>* got_;
  std::atomic<std::uint64_t>* told_;
};

TEST(LagStress, each_message_is_read_in_its_order_or_told_of_as_lost) {
  constexpr int publishers = 2;
  constexpr int each = 40'000;
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<tick> ticks(rt, "ticks");
  struct one {
    std::atomic<std::uint64_t> wrong{0}, got{0}, told{0};
    troupe::subscription sub;
  };
  std::deque<one> all;
  unsigned seed = 1;
  for (const auto policy : {subscription_policy::drop_oldest, subscription_policy::drop_newest,
                            subscription_policy::fail, subscription_policy::conflate}) {
    for (const std::size_t limit : {2u, 50u, 1000u}) {
      one& o = all.emplace_back();
      o.sub = ticks.attach(rt.spawn<uneven>(publishers, seed++, o.wrong, o.got, o.told),
                           {.policy = policy, .limit = limit});
    }
  }
  one& fast = all.emplace_back();
  fast.sub = ticks.attach(rt.spawn<uneven>(publishers, seed++, fast.wrong, fast.got, fast.told));
  std::vector<std::thread> threads;
  for (int p = 0; p != publishers; ++p)
    threads.emplace_back([&, p] {
      std::mt19937 random(static_cast<unsigned>(p));
      for (int i = 0; i != each; ++i) {
        ticks.publish({i, {p}});
        if (random() % 2000 == 0) std::this_thread::sleep_for(1ms);  // some catch up meanwhile
      }
    });
  for (auto& t : threads) t.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  for (one& o : all) {
    EXPECT_EQ(o.wrong, 0u);
    EXPECT_EQ(o.got + o.sub.lost(), static_cast<std::uint64_t>(publishers * each));
    const auto conflated = o.sub.counts().conflated;
    EXPECT_EQ(o.told + conflated, o.sub.lost());
  }
}

}  // namespace lag
