// What a shutdown tells those who ask for it when it has begun, or is over.

#include <troupe/actors/loop_actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/thread.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace second_shutdown {

using namespace std::chrono_literals;

struct hold {};

/// Stays in its handler until it is let go.
class holder : public troupe::actor {
public:
  holder(std::atomic<bool>& held, std::atomic<bool>& let_go) : held_(&held), let_go_(&let_go) {}
  void on(hold) {
    *held_ = true;
    while (!*let_go_) std::this_thread::sleep_for(100us);
  }

private:
  std::atomic<bool>* held_;
  std::atomic<bool>* let_go_;
};

/// Tells that a shutdown has begun, which stops the sources first.
class lookout : public troupe::loop_actor<> {
public:
  explicit lookout(std::atomic<bool>& begun) : begun_(&begun) {}
  troupe::task<> run() override {
    while (!stop_requested()) (void)co_await troupe::this_task::sleep_for(1ms);
    *begun_ = true;
  }

private:
  std::atomic<bool>* begun_;
};

std::vector<std::string> names(const troupe::shutdown_report& report) {
  std::vector<std::string> all;
  for (const troupe::stuck_actor& s : report.stuck) all.push_back(s.name);
  return all;
}

void wait_for(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::sleep_for(100us);
}

TEST(SecondShutdown, tells_again_who_was_left_by_the_first) {
  std::atomic<bool> held{false}, let_go{false};
  troupe::runtime rt({.workers = 1});
  const auto h = rt.spawn_named<holder>("the holder", held, let_go);
  h.send(hold{});
  wait_for(held);
  const auto first = rt.shutdown(50ms);
  EXPECT_EQ(names(first), std::vector<std::string>{"the holder"});
  EXPECT_EQ(names(rt.shutdown(60s)), names(first));
  let_go = true;
  ASSERT_TRUE(h.join(60s));
  EXPECT_FALSE(rt.shutdown(60s).clean()) << "what the first has found";
}

TEST(SecondShutdown, waits_until_the_first_has_ended_everything) {
  std::atomic<bool> held{false}, let_go{false}, begun{false}, asked{false};
  troupe::runtime rt({.workers = 2});
  rt.spawn<lookout>(begun);
  rt.spawn<holder>(held, let_go).send(hold{});
  wait_for(held);
  std::optional<troupe::shutdown_report> first, second;
  std::size_t alive = 1;
  std::thread shuts([&] { first = rt.shutdown(60s); });
  wait_for(begun);
  std::thread shuts_too([&] {
    asked = true;
    second = rt.shutdown(60s);
    alive = rt.alive();
  });
  wait_for(asked);
  std::this_thread::sleep_for(20ms);  // so that it would come back too early
  let_go = true;
  shuts.join();
  shuts_too.join();
  EXPECT_TRUE(first->clean());
  EXPECT_TRUE(second->clean());
  EXPECT_EQ(alive, 0u);
}

TEST(SecondShutdown, says_at_its_own_deadline_who_is_alive_then) {
  std::atomic<bool> held{false}, let_go{false}, begun{false};
  troupe::runtime rt({.workers = 2});
  rt.spawn<lookout>(begun);
  rt.spawn_named<holder>("the holder", held, let_go).send(hold{});
  wait_for(held);
  std::thread shuts([&] { EXPECT_TRUE(rt.shutdown(60s).clean()); });
  wait_for(begun);
  const auto second = names(rt.shutdown(1ms));
  EXPECT_NE(std::find(second.begin(), second.end(), "the holder"), second.end());
  EXPECT_EQ(second.back(), "the thread in shutdown()");
  let_go = true;
  shuts.join();
}

TEST(SecondShutdown, does_not_wait_in_a_handler_for_which_the_first_waits) {
  class hasty : public troupe::actor {
  public:
    hasty(troupe::runtime& rt, std::atomic<bool>& held, std::atomic<bool>& begun, std::vector<std::string>& seen)
        : rt_(&rt), held_(&held), begun_(&begun), seen_(&seen) {}
    void on(hold) {
      *held_ = true;
      wait_for(*begun_);
      *seen_ = names(rt_->shutdown(60s));
    }

  private:
    troupe::runtime* rt_;
    std::atomic<bool>* held_;
    std::atomic<bool>* begun_;
    std::vector<std::string>* seen_;
  };
  for (const bool own_thread : {false, true}) {
    std::atomic<bool> held{false}, begun{false};
    std::vector<std::string> seen;
    troupe::runtime rt({.workers = 2});
    rt.spawn<lookout>(begun);
    rt.spawn<hasty>({.name = "the hasty one", .own_thread = own_thread}, std::ref(rt), held, begun, seen).send(hold{});
    wait_for(held);
    EXPECT_TRUE(rt.shutdown(60s).clean());
    EXPECT_NE(std::find(seen.begin(), seen.end(), "the hasty one"), seen.end());
  }
}

TEST(SecondShutdown, does_not_wait_on_a_thread_for_which_the_first_waits) {
  std::atomic<bool> held{false}, begun{false};
  std::vector<std::string> seen;
  troupe::runtime rt({.workers = 1});
  rt.spawn<lookout>(begun);
  troupe::thread helper(rt, "the helper", [&] {
    held = true;
    wait_for(begun);
    seen = names(rt.shutdown(60s));
  });
  wait_for(held);
  EXPECT_TRUE(rt.shutdown(60s).clean());
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), "the thread in shutdown()");
}

TEST(SecondShutdown, does_not_wait_for_itself_in_a_callback_of_the_first) {
  std::vector<std::string> seen;
  troupe::runtime rt({.workers = 1});
  std::atomic<bool> held{false};
  troupe::thread helper(rt, "the helper", [&](std::stop_token stop) {
    const std::stop_callback callback(stop, [&] { seen = names(rt.shutdown(60s)); });
    held = true;
    while (!stop.stop_requested()) std::this_thread::sleep_for(100us);
  });
  wait_for(held);
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_FALSE(seen.empty());
}

}  // namespace second_shutdown
