// C11: system messages travel in the same inbox as all others, whatever is queued there; only kill overtakes.

#include "support.hpp"

namespace contracts {
namespace {

struct item {
  int n;
};
struct hold {
  const barrier* opened;
};
struct ask_count {};

class busy : public troupe::actor {
public:
  explicit busy(std::vector<std::string>& log) : log_(log) {}
  void on(hold h) { h.opened->wait(); }
  void on(const item&) { ++items_; }
  troupe::task<int> on(ask_count) {
    co_await troupe::this_task::sleep_for(1ms);  // a timer, with all the rest still queued
    co_return items_;
  }
  void on_stop() { log_.push_back("stopped after " + std::to_string(items_)); }

private:
  int items_ = 0;
  std::vector<std::string>& log_;
};

TEST(C11_SystemMessages, close_replies_timers_and_notices_work_with_a_full_inbox_and_in_order) {
  const int half = scaled(100'000);
  std::vector<std::string> log;
  barrier opened;
  troupe::runtime rt({.workers = 2, .budget = 16, .quantum = 0ns});
  auto b = rt.spawn<busy>(log);
  auto gone = b.when_ended();
  b.send(hold{&opened});
  for (int i = 0; i != half; ++i) b.send(item{i});
  auto in_the_middle = b.ask(ask_count{});
  for (int i = 0; i != half; ++i) b.send(item{i});
  auto at_the_end = b.ask(ask_count{});
  b.close();
  b.send(item{0});
  EXPECT_FALSE(gone.done());
  opened.open();
  EXPECT_EQ(*in_the_middle.get(60s), half);
  EXPECT_EQ(*at_the_end.get(60s), 2 * half);
  EXPECT_EQ(gone.get(60s)->kind, troupe::exit_kind::normal);
  EXPECT_EQ(log, (std::vector<std::string>{"stopped after " + std::to_string(2 * half)}));
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

TEST(C11_SystemMessages, the_end_of_an_exchange_comes_after_all_that_was_published) {
  const int total = scaled(50'000);
  std::vector<std::string> log;
  barrier opened;
  troupe::runtime rt({.workers = 2, .budget = 16, .quantum = 0ns});
  auto b = rt.spawn<busy>(log);
  b.send(hold{&opened});
  troupe::exchange<item> ex(rt, "items");
  auto sub = ex.attach_input(b);
  {
    auto out = ex.publisher();
    for (int i = 0; i != total; ++i) out.publish({i});
  }
  opened.open();
  ASSERT_TRUE(b.join(60s));
  EXPECT_EQ(log, (std::vector<std::string>{"stopped after " + std::to_string(total)}));
  expect_conserved(rt);
}

TEST(C11_SystemMessages, kill_alone_overtakes) {
  std::vector<std::string> log;
  barrier opened;
  troupe::runtime rt({.workers = 2});
  auto b = rt.spawn<busy>(log);
  b.send(hold{&opened});
  ASSERT_TRUE(eventually([&] { return opened.reached(); }));
  for (int i = 0; i != 10'000; ++i) b.send(item{i});
  b.close();
  b.kill();
  opened.open();
  EXPECT_EQ(b.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_TRUE(log.empty());
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dropped, 10'000u);
}

}  // namespace
}  // namespace contracts
