#include <troupe/scheduler/timers.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace {

struct bell final : troupe::timer {
  explicit bell(std::vector<int>& log, int name) : log_(log), name_(name) {}
  void fire() noexcept override { log_.push_back(name_); }
  std::vector<int>& log_;
  int name_;
};

constexpr std::int64_t ms = 1'000'000;

TEST(Timers, fire_in_the_order_of_their_deadlines_and_never_early) {
  troupe::timers t;
  std::vector<int> log;
  bell a(log, 1);
  bell b(log, 2);
  bell c(log, 3);
  t.arm(c, 30 * ms);
  t.arm(a, 10 * ms);
  t.arm(b, 20 * ms);
  EXPECT_EQ(t.fire_due(10 * ms - 1), 0u);
  EXPECT_EQ(t.fire_due(25 * ms), 2u);
  EXPECT_EQ(log, (std::vector{1, 2}));
  EXPECT_FALSE(t.empty());
  EXPECT_EQ(t.fire_due(30 * ms), 1u);
  EXPECT_TRUE(t.empty());
  EXPECT_EQ(t.next(), troupe::timers::never);
}

TEST(Timers, arm_says_when_the_sleeper_must_be_told) {
  troupe::timers t;
  std::vector<int> log;
  bell a(log, 1);
  bell b(log, 2);
  bell c(log, 3);
  EXPECT_TRUE(t.arm(a, 20 * ms));
  EXPECT_FALSE(t.arm(b, 30 * ms));
  EXPECT_TRUE(t.arm(c, 10 * ms));
  EXPECT_LE(t.next(), 10 * ms);
  t.fire_due(100 * ms);
}

TEST(Timers, a_cancelled_timer_does_not_fire_and_a_fired_one_cannot_be_cancelled) {
  troupe::timers t;
  std::vector<int> log;
  bell a(log, 1);
  bell b(log, 2);
  EXPECT_FALSE(t.cancel(a));
  t.arm(a, 10 * ms);
  t.arm(b, 10 * ms);
  EXPECT_TRUE(t.cancel(a));
  EXPECT_FALSE(t.cancel(a));
  t.fire_due(10 * ms);
  EXPECT_EQ(log, std::vector{2});
  EXPECT_FALSE(t.cancel(b));
}

TEST(Timers, a_timer_may_arm_itself_again_when_it_fires) {
  struct repeating final : troupe::timer {
    explicit repeating(troupe::timers& t) : home(t) {}
    void fire() noexcept override {
      if (++fired != 3) home.arm(*this, fired * 10 * ms);
    }
    troupe::timers& home;
    int fired = 0;
  };
  troupe::timers t;
  repeating r(t);
  t.arm(r, 0);
  for (std::int64_t now = 0; now != 50 * ms; now += ms) t.fire_due(now);
  EXPECT_EQ(r.fired, 3);
}

TEST(Timers, more_than_the_limit_are_fired_later_in_order_and_can_still_be_cancelled) {
  troupe::timers t;
  std::vector<int> log;
  bell a(log, 1);
  bell b(log, 2);
  bell c(log, 3);
  t.arm(b, 20 * ms);
  t.arm(c, 30 * ms);
  t.arm(a, 10 * ms);
  EXPECT_EQ(t.fire_due(40 * ms, 1), 1u);
  EXPECT_LE(t.next(), 40 * ms);
  EXPECT_TRUE(t.cancel(b));
  EXPECT_FALSE(t.cancel(b));
  EXPECT_EQ(t.fire_due(40 * ms, 1), 1u);
  EXPECT_EQ(log, (std::vector{1, 3}));
  EXPECT_TRUE(t.empty());
  EXPECT_EQ(t.next(), troupe::timers::never);
}

TEST(Timers, in_the_background_are_awaited_by_nobody) {
  troupe::timers t;
  std::vector<int> log;
  bell a(log, 1);
  bell b(log, 2);
  b.in_background = true;
  t.arm(a, 10 * ms);
  t.arm(b, 20 * ms);
  EXPECT_FALSE(t.none_awaited());
  EXPECT_TRUE(t.cancel(a));
  EXPECT_TRUE(t.none_awaited());
  EXPECT_FALSE(t.empty());
  EXPECT_EQ(t.fire_due(20 * ms), 1u);
  EXPECT_TRUE(t.none_awaited());
  EXPECT_TRUE(t.empty());
}

TEST(Timers, that_are_left_at_the_end_are_dropped) {
  struct parcel final : troupe::timer {
    void fire() noexcept override {}
    void dropped() noexcept override { gone = true; }
    bool gone = false;
  };
  troupe::timers t;
  parcel near;
  parcel far;
  t.arm(near, 1 * ms);
  t.arm(far, INT64_MAX - 1);
  t.drop_all();
  EXPECT_TRUE(near.gone);
  EXPECT_TRUE(far.gone);
  EXPECT_FALSE(t.cancel(far));
}

TEST(Timers, each_timer_is_either_cancelled_or_fires_when_both_race) {
  struct once final : troupe::timer {
    void fire() noexcept override { fired.fetch_add(1); }
    std::atomic<int> fired{0};
  };
  troupe::timers t;
  for (int round = 0; round != 300; ++round) {
    std::vector<once> all(20);
    for (auto& o : all) t.arm(o, round * ms);
    std::vector<int> cancelled(all.size());
    std::thread canceller([&] {
      for (std::size_t i = 0; i != all.size(); ++i) cancelled[i] = t.cancel(all[i]) ? 1 : 0;
    });
    t.fire_due(round * ms);
    canceller.join();
    for (std::size_t i = 0; i != all.size(); ++i) ASSERT_EQ(cancelled[i] + all[i].fired.load(), 1);
  }
}

}  // namespace
