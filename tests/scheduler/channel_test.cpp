#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Channel : public testing::Test {
protected:
  ~Channel() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }
  void kill_all() {
    home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
  }
  std::shared_ptr<troupe::work_stealing_pool> pool =
      troupe::work_stealing_pool::start({.workers = 2, .name = "channel"});
};

template <class T>
std::vector<T> drain(auto& c) {
  std::vector<T> all;
  while (auto x = c.try_receive()) all.push_back(std::move(*x));
  return all;
}

TEST_F(Channel, gives_items_in_the_order_sent) {
  troupe::channel<int> c;
  for (int i = 0; i != 1'000; ++i) EXPECT_TRUE(c.send(i).get());
  EXPECT_EQ(c.size(), 1'000U);
  for (int i = 0; i != 1'000; ++i) EXPECT_EQ(*c.receive().get(), i);
  EXPECT_TRUE(c.empty());
}

TEST_F(Channel, a_lifo_channel_gives_the_newest_first) {
  troupe::lifo_channel<int> c(3);
  for (int i = 0; i != 3; ++i) EXPECT_TRUE(c.try_send(i));
  EXPECT_EQ(c.try_send(3).error(), errc::full);
  EXPECT_EQ(drain<int>(c), (std::vector{2, 1, 0}));
}

TEST_F(Channel, a_priority_channel_gives_the_greatest_first_and_the_older_of_two_equals) {
  struct by_tens {
    bool operator()(int a, int b) const { return a / 10 < b / 10; }
  };
  troupe::priority_channel<int, by_tens> c;
  for (int i : {11, 32, 13, 21, 31, 12}) EXPECT_TRUE(c.try_send(i));
  EXPECT_EQ(drain<int>(c), (std::vector{32, 31, 21, 11, 13, 12}));
}

TEST_F(Channel, a_full_one_makes_senders_wait_until_there_is_room) {
  troupe::run_loop loop;
  troupe::channel<int> c(2);
  std::vector<int> sent;
  auto sender = spawn(loop, [&]() -> troupe::task<> {
    for (int i = 0; i != 5; ++i) {
      EXPECT_TRUE(co_await c.send(i));
      sent.push_back(i);
    }
  });
  loop.run();
  EXPECT_EQ(sent.size(), 2U);
  EXPECT_TRUE(c.full());
  EXPECT_EQ(*c.receive().get(), 0);
  loop.run();
  EXPECT_EQ(sent.size(), 3U);
  for (int i = 1; i != 5; ++i) EXPECT_EQ(*c.receive().get(), i);
  EXPECT_TRUE(sender.get(60s));
}

TEST_F(Channel, without_capacity_sender_and_receiver_meet) {
  troupe::run_loop loop;
  troupe::channel<std::unique_ptr<int>> c(0);
  bool met = false;
  auto sender = spawn(loop, [&]() -> troupe::task<> {
    EXPECT_TRUE(co_await c.send(std::make_unique<int>(42)));
    met = true;
  });
  loop.run();
  EXPECT_FALSE(met);
  EXPECT_EQ(c.size(), 0U);
  EXPECT_EQ(**c.receive().get(), 42);
  loop.run();
  EXPECT_TRUE(met);
  EXPECT_EQ(c.try_send(nullptr).error(), errc::full);
}

TEST_F(Channel, refuses_what_could_not_be_sent_and_leaves_it_with_the_caller) {
  troupe::channel<std::unique_ptr<int>> c(1);
  auto kept = std::make_unique<int>(1);
  EXPECT_TRUE(c.try_send(std::make_unique<int>(0)));
  EXPECT_EQ(c.try_send(std::move(kept)).error(), errc::full);
  EXPECT_TRUE(kept);  // NOLINT(bugprone-use-after-move)
  c.close();
  EXPECT_EQ(c.try_send(std::move(kept)).error(), errc::closed);
  EXPECT_TRUE(kept);  // NOLINT(bugprone-use-after-move)
}

TEST_F(Channel, a_closed_one_refuses_senders_and_is_drained_by_receivers) {
  troupe::channel<int> c;
  EXPECT_TRUE(c.send(1).get());
  EXPECT_TRUE(c.send(2).get());
  c.close();
  EXPECT_TRUE(c.closed());
  EXPECT_EQ(c.send(3).get().error(), errc::closed);
  EXPECT_EQ(*c.receive().get(), 1);
  EXPECT_EQ(*c.try_receive(), 2);
  EXPECT_EQ(c.receive().get().error(), errc::closed);
  EXPECT_EQ(c.try_receive().error(), errc::closed);
  EXPECT_EQ(c.receive_up_to(3).get().error(), errc::closed);
}

TEST_F(Channel, closing_wakes_all_who_wait) {
  troupe::run_loop loop;
  troupe::channel<int> full(1);
  troupe::channel<int> empty;
  EXPECT_TRUE(full.try_send(0));
  int senders = 0;
  int receivers = 0;
  for (int i = 0; i != 3; ++i) {
    (void)spawn(loop, [&]() -> troupe::task<> {
      auto sent = co_await full.send(1);
      senders += !sent && sent.error() == errc::closed;
    });
    (void)spawn(loop, [&]() -> troupe::task<> {
      auto got = co_await empty.receive();
      receivers += !got && got.error() == errc::closed;
    });
  }
  loop.run();
  full.close();
  empty.close();
  loop.run();
  EXPECT_EQ(senders, 3);
  EXPECT_EQ(receivers, 3);
  EXPECT_EQ(drain<int>(full), (std::vector{0}));
}

TEST_F(Channel, timed_forms_give_up) {
  troupe::channel<int> c(1);
  EXPECT_EQ(c.try_receive().error(), errc::empty);
  EXPECT_EQ(c.try_receive_for(2ms).get().error(), errc::timeout);
  EXPECT_TRUE(c.try_send_for(1, 2ms).get());
  EXPECT_EQ(c.try_send_for(2, 2ms).get().error(), errc::timeout);
  auto green = spawn(home(), [&]() -> troupe::task<> {
    auto sent = co_await c.try_send_for(2, 2ms);
    EXPECT_TRUE(!sent && sent.error() == errc::timeout);
    EXPECT_EQ(*co_await c.receive(), 1);
    auto got = co_await c.try_receive_for(2ms);
    EXPECT_TRUE(!got && got.error() == errc::timeout);
  });
  EXPECT_TRUE(green.get(60s));
  EXPECT_TRUE(c.empty());
}

TEST_F(Channel, timeouts_and_hand_overs_race_without_losing_an_item) {
  troupe::channel<long> c(0);
  constexpr long rounds = 2'000;
  std::atomic<long> sent{0};
  std::atomic<long> received{0};
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 3; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (long n = 1; n <= rounds; ++n) {
        auto done = co_await c.try_send_for(long(n), std::chrono::microseconds(n % 7 * 20));
        if (done) sent += n;
      }
    }));
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (long n = 0; n != rounds; ++n) {
        auto got = co_await c.try_receive_for(std::chrono::microseconds(n % 5 * 20));
        if (got) received += *got;
      }
    }));
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  EXPECT_EQ(sent, received);
  EXPECT_GT(sent, 0);
  EXPECT_EQ(c.try_receive().error(), errc::empty);
}

