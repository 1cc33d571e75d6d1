#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

struct enter {};

/// Wants the lock in a handler that is a coroutine.
class guest : public troupe::actor {
public:
  explicit guest(troupe::mutex& door) : door_(&door) {}
  troupe::task<> on(enter) { auto in = co_await door_->scoped(); }

private:
  troupe::mutex* door_;
};

TEST(Deadlock, of_a_lock_and_the_end_of_an_actor_is_told_with_the_name_of_the_actor) {
  troupe::mutex door("door");  // outlives the handler that gives it up last
  troupe::runtime rt;
  auto visitor = rt.spawn<guest>(std::ref(door));
  auto host = rt.spawn([&]() -> troupe::task<std::string> {
    auto held = co_await door.scoped();
    visitor.send(enter{});
    visitor.close();
    auto end = visitor.when_ended();
    auto reason = co_await end;
    co_return reason ? std::string() : reason.error().message();
  });
  const auto story = host.get(60s);
  ASSERT_TRUE(story) << story.error();
  // Whoever of the two waits last is told: the handler throws, or the host gets the error.
  if (!story->empty()) {
    EXPECT_NE(story->find("mutex \"door\""), std::string::npos) << *story;
    EXPECT_NE(story->find("guest"), std::string::npos) << *story;
  }
}

struct ring_around {};

/// Asks the next actor of a ring the same, without a timeout.
class link_of_ring : public troupe::actor {
public:
  void on(troupe::address<std::string(ring_around)> next) { next_ = std::move(next); }
  troupe::task<std::string> on(ring_around m) {
    auto asked = next_.ask(m);
    auto got = co_await asked;
    if (got) co_return *got;
    co_return std::string(to_string(got.error().code())) + ": " + got.error().message();
  }

private:
  troupe::address<std::string(ring_around)> next_;
};

void expect_deadlock_of_ring(int n) {
  troupe::runtime rt({.workers = 2});
  std::vector<troupe::ref<link_of_ring>> ring;
  for (int i = 0; i != n; ++i) ring.push_back(rt.spawn_named<link_of_ring>("link " + std::to_string(i)));
  for (int i = 0; i != n; ++i)
    ring[static_cast<std::size_t>(i)].send(
        troupe::address<std::string(ring_around)>(ring[static_cast<std::size_t>((i + 1) % n)]));
  const auto story = ring[0].ask(ring_around{}).get(60s);
  ASSERT_TRUE(story) << story.error();
  EXPECT_EQ(story->rfind("deadlock: ", 0), 0u) << *story;
  for (int i = 0; i != n; ++i) EXPECT_NE(story->find("link " + std::to_string(i)), std::string::npos) << *story;
  EXPECT_TRUE(rt.wait_idle(60s));
}

TEST(Deadlock, of_an_actor_that_asks_itself_is_told) { expect_deadlock_of_ring(1); }
TEST(Deadlock, of_two_actors_that_ask_each_other_names_both) { expect_deadlock_of_ring(2); }
TEST(Deadlock, of_three_actors_that_ask_in_a_ring_names_all) { expect_deadlock_of_ring(3); }

struct later {};

/// Keeps the promise of its answer, and asks the one that asked.
class postpones : public troupe::actor {
public:
  void on(later, troupe::promise<std::string> reply) { reply_ = std::move(reply); }
  troupe::task<> on(troupe::address<std::string(ring_around)> other) {
    auto asked = other.ask({});
    reply_.give(std::string("in the end"));  // what waits for this one goes on
    auto got = co_await asked;
    last_ = got.value_or("nothing");
  }
  std::string on(ring_around) const { return last_; }

private:
  troupe::promise<std::string> reply_;
  std::string last_;
};

TEST(Deadlock, is_none_where_the_reply_was_put_off_and_comes_from_elsewhere) {
  class waits : public troupe::actor {
  public:
    explicit waits(troupe::ref<postpones> p) : p_(std::move(p)) {}
    troupe::task<std::string> on(later m) {
      auto asked = p_.ask(m);
      auto got = co_await asked;
      co_return got ? *got : got.error().message();
    }
    std::string on(ring_around) const { return "fine"; }

  private:
    troupe::ref<postpones> p_;
  };
  troupe::runtime rt({.workers = 2});
  const auto p = rt.spawn<postpones>();
  const auto w = rt.spawn<waits>(p);
  auto got = w.ask(later{});
  ASSERT_TRUE(rt.wait_idle(60s));
  p.send(troupe::address<std::string(ring_around)>(w));
  EXPECT_EQ(got.get(60s).value(), "in the end");
  EXPECT_EQ(p.ask(ring_around{}).get(60s).value(), "fine");
}

}  // namespace
