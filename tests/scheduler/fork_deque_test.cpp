#include <troupe/scheduler/detail/fork_record.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

using troupe::detail::fork_child;
using troupe::detail::fork_deque;

constexpr auto full = static_cast<std::size_t>(fork_deque::capacity);

TEST(ForkDeque, the_owner_takes_the_newest_and_a_thief_the_oldest) {
  fork_deque d;
  std::vector<fork_child> all(10);
  for (auto& c : all) ASSERT_TRUE(d.push(c));
  EXPECT_EQ(d.steal(), &all[0]);
  EXPECT_EQ(d.pop(), &all[9]);
  EXPECT_EQ(d.steal(), &all[1]);
  for (std::size_t i = 8; i != 1; --i) EXPECT_EQ(d.pop(), &all[i]);
  EXPECT_EQ(d.pop(), nullptr);
  EXPECT_EQ(d.steal(), nullptr);
  EXPECT_FALSE(d.has_public());
}

TEST(ForkDeque, something_is_public_while_anything_is_there) {
  fork_deque d;
  std::vector<fork_child> all(100);
  for (auto& c : all) {
    ASSERT_TRUE(d.push(c));
    EXPECT_TRUE(d.has_public());
  }
  std::size_t stolen = 0;
  for (std::size_t popped = 0; popped + stolen != all.size(); ++popped) {
    EXPECT_TRUE(d.has_public());
    if (popped % 3 == 0 && d.steal()) ++stolen;
    ASSERT_NE(d.pop(), nullptr);
  }
  EXPECT_FALSE(d.has_public());
}

TEST(ForkDeque, refuses_what_it_has_no_room_for_and_has_room_again_after_a_theft) {
  fork_deque d;
  std::vector<fork_child> all(full + 2);
  for (std::size_t i = 0; i != full; ++i) ASSERT_TRUE(d.push(all[i]));
  EXPECT_EQ(d.room(), 0);
  EXPECT_FALSE(d.push(all[full]));
  EXPECT_EQ(d.steal(), &all[0]);
  EXPECT_TRUE(d.push(all[full]));
  EXPECT_FALSE(d.push(all[full + 1]));
  EXPECT_EQ(d.pop(), &all[full]);
}

TEST(ForkDeque, all_can_be_made_public) {
  fork_deque d;
  std::vector<fork_child> all(50);
  for (auto& c : all) ASSERT_TRUE(d.push(c));
  d.publish_all();
  for (auto& c : all) EXPECT_EQ(d.steal(), &c);
  EXPECT_TRUE(d.is_bare());
  EXPECT_EQ(d.pop(), nullptr);
}

/// An owner that pushes and pops in bursts of all lengths, and thieves: each child that goes in comes out once.
TEST(ForkDeque, under_contention_every_child_is_taken_exactly_once) {
  struct counted : fork_child {
    std::atomic<int> taken{0};
  };
  const auto take = [](fork_child* c) {
    if (c) ++static_cast<counted*>(c)->taken;
    return c != nullptr;
  };
  for (int round = 0; round != 5; ++round) {
    fork_deque d;
    std::vector<counted> all(40'000);
    std::atomic<bool> stop{false};
    std::vector<std::thread> thieves;
    for (int t = 0; t != 2; ++t) {
      thieves.emplace_back([&] {
        while (!stop.load()) take(d.steal());
      });
    }
    std::uint64_t dice = static_cast<std::uint64_t>(round);
    for (std::size_t next = 0; next != all.size();) {
      dice = dice * 6364136223846793005u + 1442695040888963407u;
      for (auto n = dice >> 33 & 15; n != 0 && next != all.size() && d.push(all[next]); --n) ++next;
      for (auto n = dice >> 40 & 15; n != 0 && take(d.pop()); --n) {
      }
    }
    while (take(d.pop())) {
    }
    stop = true;
    for (auto& t : thieves) t.join();
    int wrong = 0;
    for (auto& c : all) wrong += c.taken != 1 ? 1 : 0;
    ASSERT_EQ(wrong, 0);
  }
}

}  // namespace