TEST_F(Channel, an_item_for_a_killed_receiver_goes_to_the_next) {
  for (long round = 0; round != 300; ++round) {
    troupe::channel<long> c(0);
    std::atomic<long> got{0};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      auto x = co_await c.receive();
      if (x) got += *x;
    });
    std::thread killer([&] { kill_all(); });
    auto sent = c.try_send_for(1, round % 3 * 50us).get();
    killer.join();
    (void)doomed.get(60s);
    if (sent && got == 0) {  // it was handed over, and came back
      EXPECT_EQ(c.size(), 1U);
      EXPECT_EQ(*c.try_receive(), 1);
      ++got;
    }
    EXPECT_EQ(got, sent ? 1 : 0) << round;
    EXPECT_TRUE(c.empty());
  }
}

TEST_F(Channel, what_comes_back_is_first_again) {
  troupe::run_loop loop({.seed = 1});
  const auto give_back = [&loop](auto& c) {
    auto doomed = spawn(loop, [&c]() -> troupe::task<> { (void)co_await c.receive(); });
    auto other = spawn(loop, []() -> troupe::task<> { co_return; });
    EXPECT_TRUE(other.get(60s));
    loop.run();
    for (int i : {5, 1, 9}) EXPECT_TRUE(c.try_send(i));  // the first goes to the one that waits
    loop.strands().for_each([](troupe::strand& s) { s.request_kill(); });
    loop.run();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
  };
  troupe::channel<int> first_in;
  give_back(first_in);
  EXPECT_EQ(drain<int>(first_in), (std::vector{5, 1, 9}));
  troupe::lifo_channel<int> last_in;
  give_back(last_in);
  EXPECT_EQ(drain<int>(last_in), (std::vector{5, 9, 1}));
  troupe::priority_channel<int> greatest;
  give_back(greatest);
  EXPECT_EQ(drain<int>(greatest), (std::vector{9, 5, 1}));
}

TEST_F(Channel, what_a_killed_sender_holds_is_not_sent) {
  troupe::run_loop loop;
  troupe::channel<int> c(1);
  EXPECT_TRUE(c.try_send(0));
  auto doomed = spawn(loop, [&]() -> troupe::task<> { (void)co_await c.send(1); });
  loop.run();
  loop.strands().for_each([](troupe::strand& s) { s.request_kill(); });
  loop.run();
  EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
  EXPECT_EQ(drain<int>(c), (std::vector{0}));
}

