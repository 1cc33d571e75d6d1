#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/select.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

TEST(ChannelClosing, closing_at_any_moment_loses_nothing_that_was_accepted) {
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
