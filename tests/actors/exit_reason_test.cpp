#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::exit_kind;

struct leave {
  std::string why;
  int code = 0;
};
struct leave_and_wait {};

class guest : public troupe::actor {
public:
  explicit guest(std::atomic<int>* stopped = nullptr) : stopped_(stopped) {}
  void on_stop() {
    if (stopped_) ++*stopped_;
  }
  void on(const leave& l) { exit(l.why, l.code); }
  troupe::task<> on(leave_and_wait) {
    exit(7);
    co_await troupe::this_task::sleep_for(1h);
  }
  int on(int n) { return n; }
  void on(const std::string& text) { throw std::runtime_error(text); }

private:
  std::atomic<int>* stopped_;
};

TEST(ExitReason, an_actor_may_end_with_a_reason_of_its_own_and_loses_what_is_queued) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  std::atomic<int> stopped{0};
  auto g = rt.spawn<guest>(&stopped);
  g.send(leave{"the party is over", 3});
  g.send(1);
  auto answer = g.ask(2);
  const auto reason = g.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, (troupe::exit_reason{exit_kind::exited, "the party is over", 3}));
  EXPECT_TRUE(reason->abnormal());
  EXPECT_EQ(to_string(*reason), "exited 3: the party is over");
  const auto r = answer.get(60s);
  EXPECT_EQ(r.error().code(), troupe::errc::crashed);
  EXPECT_NE(r.error().message().find("the party is over"), std::string::npos);
  EXPECT_EQ(stopped, 0);
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().dropped, 2u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(ExitReason, a_handler_that_exits_and_then_waits_is_called_off_there) {
  troupe::runtime rt({.workers = 2});
  auto g = rt.spawn<guest>();
  g.send(leave_and_wait{});
  const auto reason = g.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, exit_kind::exited);
  EXPECT_EQ(reason->code, 7);
}

TEST(ExitReason, a_crash_keeps_the_exception) {
  troupe::runtime rt({.workers = 1});
  auto g = rt.spawn<guest>();
  g.send(std::string("broken"));
  const auto reason = g.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->text, "broken");
  EXPECT_THROW(std::rethrow_exception(reason->exception), std::runtime_error);
}

TEST(ExitReason, what_the_end_of_the_runtime_closes_says_so_and_is_asked_to_stop) {
  std::atomic<int> stopped{0};
  troupe::ref<guest> idle;
  troupe::ref<guest> closed;
  {
    troupe::runtime rt({.workers = 2});
    idle = rt.spawn<guest>(&stopped);
    closed = rt.spawn<guest>(&stopped);
    closed.close();
  }
  EXPECT_EQ(idle.join(0ms)->kind, exit_kind::shutdown);
  EXPECT_EQ(closed.join(0ms)->kind, exit_kind::normal);
  EXPECT_EQ(stopped, 2);
}

TEST(ExitReason, an_actor_may_exit_in_its_constructor) {
  class stillborn : public troupe::actor {
  public:
    stillborn() { exit("no use"); }
    void on(int) {}
  };
  troupe::runtime rt({.workers = 2});
  EXPECT_EQ(rt.spawn<stillborn>().join(60s)->text, "no use");
}

TEST(ExitReason, a_callback_on_the_pool_is_told_of_an_end_also_when_it_has_been) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> told{0};
  auto g = rt.spawn<guest>();
  g.on_end([&](const troupe::exit_reason& r) { told += r.code; });
  g.send(leave{"", 10});
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(told, 10);
  g.on_end([&](const troupe::exit_reason& r) { told += r.code; });
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(told, 20);
}

}  // namespace
