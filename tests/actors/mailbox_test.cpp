#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "../contracts/support.hpp"

namespace {

using namespace std::chrono_literals;
using contracts::expect_conserved;
using troupe::errc;
using troupe::mailbox_options;
using troupe::mailbox_order;
using troupe::overflow;
using troupe::send_status;

struct number {
  int value;
};
struct urgent {
  int value;
};
troupe::priority priority_of(const urgent&) noexcept { return troupe::priority::highest(); }
struct idle_work {
  int value;
};
troupe::priority priority_of(const idle_work&) noexcept { return troupe::priority(31); }
struct get_numbers {};
struct hold {
  contracts::barrier* until;
};

/// Notes what it gets; can be held in a handler.
class keeper : public troupe::actor {
public:
  void on(hold h) { h.until->wait(); }
  void on(number n) { got_.push_back(n.value); }
  void on(urgent n) { got_.push_back(n.value); }
  void on(idle_work n) { got_.push_back(n.value); }
  std::vector<int> on(get_numbers) const { return got_; }

private:
  std::vector<int> got_;
};

class small_keeper : public keeper {
public:
  static constexpr mailbox_options mailbox{.capacity = 3, .when_full = overflow::drop_newest};
};

/// A keeper that is in its handler until the gate opens; what is sent meanwhile waits in its mailbox.
struct held_keeper {
  held_keeper(troupe::runtime& rt, mailbox_options m) : actor(rt.spawn<keeper>({.mailbox = m})) {
    actor.send(hold{&gate});
    EXPECT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  }
  std::vector<int> numbers() {
    gate.open();
    return actor.ask(get_numbers{}, 30s).get().value();
  }
  contracts::barrier gate;
  troupe::ref<keeper> actor;
};

troupe::runtime_options two_workers() { return {.workers = 2}; }

// --- overflow ------------------------------------------------------------------------------------------------------

TEST(Mailbox, drop_newest_keeps_what_came_first) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 3, .when_full = overflow::drop_newest});
  for (int i = 0; i != 3; ++i) EXPECT_EQ(k.actor.try_send(number{i}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{3}), send_status::dropped);
  k.actor.send(number{4});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{0, 1, 2}));
  EXPECT_EQ(rt.counts().dropped, 2u);
}

TEST(Mailbox, drop_oldest_keeps_what_came_last) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 3, .when_full = overflow::drop_oldest});
  for (int i = 0; i != 10; ++i) EXPECT_EQ(k.actor.try_send(number{i}), send_status::queued);
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{7, 8, 9}));
  EXPECT_EQ(rt.counts().dropped, 7u);
}

TEST(Mailbox, fail_sends_nothing_and_says_so) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 2, .when_full = overflow::fail});
  EXPECT_EQ(k.actor.try_send(number{0}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{1}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{2}), send_status::full);
  k.actor.send(number{3});
  const auto answer = k.actor.ask(get_numbers{}, 30s).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), errc::full);
  EXPECT_NE(answer.error().message().find("keeper"), std::string::npos) << answer.error();
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{0, 1}));
  EXPECT_EQ(rt.counts().refused, 3u);
  EXPECT_EQ(rt.counts().dropped, 0u);
}

TEST(Mailbox, block_says_full_to_try_send_and_lets_a_plain_send_go_beyond) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 2});
  EXPECT_EQ(k.actor.try_send(number{0}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{1}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{2}), send_status::full);
  k.actor.send(number{3});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{0, 1, 3}));
}

TEST(Mailbox, whoever_asked_what_is_dropped_is_answered) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 1, .when_full = overflow::drop_oldest});
  auto first = k.actor.ask(get_numbers{}, 30s);
  k.actor.send(number{1});
  const auto answer = first.get();  // while the keeper is still held
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), errc::full);
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{1}));
}

TEST(Mailbox, a_class_declares_its_own) {
  troupe::runtime rt(two_workers());
  contracts::barrier gate;
  auto k = rt.spawn<small_keeper>();
  k.send(hold{&gate});
  ASSERT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  for (int i = 0; i != 5; ++i) k.send(number{i});
  gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.ask(get_numbers{}, 30s).get().value(), (std::vector{0, 1, 2}));
}

