// Mailboxes with limits, on many schedules: whoever waits for room gets it or is told why not, and nothing is lost.

#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::mailbox_options;
using troupe::mailbox_order;
using troupe::overflow;
using troupe::testing::explore;

struct item {
  int sender;
  int n;
};
struct get_count {};

class sink : public troupe::actor {
public:
  troupe::task<> on(item i) {
    if (i.n % 3 == 0) co_await troupe::this_task::yield();
    int& expected = next_.at(static_cast<std::size_t>(i.sender));
    EXPECT_GE(i.n, expected);  // C1
    expected = i.n + 1;
    ++count_;
  }
  int on(get_count) const { return count_; }

private:
  std::vector<int> next_ = std::vector<int>(4);
  int count_ = 0;
};

struct start {};

/// Sends without waiting, so that it is muted.
class pusher : public troupe::actor {
public:
  pusher(troupe::ref<sink> to, int id) : to_(to), id_(id) {}
  void on(start) {
    for (int i = 0; i != 3; ++i) to_.send(item{id_, n_++});
  }

private:
  troupe::ref<sink> to_;
  int id_;
  int n_ = 0;
};

troupe::task<int> wait_and_send(troupe::ref<sink> to, int id, int count) {
  int sent = 0;
  for (int i = 0; i != count; ++i) {
    auto sending = to.send_wait(item{id, i});
    const auto done = co_await sending;
    if (done) ++sent;
  }
  co_return sent;
}

TEST(MailboxSchedules, senders_that_wait_and_senders_that_are_muted_all_come_in) {
  explore(300, [](troupe::runtime& rt) {
    auto to = rt.spawn<sink>({.mailbox = mailbox_options{.capacity = 2}});
    auto a = rt.spawn(wait_and_send, to, 0, 6);
    auto b = rt.spawn(wait_and_send, to, 1, 6);
    auto c = rt.spawn<pusher>(to, 2);
    auto d = rt.spawn<pusher>(to, 3);
    for (int i = 0; i != 3; ++i) {
      c.send(start{});
      d.send(start{});
    }
    rt.run();
    EXPECT_EQ(a.get().value() + b.get().value(), 12);
    EXPECT_EQ(to.ask(get_count{}).get().value(), 30);
  });
}

TEST(MailboxSchedules, a_close_or_a_kill_lets_everybody_go_who_waits_for_room) {
  bool kill = false;
  explore(300, [&kill](troupe::runtime& rt) {
    kill = !kill;
    auto to = rt.spawn<sink>({.mailbox = mailbox_options{.capacity = 1}});
    auto a = rt.spawn(wait_and_send, to, 0, 4);
    auto c = rt.spawn<pusher>(to, 1);
    for (int i = 0; i != 3; ++i) c.send(start{});
    auto end = rt.spawn(
        [](troupe::ref<sink> s, bool by_force) -> troupe::task<> {
          co_await troupe::this_task::yield();
          by_force ? s.kill() : s.close();
        },
        to, kill);
    rt.run();
    EXPECT_LE(a.get().value(), 4);
    EXPECT_FALSE(to.alive());
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

TEST(MailboxSchedules, whoever_is_killed_or_cancelled_while_it_waits_for_room_leaves_its_message_unsent) {
  explore(300, [](troupe::runtime& rt) {
    auto to = rt.spawn<sink>({.mailbox = mailbox_options{.capacity = 1}});
    auto a = rt.spawn(wait_and_send, to, 0, 4);
    auto b = rt.spawn(wait_and_send, to, 1, 4);
    auto c = rt.spawn<pusher>(to, 2);
    for (int i = 0; i != 3; ++i) c.send(start{});
    auto end = rt.spawn(
        [](troupe::green_thread<int>& stopped, troupe::ref<pusher> killed) -> troupe::task<> {
          co_await troupe::this_task::yield();
          stopped.request_stop();
          killed.kill();
        },
        std::ref(a), c);
    rt.run();
    const int sent = a.get().value();
    EXPECT_EQ(b.get().value(), 4);
    EXPECT_GE(to.ask(get_count{}).get().value(), sent + 4);
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

/// Each sends to the next, more than there is room for.
class ring : public troupe::actor {
public:
  static constexpr mailbox_options mailbox{.capacity = 1};
  void on(troupe::address<int> next) { next_ = next; }
  void on(int n) {
    for (int i = 0; n > 0 && i != 2; ++i) next_.send(n - 1);
  }

private:
  troupe::address<int> next_;
};

TEST(MailboxSchedules, a_ring_of_actors_that_mute_each_other_goes_on) {
  explore(300, [](troupe::runtime& rt) {
    std::vector<troupe::ref<ring>> all;
    for (int i = 0; i != 3; ++i) all.push_back(rt.spawn<ring>());
    for (std::size_t i = 0; i != 3; ++i) all[i].send(troupe::address<int>(all[(i + 1) % 3]));
    rt.run();
    for (const auto& r : all) r.send(3);
    rt.run();
    EXPECT_EQ(rt.counts().handled, 3u + 3u * 15u);
  });
}

TEST(MailboxSchedules, memory_that_comes_free_in_one_mailbox_lets_in_who_waits_at_another) {
  for (std::uint64_t seed = 1; seed != 300; ++seed) {
    troupe::runtime rt({.mailbox_memory = 256, .seed = seed});
    auto one = rt.spawn<sink>();
    auto two = rt.spawn<sink>();
    auto a = rt.spawn(wait_and_send, one, 0, 10);
    auto b = rt.spawn(wait_and_send, two, 1, 10);
    auto c = rt.spawn<pusher>(one, 2);
    for (int i = 0; i != 3; ++i) c.send(start{});
    rt.run();
    EXPECT_EQ(a.get().value() + b.get().value(), 20);
    EXPECT_EQ(one.ask(get_count{}).get().value() + two.ask(get_count{}).get().value(), 29) << "seed " << seed;
  }
}

}  // namespace
