// C6: a shutdown waits for what is due within its time, and for nothing that is due after that.

#include "support.hpp"

namespace contracts {
namespace {

using clock = std::chrono::steady_clock;

struct number {
  int n;
};

class taker : public troupe::actor {
public:
  explicit taker(std::atomic<int>& sum) : sum_(sum) {}
  void on(number n) { sum_ += n.n; }

private:
  std::atomic<int>& sum_;
};

/// Sleeps until it is told to stop.
class sleeper : public troupe::loop_actor<number> {
public:
  troupe::task<> run() override { (void)co_await troupe::this_task::sleep_for(2h); }
};

TEST(C6_Shutdown, does_not_wait_where_all_that_is_left_is_due_after_its_time) {
  for (const auto kind : {troupe::schedule::work_stealing, troupe::schedule::round_robin}) {
    std::atomic<int> sum{0};
    troupe::runtime rt({.workers = 2, .scheduling = kind});
    auto a = rt.spawn<taker>(sum);
    auto b = rt.spawn<taker>(troupe::own_thread, sum);
    a.send_later(1h, number{100});
    b.send_later(30min, number{100});
    auto call = rt.call_later(2h, [&] { sum += 100; });
    rt.spawn<sleeper>();
    auto green = rt.spawn([]() -> troupe::task<> { (void)co_await troupe::this_task::sleep_for(3h); });
    b.send_later(20ms, number{1});
    a.send(number{2});
    const auto begun = clock::now();
    EXPECT_TRUE(rt.shutdown(10min).clean());
    EXPECT_LT(clock::now() - begun, 2min) << "it has waited for what it will not see";
    EXPECT_EQ(sum, 3) << "what is due within its time is waited for";
    EXPECT_TRUE(call.cancelled());
    EXPECT_EQ(green.get(0ms).error(), troupe::errc::cancelled);
    EXPECT_EQ(rt.counts().sent, 2u);
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

TEST(C6_Shutdown, does_not_take_the_timeout_of_a_receive_for_something_due) {
  class listener : public troupe::loop_actor<number> {
  public:
    troupe::task<> run() override {
      for (;;) {
        auto n = co_await receive_for(20ms);
        if (!n && n.error() != troupe::errc::timeout) co_return;
      }
    }
  };
  std::atomic<int> sum{0};
  troupe::runtime rt({.workers = 1});
  rt.spawn<listener>();
  rt.spawn<taker>(sum).send_later(1h, number{1});
  const auto begun = clock::now();
  EXPECT_TRUE(rt.shutdown(10min).clean());
  EXPECT_LT(clock::now() - begun, 2min);
}

TEST(C6_Shutdown, of_a_deterministic_runtime_lets_no_time_pass_for_that) {
  std::atomic<int> sum{0};
  troupe::runtime rt({.seed = 1});
  auto a = rt.spawn<taker>(sum);
  a.send_later(1h, number{100});
  a.send_later(2s, number{1});
  rt.spawn<sleeper>();
  const std::int64_t begun = rt.scheduler().now();
  EXPECT_TRUE(rt.shutdown(10s).clean());
  const std::chrono::nanoseconds passed(rt.scheduler().now() - begun);
  EXPECT_EQ(sum, 1);
  EXPECT_GE(passed, 2s);
  EXPECT_LT(passed, 3s);
}

TEST(C6_Shutdown, waits_for_an_answer_from_outside_also_where_its_timeout_is_far) {
  class awaits : public troupe::actor {
  public:
    awaits(troupe::future<int> f, std::atomic<int>& answer) : reply_(std::move(f)), answer_(answer) {}
    troupe::task<> on(number) {
      auto r = co_await reply_;
      if (r) answer_ = *r;
    }

  private:
    troupe::future<int> reply_;
    std::atomic<int>& answer_;
  };
  std::atomic<int> answer{0};
  troupe::runtime rt({.workers = 2});
  troupe::promise<int> p(rt.scheduler());
  rt.spawn<awaits>(p.get_future(24h), answer).send(number{0});
  std::thread outside([&] {
    std::this_thread::sleep_for(50ms);
    p.give(42);
  });
  EXPECT_TRUE(rt.shutdown(60s).clean());
  outside.join();
  EXPECT_EQ(answer, 42);
}

TEST(C6_Shutdown, the_log_says_what_it_has_dropped) {
  const captured_log log;
  std::atomic<int> sum{0};
  const auto begun = clock::now();
  {
    troupe::runtime rt({.workers = 1});
    auto a = rt.spawn_named<taker>("the taker", sum);
    a.send_later(1h, number{1});
    rt.call_later(1h, [] {});
  }
  EXPECT_LT(clock::now() - begun, 5s) << "the destructor has waited for what it will not see";
  EXPECT_EQ(log.count({"dropped 2 calls that were still to come: a ", "number for the taker, ..."}), 1u);
}

}  // namespace
}  // namespace contracts
