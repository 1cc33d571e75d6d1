#include <troupe/scheduler/blocking_queue.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/select.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Four senders and four receivers, green threads and OS threads mixed. Nothing may be lost or doubled, and where order is
// promised each receiver sees the items of one sender in it. TROUPE_STRESS_ITEMS sets how many items each kind carries.

namespace {

using namespace std::chrono_literals;

constexpr std::size_t parties = 4;

std::uint64_t items_each() {
  const char* text = std::getenv("TROUPE_STRESS_ITEMS");
  return (text ? std::strtoull(text, nullptr, 10) : 1'000'000) / parties;
}

constexpr std::uint64_t item_of(std::uint64_t sender, std::uint64_t number) { return sender << 48 | number; }

/// What one receiver has seen.
struct tally {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  bool in_order = true;
  std::array<std::uint64_t, parties> last{};

  void add(std::uint64_t item) {
    const std::uint64_t number = item & 0xffff'ffff'ffff;
    ++count;
    sum += number;
    std::uint64_t& before = last[item >> 48];
    in_order = in_order && number > before;
    before = number;
  }
};

template <class Tallies>
void expect_all(const Tallies& tallies, std::uint64_t each, bool ordered) {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  for (const tally& t : tallies) {
    count += t.count;
    sum += t.sum;
    EXPECT_TRUE(t.in_order || !ordered);
  }
  EXPECT_EQ(count, parties * each);
  EXPECT_EQ(sum, parties * (each * (each + 1) / 2));
}

template <class Channel>
void carry(Channel& c, bool ordered) {
  auto pool = troupe::work_stealing_pool::start({.workers = 2, .name = "stress"});
  const std::uint64_t each = items_each();
  std::array<tally, parties> tallies;
  std::vector<troupe::future<void>> senders;
  std::vector<troupe::future<void>> receivers;
  std::vector<std::thread> sending;
  std::vector<std::thread> receiving;
  for (std::size_t i = 0; i != parties; ++i) {
    if (i % 2 == 0) {
      senders.push_back(spawn(*pool, [&c, i, each]() -> troupe::task<> {
        for (std::uint64_t n = 1; n <= each; ++n) EXPECT_TRUE(co_await c.emplace(item_of(i, n)));
      }));
      receivers.push_back(spawn(*pool, [&c, i, &tallies]() -> troupe::task<> {
        for (;;) {
          auto item = co_await c.receive();
          if (!item) co_return;
          tallies[i].add(*item);
        }
      }));
    } else {
      sending.emplace_back([&c, i, each] {
        for (std::uint64_t n = 1; n <= each; ++n) EXPECT_TRUE(c.send(item_of(i, n)).get());
      });
      receiving.emplace_back([&c, i, &tallies] {
        while (auto item = c.receive().get()) tallies[i].add(*item);
      });
    }
  }
  for (auto& f : senders) EXPECT_TRUE(f.get(1h));
  for (auto& t : sending) t.join();
  c.close();
  for (auto& f : receivers) EXPECT_TRUE(f.get(1h));
  for (auto& t : receiving) t.join();
  expect_all(tallies, each, ordered);
  EXPECT_TRUE(c.empty());
  pool->stop(troupe::timers::never);
}

TEST(ChannelStress, an_unbounded_channel_keeps_every_item_and_the_order_of_each_sender) {
  troupe::channel<std::uint64_t> c;
  carry(c, true);
}

TEST(ChannelStress, a_bounded_channel_keeps_every_item_and_the_order_of_each_sender) {
  troupe::channel<std::uint64_t> c(64);
  carry(c, true);
}

TEST(ChannelStress, a_rendezvous_keeps_every_item_and_the_order_of_each_sender) {
  troupe::channel<std::uint64_t> c(0);
  carry(c, true);
}

TEST(ChannelStress, a_lifo_channel_keeps_every_item) {
  troupe::lifo_channel<std::uint64_t> c(64);
  carry(c, false);
}

TEST(ChannelStress, a_priority_channel_keeps_every_item) {
  troupe::priority_channel<std::uint64_t> c(64);
  carry(c, false);
}

TEST(ChannelStress, a_blocking_queue_keeps_every_item) {
  troupe::blocking_queue<std::uint64_t> q;
  const std::uint64_t each = items_each();
  std::array<tally, parties> tallies;
  std::vector<std::thread> sending;
  std::vector<std::thread> receiving;
  for (std::size_t i = 0; i != parties; ++i) {
    sending.emplace_back([&q, i, each] {
      for (std::uint64_t n = 1; n <= each; ++n) EXPECT_TRUE(q.send(item_of(i, n)));
    });
    receiving.emplace_back([&q, i, &tallies] {
      while (auto item = q.receive()) tallies[i].add(*item);
    });
  }
  for (auto& t : sending) t.join();
  q.close();
  for (auto& t : receiving) t.join();
  expect_all(tallies, each, true);
}

TEST(ChannelStress, closing_at_any_moment_loses_nothing_that_was_accepted) {
  auto pool = troupe::work_stealing_pool::start({.workers = 2, .name = "stress"});
  for (std::uint64_t round = 0; round != 150; ++round) {
    troupe::channel<std::uint64_t> c(round % 4);
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> received{0};
    std::vector<troupe::future<void>> green;
    for (std::uint64_t i = 0; i != 2; ++i) {
      green.push_back(spawn(*pool, [&]() -> troupe::task<> {
        for (std::uint64_t n = 1;; ++n) {
          auto done = co_await c.emplace(n);
          if (!done) co_return;
          sent += n;
        }
      }));
      green.push_back(spawn(*pool, [&]() -> troupe::task<> {
        for (;;) {
          auto some = co_await c.receive_up_to(3);
          if (!some) co_return;
          for (std::uint64_t n : *some) received += n;
        }
      }));
    }
    std::thread sender([&] {
      const std::vector<std::uint64_t> batch(5, 1);
      while (c.send_all(batch).get()) sent += 5;
    });
    std::thread receiver([&] {
      for (;;) {
        auto got = troupe::select(c.receive(), troupe::after(1h)).get();
        if (!std::get<0>(got)) return;
        received += *std::get<0>(got);
      }
    });
    while (received < round * 20) std::this_thread::yield();
    c.close();
    sender.join();
    receiver.join();
    for (auto& f : green) EXPECT_TRUE(f.get(1min));
    // The last batch may have been sent in part.
    EXPECT_GE(received, sent);
    EXPECT_LE(received, sent + 5);
    EXPECT_TRUE(c.empty());
  }
  pool->stop(troupe::timers::never);
}

}  // namespace