TEST_F(Channel, join_waits_until_each_item_has_been_worked_on) {
  troupe::channel<int> c;
  EXPECT_TRUE(c.join().get());
  for (int i = 0; i != 100; ++i) EXPECT_TRUE(c.try_send(i));
  EXPECT_EQ(c.try_join_for(1ms).get().error(), errc::timeout);
  std::atomic<int> done{0};
  auto worker = spawn(home(), [&]() -> troupe::task<> {
    for (int i = 0; i != 100; ++i) {
      auto item = co_await c.receive();
      EXPECT_EQ(*item, i);
      ++done;
      EXPECT_TRUE(c.task_done());
    }
  });
  EXPECT_TRUE(c.join().get());
  EXPECT_EQ(done, 100);
  EXPECT_TRUE(worker.get(60s));
  EXPECT_EQ(c.task_done().error(), errc::invalid_argument);
}

TEST_F(Channel, many_items_go_in_and_come_out_at_once) {
  troupe::channel<int> c(16);
  std::vector<int> numbers(1'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto sender = spawn(home(), [&]() -> troupe::task<bool> { co_return (co_await c.send_all(numbers)).has_value(); });
  std::vector<int> got;
  while (got.size() != numbers.size()) {
    auto some = c.receive_up_to(10).get();
    ASSERT_TRUE(some);
    EXPECT_GE(some->size(), 1U);
    EXPECT_LE(some->size(), 10U);
    got.insert(got.end(), some->begin(), some->end());
  }
  EXPECT_EQ(got, numbers);
  EXPECT_TRUE(*sender.get(60s));
}

TEST_F(Channel, sending_many_says_how_many_were_sent_before_it_was_closed) {
  troupe::run_loop loop;
  troupe::channel<int> c(2);
  const std::vector<int> numbers{1, 2, 3, 4, 5};
  auto sender = spawn(loop, [&]() -> troupe::task<troupe::result<void>> { co_return co_await c.send_all(numbers); });
  loop.run();
  EXPECT_EQ(*c.receive().get(), 1);
  c.close();
  const auto sent = sender.get(60s);
  ASSERT_TRUE(sent);
  ASSERT_FALSE(*sent);
  EXPECT_EQ(sent->error(), errc::closed);
  EXPECT_TRUE(sent->error().message().starts_with("the channel was closed by ")) << sent->error().message();
  EXPECT_TRUE(sent->error().message().ends_with("; sent were 3 of 5 items")) << sent->error().message();
  EXPECT_EQ(drain<int>(c), (std::vector{2, 3}));
}

TEST_F(Channel, items_with_memory_of_their_own_survive_every_way_through) {
  struct query {
    std::string text;
    int number = 0;
  };
  troupe::channel<query> c(0);
  const std::string text(100, 'x');
  auto sender = spawn(home(), [&]() -> troupe::task<> {
    for (int i = 0; i != 100; ++i) {
      EXPECT_TRUE(co_await c.emplace(text, i));
      const query q{text, i};
      EXPECT_TRUE(co_await c.send(q));
      auto op = c.send(query{text, i});
      EXPECT_TRUE(co_await op);
    }
    c.close();
  });
  int n = 0;
  while (auto q = c.receive().get()) {
    EXPECT_EQ(q->text, text);
    EXPECT_EQ(q->number, n++ / 3);
  }
  EXPECT_EQ(n, 300);
  EXPECT_TRUE(sender.get(60s));
}

TEST_F(Channel, a_wait_that_nobody_could_end_is_told_on_a_deterministic_loop) {
  troupe::run_loop loop({.seed = 7});
  troupe::channel<int> c;
  EXPECT_EQ(c.receive().get().error(), errc::deadlock);
  auto sender = spawn(loop, [&]() -> troupe::task<> { EXPECT_TRUE(co_await c.send(4)); });
  EXPECT_EQ(*c.receive().get(), 4);
}

TEST_F(Channel, an_os_thread_that_waits_is_woken_by_a_green_thread_and_the_other_way_round) {
  troupe::channel<int> there(0);
  troupe::channel<int> back(0);
  auto echo = spawn(home(), [&]() -> troupe::task<> {
    for (;;) {
      auto x = co_await there.receive();
      if (!x) co_return;
      EXPECT_TRUE(co_await back.send(*x + 1));
    }
  });
  for (int i = 0; i != 500; ++i) {
    EXPECT_TRUE(there.send(i).get());
    EXPECT_EQ(*back.receive().get(), i + 1);
  }
  there.close();
  EXPECT_TRUE(echo.get(60s));
}

}  // namespace
