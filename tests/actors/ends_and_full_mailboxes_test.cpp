// Ends and restarts do not wait for those who wait for room in a mailbox that nobody empties.

#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace {

using namespace std::chrono_literals;
using troupe::mailbox_options;

struct crash {};
struct item {};
struct pass_on {};
struct are_you_up {};

constexpr mailbox_options room_for_one{.capacity = 1};

/// Takes its time for each item, and crashes when told so.
class slow : public troupe::actor {
public:
  static constexpr mailbox_options mailbox = room_for_one;
  troupe::task<> on(item) { co_await troupe::this_task::sleep_for(1ms); }
  void on(crash) { throw std::runtime_error("meant"); }
};

/// Sends on to somebody without waiting, so that it is muted.
class passes_on : public troupe::actor {
public:
  explicit passes_on(troupe::address<item> to) : to_(std::move(to)) {}
  troupe::task<> on(pass_on) {
    co_await troupe::this_task::sleep_for(1ms);
    to_.send(item{});
  }

private:
  troupe::address<item> to_;
};

void send_ten(const troupe::ref<passes_on>& to) {
  for (int i = 0; i != 10; ++i) to.send(pass_on{});
}

/// Has a child that sends to it or to another.
class parent : public troupe::actor {
public:
  static constexpr mailbox_options mailbox = room_for_one;
  explicit parent(troupe::address<item> to = {}) {
    send_ten(spawn_child<passes_on>({}, to ? to : troupe::address<item>(self(this))));
  }
  troupe::task<> on(item) { co_await troupe::this_task::sleep_for(1ms); }
  bool on(are_you_up) const { return true; }
};

/// Has two children, one of which sends to the other, which has crashed.
class parent_of_two : public troupe::actor {
public:
  parent_of_two() {
    supervise_children({.backoff = {1h, 1h, 0}});
    const auto first = spawn_child<slow>({});
    send_ten(spawn_child<passes_on>({}, first));
    first.send(crash{});
  }
};

troupe::supervisor_options at_once() { return {.max_restarts = 100, .backoff = {0ns, 0ns, 0}}; }

TEST(EndsAndFullMailboxes, a_parent_that_is_made_anew_does_not_wait_for_a_child_that_waits_for_room_at_it) {
  troupe::runtime rt({.seed = 1});
  const auto sup = rt.supervise(at_once());
  const auto p = sup.spawn<parent>();
  ASSERT_FALSE(rt.wait_idle(5ms));
  ASSERT_TRUE(sup.restart_child(p));
  EXPECT_TRUE(p.ask(are_you_up{}, 1min).get().value());
  rt.run();
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(EndsAndFullMailboxes, a_closed_parent_does_not_wait_for_a_child_that_waits_for_room_at_one_that_crashed) {
  troupe::runtime rt({.seed = 1});
  const auto p = rt.spawn<parent_of_two>();
  ASSERT_FALSE(rt.wait_idle(5ms));
  p.close();
  EXPECT_TRUE(p.join(1min)) << "not before the crashed one, which comes back in an hour";
  rt.run();
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(EndsAndFullMailboxes, a_parent_that_drains_does_not_hold_up_the_restart_of_those_its_child_waits_for) {
  troupe::runtime rt({.seed = 1});
  troupe::supervisor_options all = at_once();
  all.strategy = troupe::restart_strategy::one_for_all;
  const auto sup = rt.supervise(all);
  const auto s = sup.spawn<slow>();
  const auto p = sup.spawn<parent>(troupe::address<item>(s));
  p.close();
  ASSERT_FALSE(rt.wait_idle(3ms));
  s.send(crash{});
  EXPECT_TRUE(p.join(1min));
  rt.run();
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(EndsAndFullMailboxes, a_child_that_is_made_while_its_supervisor_is_down_comes_up_with_it) {
  for (int moment = 0; moment != 60; ++moment) {
    troupe::runtime rt({.seed = 1});
    troupe::supervisor_options all = at_once();
    all.strategy = troupe::restart_strategy::one_for_all;
    all.backoff = {1ms, 1ms, 0};
    const auto top = rt.supervise(all);
    const auto s = top.spawn<slow>();
    const auto below = top.supervise(at_once());
    std::optional<troupe::ref<parent>> made;
    rt.call_later(970us + moment * 1us, [&] { made = below.spawn<parent>(); });
    s.send(crash{});
    (void)rt.wait_idle(1100us);
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->ask(are_you_up{}, 1min).get().value_or(false)) << moment;
    rt.run();
    EXPECT_EQ(rt.counts().queued(), 0u) << moment;
  }
}

TEST(EndsAndFullMailboxes, who_has_filled_its_own_mailbox_and_crashes_in_the_same_handler_leaves_nothing_behind) {
  struct failure : std::runtime_error {
    explicit failure(std::shared_ptr<int> what) : runtime_error("meant"), held(std::move(what)) {}
    std::shared_ptr<int> held;
  };
  class talks_to_itself : public troupe::actor {
  public:
    explicit talks_to_itself(std::shared_ptr<int> token) : token_(std::move(token)) {}
    void on(crash) {
      for (int i = 0; i != 3; ++i) self(this).send(item{});
      throw failure(token_);
    }
    void on(item) {}

  private:
    std::shared_ptr<int> token_;
  };
  auto token = std::make_shared<int>(0);
  const std::weak_ptr<int> held_by_the_reason = token;
  {
    troupe::runtime rt({.workers = 1});
    const auto a = rt.spawn<talks_to_itself>({.mailbox = room_for_one}, std::move(token));
    a.send(crash{});
    EXPECT_EQ(a.join(60s)->kind, troupe::exit_kind::crashed);
  }
  EXPECT_TRUE(held_by_the_reason.expired()) << "the cell of an actor that has ended is there for ever";
}

}  // namespace