TEST(Mailbox, of_capacity_zero_is_refused) {
  troupe::runtime rt(two_workers());
  try {
    (void)rt.spawn<keeper>({.mailbox = mailbox_options{.capacity = 0}});
    FAIL() << "spawned";
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
    EXPECT_NE(std::string(e.what()).find("capacity"), std::string::npos) << e.what();
  }
}

// C11: the close is not refused, and C4: it comes behind what was sent before.
TEST(Mailbox, that_is_full_can_be_closed_and_still_gives_what_was_sent_before) {
  for (const mailbox_order order : {mailbox_order::fifo, mailbox_order::lifo, mailbox_order::priority}) {
    troupe::runtime rt(two_workers());
    held_keeper k(rt, {.capacity = 2, .when_full = overflow::fail, .order = order});
    EXPECT_EQ(k.actor.try_send(number{0}), send_status::queued);
    EXPECT_EQ(k.actor.try_send(number{1}), send_status::queued);
    k.actor.close();
    EXPECT_EQ(k.actor.try_send(number{2}), send_status::closed);
    k.gate.open();
    EXPECT_EQ(k.actor.join(30s).value().kind, troupe::exit_kind::normal);
    expect_conserved(rt);
    EXPECT_EQ(rt.counts().handled, 3u);
    EXPECT_EQ(rt.counts().dead_letters, 1u);
  }
}

TEST(Mailbox, that_is_full_loses_all_in_a_kill) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 2});
  EXPECT_EQ(k.actor.try_send(number{0}), send_status::queued);
  EXPECT_EQ(k.actor.try_send(number{1}), send_status::queued);
  k.actor.kill();
  k.gate.open();
  EXPECT_EQ(k.actor.join(30s).value().kind, troupe::exit_kind::killed);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dropped, 2u);
}

// --- order ---------------------------------------------------------------------------------------------------------

TEST(Mailbox, lifo_gives_the_newest_first) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.order = mailbox_order::lifo});
  for (int i = 0; i != 5; ++i) k.actor.send(number{i});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{4, 3, 2, 1, 0}));
}

TEST(Mailbox, lifo_drops_the_oldest) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 3, .when_full = overflow::drop_oldest, .order = mailbox_order::lifo});
  for (int i = 0; i != 5; ++i) k.actor.send(number{i});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{4, 3, 2}));
}

TEST(Mailbox, priority_gives_the_most_urgent_first_and_keeps_the_order_of_each_level) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.order = mailbox_order::priority});
  for (int i = 0; i != 4; ++i) {
    k.actor.send(idle_work{300 + i});
    k.actor.send(number{200 + i});
    k.actor.send(urgent{100 + i});
  }
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{100, 101, 102, 103, 200, 201, 202, 203, 300, 301, 302, 303}));
}

TEST(Mailbox, priority_drops_the_oldest_of_the_least_urgent) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 3, .when_full = overflow::drop_oldest, .order = mailbox_order::priority});
  k.actor.send(idle_work{1});
  k.actor.send(urgent{2});
  k.actor.send(idle_work{3});
  k.actor.send(urgent{4});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{2, 4, 3}));
}

TEST(Mailbox, a_priority_out_of_range_is_refused) {
  EXPECT_THROW(troupe::priority(32), troupe::troupe_error);
  EXPECT_EQ(troupe::priority(31), troupe::priority::lowest());
}

/// Even numbers first; holds back nothing.
class even_first {
public:
  void push(troupe::queued_message m) {
    const number* n = m.get_if<number>();
    (n && n->value % 2 == 0 ? even_ : rest_).push_back(std::move(m));
  }
  troupe::queued_message pop() noexcept { return take(even_.empty() ? rest_ : even_); }
  troupe::queued_message drop() noexcept { return take(rest_.empty() ? even_ : rest_); }

private:
  static troupe::queued_message take(std::vector<troupe::queued_message>& from) noexcept {
    if (from.empty()) return {};
    troupe::queued_message m = std::move(from.front());
    from.erase(from.begin());
    return m;
  }
  std::vector<troupe::queued_message> even_, rest_;
};

TEST(Mailbox, with_a_queue_of_ones_own_gives_in_its_order) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, mailbox_options::ordered_by<even_first>(4, overflow::drop_oldest));
  for (int i = 1; i != 7; ++i) k.actor.send(number{i});
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{2, 4, 6, 5}));
}

