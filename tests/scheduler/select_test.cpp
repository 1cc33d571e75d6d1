#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/select.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::after;
using troupe::errc;
using troupe::select;

class Select : public testing::Test {
protected:
  ~Select() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  std::shared_ptr<troupe::work_stealing_pool> pool =
      troupe::work_stealing_pool::start({.workers = 2, .name = "select"});
};

TEST_F(Select, takes_the_alternative_that_is_ready_and_leaves_the_others_alone) {
  troupe::channel<int> a;
  troupe::channel<std::string> b;
  EXPECT_TRUE(b.try_send("hello"));
  auto chosen = select(a.receive(), b.receive()).get();
  ASSERT_EQ(chosen.index(), 1U);
  EXPECT_EQ(*std::get<1>(chosen), "hello");
  EXPECT_TRUE(a.try_send(1));
  EXPECT_EQ(*a.try_receive(), 1);
}

TEST_F(Select, waits_until_an_alternative_comes_true) {
  troupe::channel<int> a(0);
  troupe::channel<int> b(0);
  auto green = spawn(home(), [&]() -> troupe::task<int> {
    int sum = 0;
    for (int i = 0; i != 200; ++i) {
      auto chosen = co_await select(a.receive(), b.receive());
      EXPECT_EQ(chosen.index(), static_cast<std::size_t>(i % 2));
      sum += i % 2 == 0 ? *std::get<0>(chosen) : *std::get<1>(chosen);
    }
    co_return sum;
  });
  for (int i = 0; i != 100; ++i) {
    EXPECT_TRUE(a.send(1).get());
    EXPECT_TRUE(b.send(10).get());
  }
  EXPECT_EQ(*green.get(60s), 1'100);
}

TEST_F(Select, a_sender_that_is_not_chosen_sends_nothing) {
  troupe::run_loop loop;
  troupe::channel<int> a(0);
  troupe::channel<int> b(0);
  auto green = spawn(loop, [&]() -> troupe::task<std::size_t> {
    auto chosen = co_await select(a.send(1), b.receive());
    co_return chosen.index();
  });
  loop.run();
  EXPECT_TRUE(b.try_send(2));
  EXPECT_EQ(a.try_receive().error(), errc::empty);
  EXPECT_EQ(*green.get(60s), 1U);
  EXPECT_EQ(a.try_receive().error(), errc::empty);
}

TEST_F(Select, an_own_sender_is_no_partner_for_an_own_receiver) {
  troupe::channel<int> a(0);
  auto chosen = select(a.send(1), a.receive(), after(1ms)).get();
  EXPECT_EQ(chosen.index(), 2U);
  auto green = spawn(home(), [&]() -> troupe::task<std::size_t> {
    auto mine = co_await select(a.receive(), a.send(1), after(1ms));
    co_return mine.index();
  });
  EXPECT_EQ(*green.get(60s), 2U);
}

TEST_F(Select, two_selections_meet_in_exactly_one_alternative) {
  for (int round = 0; round != 500; ++round) {
    troupe::channel<int> a(0);
    troupe::channel<int> b(0);
    auto sender = spawn(home(), [&]() -> troupe::task<std::size_t> {
      auto chosen = co_await select(a.send(1), b.send(1));
      co_return chosen.index();
    });
    auto chosen = select(b.receive(), a.receive()).get();
    EXPECT_EQ(*sender.get(60s), 1 - chosen.index());
    EXPECT_EQ(a.try_receive().error(), errc::empty);
    EXPECT_EQ(b.try_receive().error(), errc::empty);
  }
}

TEST_F(Select, the_time_comes_true_when_nothing_else_does) {
  troupe::channel<int> a;
  auto chosen = select(a.receive(), after(2ms), after(1h)).get();
  EXPECT_EQ(chosen.index(), 1U);
  chosen = select(a.receive(), after(1h), after(0s)).get();
  EXPECT_EQ(chosen.index(), 2U);
  auto green = spawn(home(), [&]() -> troupe::task<> {
    auto waited = co_await select(after(1h), a.try_receive_for(2ms));
    EXPECT_EQ(waited.index(), 1U);
    EXPECT_EQ(std::get<1>(waited).error(), errc::timeout);
    auto at_once = co_await select(a.receive(), after(0s));
    EXPECT_EQ(at_once.index(), 1U);
  });
  EXPECT_TRUE(green.get(60s));
}

TEST_F(Select, a_closed_channel_is_ready) {
  troupe::channel<int> a;
  troupe::channel<int> b;
  auto green = spawn(home(), [&]() -> troupe::task<bool> {
    auto chosen = co_await select(a.receive(), b.receive());
    co_return chosen.index() == 1 && std::get<1>(chosen).error() == errc::closed;
  });
  b.close();
  EXPECT_TRUE(*green.get(60s));
  auto chosen = select(b.send(1), a.receive()).get();
  EXPECT_EQ(std::get<0>(chosen).error(), errc::closed);
}

TEST_F(Select, ready_alternatives_are_chosen_about_equally_often) {
  std::array<troupe::channel<int>, 3> c;
  const auto count = [&]() -> troupe::task<std::array<int, 3>> {
    std::array<int, 3> chosen{};
    for (int i = 0; i != 3'000; ++i) {
      for (auto& each : c)
        if (each.empty()) (void)each.try_send(i);
      auto one = co_await select(c[0].receive(), c[1].receive(), c[2].receive());
      ++chosen[one.index()];
      // A second selection at every turn must not fall in step with the first.
      (void)co_await select(c[0].receive(), c[1].receive(), after(0s));
    }
    co_return chosen;
  };
  const auto green = *spawn(home(), count).get(60s);
  for (int n : green) EXPECT_GT(n, 600);

  std::array<int, 3> os{};
  for (int i = 0; i != 3'000; ++i) {
    for (auto& each : c)
      if (each.empty()) (void)each.try_send(i);
    ++os[select(c[0].receive(), c[1].receive(), c[2].receive()).get().index()];
  }
  for (int n : os) EXPECT_GT(n, 800);
}

std::vector<std::size_t> choices_of_one_run() {
  troupe::run_loop loop({.seed = 3});
  troupe::channel<int> a;
  troupe::channel<int> b;
  std::vector<std::size_t> chosen;
  for (int i = 0; i != 100; ++i) {
    EXPECT_TRUE(a.try_send(i));
    EXPECT_TRUE(b.try_send(i));
  }
  auto green = spawn(loop, [&]() -> troupe::task<> {
    for (int i = 0; i != 50; ++i) {
      auto one = co_await select(a.receive(), b.receive());
      chosen.push_back(one.index());
    }
  });
  EXPECT_TRUE(green.get(60s));
  for (int i = 0; i != 50; ++i) chosen.push_back(select(a.receive(), b.receive()).get().index());
  return chosen;
}

TEST_F(Select, choices_on_a_deterministic_loop_are_the_same_each_time) {
  const auto first = choices_of_one_run();
  EXPECT_EQ(first, choices_of_one_run());
  EXPECT_GT(std::count(first.begin(), first.end(), 0U), 20);
  EXPECT_GT(std::count(first.begin(), first.end(), 1U), 20);
}

TEST_F(Select, takes_locks_too) {
  troupe::mutex m;
  troupe::channel<int> a;
  m.lock().get();
  EXPECT_EQ(select(m.try_lock_for(1ms), a.receive()).get().index(), 0U);
  EXPECT_THROW(select(m.lock(), a.receive()).get(), troupe::troupe_error);  // it holds it already
  auto green = spawn(home(), [&]() -> troupe::task<std::size_t> {
    auto chosen = co_await select(a.receive(), m.scoped());
    co_return chosen.index();
  });
  EXPECT_TRUE(m.unlock());
  EXPECT_EQ(*green.get(60s), 1U);
  EXPECT_TRUE(m.try_lock_for(60s).get());
  EXPECT_TRUE(m.unlock());
}

TEST_F(Select, waits_for_events_too) {
  troupe::event e;
  troupe::channel<int> a;
  auto green = spawn(home(), [&]() -> troupe::task<std::size_t> {
    auto chosen = co_await select(a.receive(), e.wait());
    co_return chosen.index();
  });
  e.set();
  EXPECT_EQ(*green.get(60s), 1U);
  EXPECT_EQ(select(e.wait_for(1h), a.receive()).get().index(), 0U);
}

TEST_F(Select, what_a_killed_selection_was_given_comes_back) {
  for (long round = 0; round != 300; ++round) {
    troupe::channel<long> a(0);
    troupe::channel<long> b(0);
    std::atomic<long> got{0};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      auto one = co_await select(a.receive(), b.receive(), after(1h));
      if (one.index() == 0) got += *std::get<0>(one);
    });
    std::thread killer([&] { home().strands().for_each([](troupe::strand& s) { s.request_kill(); }); });
    auto sent = a.try_send_for(1, round % 3 * 50us).get();
    killer.join();
    (void)doomed.get(60s);
    if (sent && got == 0) {
      EXPECT_EQ(*a.try_receive(), 1);
      ++got;
    }
    EXPECT_EQ(got, sent ? 1 : 0) << round;
    EXPECT_EQ(b.try_send(1).error(), errc::full) << "a receiver was left behind";
  }
}

