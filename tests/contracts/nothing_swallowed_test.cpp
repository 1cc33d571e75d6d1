// C13: exceptions and lost messages are always a value, a log line or a counter that someone can see.

#include "support.hpp"

namespace contracts {
namespace {

struct bad_news {};

class fragile : public troupe::actor {
public:
  int on(bad_news) { throw std::runtime_error("out of luck"); }
  troupe::task<> on(int) {
    co_await troupe::this_task::yield();
    throw std::runtime_error("out of patience");
  }
};

TEST(C13_NothingSwallowed, a_handler_that_throws_is_logged_counted_and_told_to_whoever_waits) {
  const captured_log log;
  troupe::runtime rt({.workers = 2});
  auto f = rt.spawn_named<fragile>("porcelain");
  auto answer = f.ask(bad_news{});
  const auto reply = answer.get(60s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), troupe::errc::crashed);
  EXPECT_EQ(reply.error().message().find("out of luck ("), 0u) << reply.error();
  EXPECT_NE(reply.error().message().find("bad_news asked of porcelain)"), std::string::npos) << reply.error();
  const auto reason = f.join(60s);
  EXPECT_EQ(reason->kind, troupe::exit_kind::crashed);
  EXPECT_EQ(reason->text, "out of luck");
  EXPECT_EQ(log.count({"porcelain", "bad_news", "out of luck"}), 1u);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().failed, 1u);
}

TEST(C13_NothingSwallowed, also_when_the_handler_is_a_coroutine) {
  const captured_log log;
  troupe::runtime rt({.workers = 2});
  auto f = rt.spawn<fragile>();
  f.send(1);
  f.send(2);
  EXPECT_EQ(f.join(60s)->text, "out of patience");
  EXPECT_EQ(log.count({"fragile", "int", "out of patience"}), 1u);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().failed, 1u);
  EXPECT_EQ(rt.counts().dropped + rt.counts().dead_letters, 1u);
}

TEST(C13_NothingSwallowed, run_on_start_on_stop_and_constructors_that_throw) {
  class in_run : public troupe::loop_actor<int> {
  public:
    troupe::task<> run() override {
      (void)co_await receive();
      throw std::runtime_error("run failed");
    }
  };
  class in_start : public troupe::actor {
  public:
    void on_start() { throw std::runtime_error("start failed"); }
    void on(int) {}
  };
  class in_stop : public troupe::actor {
  public:
    void on_stop() { throw std::runtime_error("stop failed"); }
    void on(int) {}
  };
  class in_constructor : public troupe::actor {
  public:
    in_constructor() { throw std::runtime_error("constructor failed"); }
    void on(int) {}
  };
  const captured_log log;
  troupe::runtime rt({.workers = 2});
  auto r = rt.spawn<in_run>();
  r.send(1);
  EXPECT_EQ(r.join(60s)->text, "run failed");
  auto s = rt.spawn<in_start>();
  s.send(1);
  EXPECT_EQ(s.join(60s)->text, "start failed");
  auto t = rt.spawn<in_stop>();
  t.close();
  EXPECT_EQ(t.join(60s)->text, "stop failed");
  EXPECT_THROW(rt.spawn<in_constructor>(), std::runtime_error);
  for (const char* text : {"run failed", "start failed", "stop failed"}) EXPECT_EQ(log.count({text}), 1u) << text;
  expect_conserved(rt);
  EXPECT_EQ(rt.alive(), 0u);
}

troupe::task<> throws() {
  throw std::runtime_error("nobody reads me");
  co_return;
}

TEST(C13_NothingSwallowed, a_green_thread_that_throws_after_its_future_was_dropped_is_logged) {
  const captured_log log;
  troupe::runtime rt({.workers = 1});
  {
    auto f = rt.spawn([]() -> troupe::task<> {
      co_await troupe::this_task::sleep_for(20ms);
      co_await throws();
    });
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(log.count({"nobody reads me"}), 1u);
}

TEST(C13_NothingSwallowed, a_failure_whose_future_is_dropped_unread_later_is_logged) {
  const captured_log log;
  troupe::runtime rt({.workers = 1});
  {
    auto f = rt.spawn(throws);
    ASSERT_TRUE(rt.wait_idle(60s));
  }
  EXPECT_EQ(log.count({"nobody reads me"}), 1u);
}

TEST(C13_NothingSwallowed, a_failure_that_is_read_is_a_value_and_no_line) {
  const captured_log log;
  troupe::runtime rt({.workers = 1});
  {
    auto f = rt.spawn(throws);
    const auto r = f.get(60s);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), troupe::errc::crashed);
    EXPECT_EQ(r.error().message(), "nobody reads me");
  }
  EXPECT_EQ(log.count({"nobody reads me"}), 0u);
}

TEST(C13_NothingSwallowed, a_dead_letter_and_a_late_reply_are_counted) {
  class slow : public troupe::actor {
  public:
    slow(troupe::future<int> answer, std::atomic<bool>& begun) : answer_(std::move(answer)), begun_(begun) {}
    troupe::task<int> on(int n) {
      begun_ = true;
      const auto answer = co_await answer_;
      co_return answer.value_or(0) + n;
    }

  private:
    troupe::future<int> answer_;
    std::atomic<bool>& begun_;
  };
  std::atomic<bool> begun{false};
  troupe::runtime rt({.workers = 1});
  troupe::promise<int> answer(rt.scheduler());
  auto s = rt.spawn<slow>(answer.get_future(), begun);
  auto question = s.ask(1);
  ASSERT_TRUE(eventually([&] { return begun.load(); }));  // what is not begun when the time is over is not handled
  EXPECT_EQ(question.get(1ms).error(), troupe::errc::timeout);
  answer.give(1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().late_replies, 1u);
  s.close();
  ASSERT_TRUE(s.join(60s));
  s.send(2);
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

}  // namespace
}  // namespace contracts
