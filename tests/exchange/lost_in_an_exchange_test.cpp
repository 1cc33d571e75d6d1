#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "../contracts/support.hpp"

namespace {

using namespace std::chrono_literals;
using contracts::expect_conserved;
using troupe::dead_letter;
using troupe::loss;

struct number {
  int value;
};
struct get_news {};

class coroner : public troupe::actor {
public:
  void on(const dead_letter& d) { news_.push_back(d); }
  std::vector<dead_letter> on(get_news) const { return news_; }

private:
  std::vector<dead_letter> news_;
};

class target : public troupe::actor {
public:
  void on(number n) {
    if (n.value < 0) throw std::runtime_error("negative");
  }
  void on(const contracts::barrier* until) { until->wait(); }
};

std::vector<dead_letter> news_of(troupe::runtime& rt, const troupe::ref<coroner>& c) {
  expect_conserved(rt);
  return c.ask(get_news{}, 30s).get().value();
}

TEST(DeadLetters, of_an_exchange_come_with_their_number) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn<coroner>();
  auto watch = rt.watch_dead_letters(c);
  troupe::exchange<number> numbers(rt, "numbers");
  contracts::barrier gate;
  auto t = rt.spawn<target>();
  auto sub = numbers.attach(t);
  t.send(static_cast<const contracts::barrier*>(&gate));
  ASSERT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  for (int i = 0; i != 7; ++i) numbers.publish(number{i});
  sub.detach();
  gate.open();
  std::uint64_t lost = 0;
  for (const dead_letter& d : news_of(rt, c)) {
    EXPECT_EQ(d.reason, loss::detached);
    EXPECT_EQ(d.receiver, t);
    EXPECT_NE(d.type.find("number"), std::string::npos);
    lost += d.count;
  }
  EXPECT_EQ(lost, 7u);
}

}  // namespace
