#include <troupe/exchange/exchange.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;

struct tick {
  int n;
};
struct total {};

class sums : public troupe::actor {
public:
  void on(const tick& t) {
    if (t.n < 0) throw std::runtime_error("negative");
    sum_ += t.n;
  }
  int on(total) const { return sum_; }

private:
  int sum_ = 0;
};

template <class Kind>
void check(Kind kind) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<tick> ex(rt, "ticks", kind);
  auto sup = rt.supervise({.max_restarts = 10, .backoff = {1ms, 1ms, 0}});
  auto s = sup.spawn<sums>();
  auto sub = ex.attach(s);
  ex.publish(tick{1});
  ex.publish(tick{-1});
  ex.publish(tick{2});
  ex.publish(tick{3});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(ex.subscribers(), 1u);
  EXPECT_EQ(s.ask(total{}, 60s).get().value(), 5);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().failed, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(SupervisedSubscriber, one_that_is_made_anew_keeps_its_subscription_and_what_is_on_its_way) {
  check(troupe::fanout{});
  check(troupe::work_queue{});
}

TEST(SupervisedSubscriber, a_timer_that_sends_to_it_goes_on) {
  troupe::runtime rt({.seed = 1});
  auto sup = rt.supervise({.max_restarts = 10, .backoff = {25ms, 25ms, 0}});
  auto s = sup.spawn<sums>();
  auto timer = rt.call_every(10ms, [s] { s.send(tick{1}); });
  s.send(tick{-1});
  rt.call_later(105ms, [timer]() mutable { timer.cancel(); });
  rt.run();
  EXPECT_EQ(s.ask(total{}).get().value(), 10);
}

}  // namespace