/// Throws for one message, forgets another, and keeps a third for itself.
class bad_queue {
public:
  void push(troupe::queued_message m) {
    const number* n = m.get_if<number>();
    if (n && n->value == 13) throw std::runtime_error("no thirteens");
    if (n && n->value == 14) return;
    messages_.push_back(std::move(m));
  }
  troupe::queued_message pop() noexcept {
    for (auto& m : messages_) {
      const number* n = m.get_if<number>();
      if (n && n->value == 15) continue;
      troupe::queued_message found = std::move(m);
      messages_.erase(messages_.begin() + (&m - messages_.data()));
      return found;
    }
    return {};
  }
  troupe::queued_message drop() noexcept { return pop(); }

private:
  std::vector<troupe::queued_message> messages_;
};

TEST(Mailbox, with_a_queue_that_throws_forgets_and_hoards_loses_no_count_and_does_not_hang) {
  contracts::captured_log log;
  troupe::runtime rt(two_workers());
  auto k = rt.spawn<keeper>({.name = "k", .mailbox = mailbox_options::ordered_by<bad_queue>()});
  for (int i = 11; i != 18; ++i) k.send(number{i});
  EXPECT_EQ(k.ask(get_numbers{}, 30s).get().value(), (std::vector{11, 12, 16, 17}));
  EXPECT_EQ(log.count({"mailbox of k", "no thirteens"}), 1u);
  k.close();
  ASSERT_TRUE(k.join(30s));
  EXPECT_GE(log.count({"mailbox of k", "gives nothing although it holds 1"}), 1u);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dropped, 3u);
}

// --- waiting for room ----------------------------------------------------------------------------------------------

TEST(Mailbox, send_wait_of_an_os_thread_returns_when_there_is_room) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 1});
  ASSERT_TRUE(k.actor.send_wait(number{0}).get());
  const auto late = k.actor.send_wait(number{9}, 5ms).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), errc::timeout);
  std::thread sender([&] { EXPECT_TRUE(k.actor.send_wait(number{1}).get()); });
  std::this_thread::sleep_for(2ms);
  k.gate.open();
  sender.join();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers(), (std::vector{0, 1}));
}

TEST(Mailbox, send_wait_keeps_the_order_of_each_of_many_green_threads_and_never_goes_beyond_the_limit) {
  troupe::runtime rt(two_workers());
  constexpr int senders = 8;
  constexpr int each = contracts::scaled(2000);
  auto k = rt.spawn<keeper>({.mailbox = mailbox_options{.capacity = 4}});
  for (int s = 0; s != senders; ++s) {
    rt.spawn(
          [](troupe::ref<keeper> to, int base) -> troupe::task<> {
            for (int i = 0; i != each; ++i) {
              auto sent = to.send_wait(number{base + i});
              const auto done = co_await sent;
              EXPECT_TRUE(done);
            }
          },
          k, s * 1'000'000)
        .detach();
  }
  expect_conserved(rt);
  const auto got = k.ask(get_numbers{}, 30s).get().value();
  ASSERT_EQ(got.size(), static_cast<std::size_t>(senders * each));
  for (int s = 0; s != senders; ++s) {
    int next = 0;
    for (const int v : got) {
      if (v / 1'000'000 != s) continue;
      EXPECT_EQ(v % 1'000'000, next++);
    }
  }
  EXPECT_EQ(rt.counts().refused + rt.counts().dropped, 0u);
}

TEST(Mailbox, that_is_closed_ends_those_who_wait_for_room) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 1});
  ASSERT_TRUE(k.actor.send_wait(number{0}).get());
  std::atomic<bool> told{false};
  std::thread sender([&] {
    const auto sent = k.actor.send_wait(number{1}).get();
    EXPECT_TRUE(!sent && sent.error() == errc::closed);
    told = true;
  });
  std::this_thread::sleep_for(2ms);
  k.actor.close();
  EXPECT_TRUE(contracts::eventually([&] { return told.load(); }));  // while the keeper is still held
  sender.join();
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().sent, 2u);
}

struct flood {
  int count;
};
struct done {};

/// Sends on whatever it is told to, in a plain handler.
class flooder : public troupe::actor {
public:
  explicit flooder(troupe::ref<keeper> to) : to_(to) {}
  void on(flood f) {
    for (int i = 0; i != f.count; ++i) to_.send(number{next_++});
    ++floods_;
  }
  int on(done) const { return floods_; }

private:
  troupe::ref<keeper> to_;
  int next_ = 0;
  int floods_ = 0;
};

