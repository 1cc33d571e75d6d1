#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/scheduler.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace {

TEST(Parker, an_unpark_before_park_is_not_lost) {
  troupe::parker p;
  p.unpark();
  EXPECT_TRUE(p.park());
}

TEST(Parker, many_unparks_are_one_token) {
  troupe::parker p;
  p.unpark();
  p.unpark();
  EXPECT_TRUE(p.park());
  EXPECT_FALSE(p.park(troupe::steady_now() + 2'000'000));
}

TEST(Parker, the_deadline_ends_the_sleep_and_not_before) {
  troupe::parker p;
  const auto deadline = troupe::steady_now() + 5'000'000;
  EXPECT_FALSE(p.park(deadline));
  EXPECT_GE(troupe::steady_now(), deadline);
}

TEST(Parker, a_deadline_that_has_passed_ends_the_sleep_at_once) {
  troupe::parker p;
  EXPECT_FALSE(p.park(troupe::steady_now() - 1));
  EXPECT_FALSE(p.park(1));
}

TEST(Parker, two_threads_hand_a_plain_value_to_and_fro_without_losing_a_wake) {
  troupe::parker ping;
  troupe::parker pong;
  troupe::atomic<int> turn{0};
  int shared = 0;  // plain: the turns order it, and ThreadSanitizer would tell
  constexpr int rounds = 5'000;
  std::thread other([&] {
    for (int i = 0; i != rounds; ++i) {
      while (turn.load(troupe::acquire) != 1) ping.park();
      ++shared;
      turn.store(0, troupe::release);
      pong.unpark();
    }
  });
  for (int i = 0; i != rounds; ++i) {
    ++shared;
    turn.store(1, troupe::release);
    ping.unpark();
    while (turn.load(troupe::acquire) != 0) pong.park();
  }
  other.join();
  EXPECT_EQ(shared, 2 * rounds);
}

TEST(Parker, a_wake_that_races_with_the_deadline_is_seen_once) {
  troupe::parker p;
  troupe::atomic<int> sent{0};
  constexpr int rounds = 500;
  std::thread waker([&] {
    for (int i = 0; i != rounds; ++i) {
      while (sent.load(troupe::acquire) != 2 * i) std::this_thread::yield();
      sent.store(2 * i + 1, troupe::release);
      p.unpark();
    }
  });
  for (int i = 0; i != rounds; ++i) {
    // Ends by the token, after however many deadlines.
    while (!p.park(troupe::steady_now() + 20'000)) {
    }
    ASSERT_EQ(sent.load(troupe::acquire), 2 * i + 1);
    sent.store(2 * i + 2, troupe::release);
  }
  waker.join();
}

}  // namespace