TEST_F(Select, a_wait_that_nobody_could_end_is_told_on_a_deterministic_loop) {
  troupe::run_loop loop({.seed = 7});
  troupe::channel<int> a;
  troupe::channel<int> b;
  try {
    (void)select(a.receive(), b.receive()).get();
    ADD_FAILURE();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), errc::deadlock);
  }
  EXPECT_EQ(select(a.receive(), after(1h)).get().index(), 1U);
}

TEST_F(Select, many_selections_over_the_same_channels_lose_and_double_nothing) {
  constexpr int rounds = 3'000;
  troupe::channel<long> a(0);
  troupe::channel<long> b(2);
  std::atomic<long> sent{0};
  std::atomic<long> received{0};
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&, i]() -> troupe::task<> {
      for (long n = 1; n <= rounds; ++n) {
        if (i % 2 == 0) {
          auto one = co_await select(a.send(long(n)), b.send(long(n)), after(n % 3 * 30us));
          if (one.index() != 2) sent += n;
        } else {
          auto one = co_await select(b.send(long(n)), a.receive(), after(n % 4 * 30us));
          if (one.index() == 0) sent += n;
          if (one.index() == 1) received += *std::get<1>(one);
        }
      }
    }));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i != 2; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        auto one = select(a.receive(), b.receive()).get();
        auto& got = one.index() == 0 ? std::get<0>(one) : std::get<1>(one);
        if (!got) return;
        received += *got;
      }
    });
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  a.close();
  b.close();
  for (auto& t : threads) t.join();
  while (auto rest = b.try_receive()) received += *rest;
  EXPECT_EQ(sent, received);
}

}  // namespace