TEST(Mailbox, an_actor_that_sends_beyond_the_limit_is_muted_until_there_is_room) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 4});
  auto f = rt.spawn<flooder>(k.actor);
  for (int i = 0; i != 10; ++i) f.send(flood{3});
  // The second goes beyond: the rest waits. A third has no chance to run: the actor is told so in the list of the
  // living.
  ASSERT_TRUE(contracts::eventually([&] {
    const auto tasks = rt.tasks();
    return std::any_of(tasks.begin(), tasks.end(), [](const troupe::task_info& t) {
      return tests::contains(t.waits_for, "room in the mailbox of");
    });
  }));
  EXPECT_EQ(rt.counts().handled, 2u);
  k.gate.open();
  expect_conserved(rt);
  const auto got = k.numbers();
  ASSERT_EQ(got.size(), 30u);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
  EXPECT_EQ(f.ask(done{}, 30s).get().value(), 10);
}

/// Runs a whole runtime in its handler before it sends.
class simulator : public troupe::actor {
public:
  explicit simulator(troupe::ref<keeper> to) : to_(to) {}
  void on(flood f) {
    troupe::runtime inner({.seed = 1});
    inner.spawn<keeper>().send(number{1});
    inner.run();
    for (int i = 0; i != f.count; ++i) to_.send(number{i});
  }

private:
  troupe::ref<keeper> to_;
};

TEST(Mailbox, an_actor_is_muted_also_after_it_has_run_another_runtime_in_its_handler) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 2});
  auto s = rt.spawn<simulator>(k.actor);
  s.send(flood{5});
  s.send(flood{5});
  ASSERT_TRUE(contracts::eventually([&] {
    const auto tasks = rt.tasks();
    return std::any_of(tasks.begin(), tasks.end(), [](const troupe::task_info& t) {
      return tests::contains(t.waits_for, "room in the mailbox of");
    });
  }));
  k.gate.open();
  expect_conserved(rt);
  EXPECT_EQ(k.numbers().size(), 10u);
}

TEST(Mailbox, a_muted_actor_can_be_killed) {
  troupe::runtime rt(two_workers());
  held_keeper k(rt, {.capacity = 1});
  auto f = rt.spawn<flooder>(k.actor);
  for (int i = 0; i != 10; ++i) f.send(flood{3});
  ASSERT_TRUE(contracts::eventually([&] { return rt.counts().handled == 1; }));
  f.kill();
  EXPECT_EQ(f.join(30s).value().kind, troupe::exit_kind::killed);
  k.gate.open();
  expect_conserved(rt);
}

/// Each message goes on to the other, twice: both mailboxes overflow.
class echo : public troupe::actor {
public:
  static constexpr mailbox_options mailbox{.capacity = 2};
  void on(troupe::address<number> peer) { peer_ = peer; }
  void on(number n) {
    if (n.value == 0) return;
    peer_.send(number{n.value - 1});
    peer_.send(number{n.value - 1});
  }

private:
  troupe::address<number> peer_;
};

TEST(Mailbox, actors_that_mute_each_other_go_on) {
  troupe::runtime rt(two_workers());
  auto a = rt.spawn<echo>();
  auto b = rt.spawn<echo>();
  a.send(troupe::address<number>(b));
  b.send(troupe::address<number>(a));
  ASSERT_TRUE(rt.wait_idle(30s));
  a.send(number{10});
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().handled, 2u + 2047u);
  EXPECT_GT(rt.counts().mutes_broken, 0u);
}

/// Passes each number on to a mailbox that it waits for.
class waiting_echo : public troupe::actor {
public:
  static constexpr mailbox_options mailbox{.capacity = 1};
  void on(troupe::ref<waiting_echo> peer) { peer_ = peer; }
  troupe::task<> on(number n) {
    for (int i = 0; n.value != 0 && i != 3; ++i) {
      auto sent = peer_.send_wait(number{n.value - 1});
      const auto how = co_await sent;
      if (!how && how.error() == errc::deadlock) ++deadlocks;
    }
  }
  static inline std::atomic<int> deadlocks{0};

private:
  troupe::ref<waiting_echo> peer_;
};

