#include <troupe/scheduler/blocking_queue.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

TEST(BlockingQueue, gives_the_items_of_one_thread_in_the_order_sent) {
  troupe::blocking_queue<std::unique_ptr<int>> q;
  for (int i = 0; i != 1'000; ++i) EXPECT_TRUE(q.send(std::make_unique<int>(i)));
  EXPECT_EQ(q.size(), 1'000U);
  for (int i = 0; i != 1'000; ++i) EXPECT_EQ(**q.receive(), i);
  EXPECT_EQ(q.size(), 0U);
}

TEST(BlockingQueue, gives_up_when_the_time_is_over) {
  troupe::blocking_queue<int> q;
  EXPECT_EQ(q.try_receive().error(), errc::empty);
  EXPECT_EQ(q.try_receive_for(2ms).error(), errc::timeout);
  EXPECT_TRUE(q.send(1));
  EXPECT_EQ(*q.try_receive_for(0ms), 1);
}

struct picky {
  picky(int i) : n(i) {  // NOLINT(google-explicit-constructor): what the queue makes an item of
    if (i < 0) throw std::invalid_argument("negative");
  }
  int n;
};

TEST(BlockingQueue, holds_nothing_when_an_item_of_a_batch_cannot_be_made) {
  troupe::blocking_queue<picky> q;
  std::array batch{1, -1};
  EXPECT_THROW((void)q.send_all(batch.begin(), batch.end()), std::invalid_argument);
  EXPECT_EQ(q.size(), 0U);
  q.close();
  EXPECT_EQ(q.receive().error(), errc::closed);
}

TEST(BlockingQueue, a_closed_one_is_drained_and_then_closed_for_every_receiver) {
  troupe::blocking_queue<int> q;
  EXPECT_TRUE(q.send(1));
  EXPECT_TRUE(q.send(2));
  q.close();
  q.close();
  EXPECT_TRUE(q.closed());
  EXPECT_EQ(q.send(3).error(), errc::closed);
  EXPECT_EQ(*q.try_receive() + *q.receive(), 3);
  for (int i = 0; i != 3; ++i) EXPECT_EQ(q.receive().error(), errc::closed);
  EXPECT_EQ(q.try_receive().error(), errc::closed);
  EXPECT_EQ(q.receive_up_to(5).error(), errc::closed);
}

TEST(BlockingQueue, closing_wakes_all_who_wait) {
  troupe::blocking_queue<int> q;
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i) threads.emplace_back([&] { EXPECT_EQ(q.receive().error(), errc::closed); });
  q.close();
  for (auto& t : threads) t.join();
}

TEST(BlockingQueue, many_items_go_in_and_come_out_at_once) {
  troupe::blocking_queue<int> q;
  std::vector<int> numbers(1'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  EXPECT_TRUE(q.send_all(numbers.begin(), numbers.end()));
  std::vector<int> got;
  while (got.size() != numbers.size()) {
    auto some = q.receive_up_to(300);
    ASSERT_TRUE(some);
    EXPECT_LE(some->size(), 300U);
    got.insert(got.end(), some->begin(), some->end());
  }
  EXPECT_EQ(got, numbers);
  q.close();
  EXPECT_EQ(q.send_all(numbers.begin(), numbers.end()).error(), errc::closed);
}

}  // namespace