TEST(Mailbox, actors_that_wait_for_room_at_each_other_are_told_of_the_deadlock) {
  waiting_echo::deadlocks = 0;
  troupe::runtime rt(two_workers());
  auto a = rt.spawn<waiting_echo>();
  auto b = rt.spawn<waiting_echo>();
  a.send(b);
  b.send(a);
  ASSERT_TRUE(rt.wait_idle(30s));
  a.send(number{4});
  b.send(number{4});
  expect_conserved(rt);
  EXPECT_GT(waiting_echo::deadlocks.load(), 0);
}

// --- the memory of all ---------------------------------------------------------------------------------------------

TEST(MailboxMemory, drops_when_all_mailboxes_together_hold_too_much) {
  troupe::runtime rt({.workers = 2, .mailbox_memory = 4096, .mailbox_overflow = overflow::drop_newest});
  held_keeper k(rt, {});
  held_keeper other(rt, {});
  for (int i = 0; i != 1000; ++i) k.actor.send(number{i});
  EXPECT_EQ(other.actor.try_send(number{1}), send_status::dropped);
  k.gate.open();
  other.gate.open();
  expect_conserved(rt);
  const std::size_t kept = k.numbers().size();
  EXPECT_GT(kept, 10u);
  EXPECT_LE(kept, 4096 / sizeof(number));
  EXPECT_EQ(other.actor.try_send(number{2}), send_status::queued);
}

TEST(MailboxMemory, makes_senders_of_one_mailbox_wait_until_another_is_emptied) {
  troupe::runtime rt({.workers = 2, .mailbox_memory = 1024});
  held_keeper full(rt, {});
  auto other = rt.spawn<keeper>();
  while (full.actor.try_send(number{1}) == send_status::queued) {
  }
  EXPECT_EQ(other.try_send(number{1}), send_status::full);
  std::atomic<bool> sent{false};
  std::thread sender([&] {
    EXPECT_TRUE(other.send_wait(number{7}).get());
    sent = true;
  });
  std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(sent);
  full.gate.open();
  sender.join();
  expect_conserved(rt);
  EXPECT_EQ(other.ask(get_numbers{}, 30s).get().value(), (std::vector{7}));
}

TEST(MailboxMemory, does_not_mute_actors_for_ever_whose_own_messages_hold_it) {
  struct pass_on {};
  class passes_on : public troupe::actor {
  public:
    explicit passes_on(troupe::ref<keeper> to) : to_(std::move(to)) {}
    void on(pass_on) { to_.send(number{1}); }

  private:
    troupe::ref<keeper> to_;
  };
  troupe::runtime rt({.mailbox_memory = 512, .seed = 1});
  const auto to = rt.spawn<keeper>();
  const auto one = rt.spawn<passes_on>(to);
  const auto other = rt.spawn<passes_on>(to);
  for (int i = 0; i != 100; ++i) one.send(pass_on{}), other.send(pass_on{});
  rt.run();
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().handled, 400u);
}

// --- later ---------------------------------------------------------------------------------------------------------

TEST(TimedSend, comes_in_virtual_time_once_or_again_and_again_until_called_off) {
  troupe::runtime rt({.seed = 7});
  auto k = rt.spawn<keeper>();
  auto never = k.send_later(3s, number{3});
  k.send_later(2s, number{2});
  k.send_later(1s, number{1});
  auto every = k.send_every(10s, number{10});
  EXPECT_TRUE(never.cancel());
  ASSERT_TRUE(rt.run_until([]() -> troupe::task<> { co_await troupe::this_task::sleep_for(35s); }));
  EXPECT_TRUE(every.cancel());
  EXPECT_EQ(k.ask(get_numbers{}, 1s).get().value(), (std::vector{1, 2, 10, 10, 10}));
}

TEST(TimedSend, again_and_again_ends_with_the_actor) {
  troupe::runtime rt({.seed = 7});
  auto k = rt.spawn<keeper>();
  auto every = k.send_every(1s, number{1});
  k.close();
  ASSERT_TRUE(rt.run_until([]() -> troupe::task<> { co_await troupe::this_task::sleep_for(3s); }));
  EXPECT_TRUE(every.cancelled());
  EXPECT_EQ(rt.counts().dead_letters, 0u);
}

}  // namespace
