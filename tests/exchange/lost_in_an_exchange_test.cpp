#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include "../actors/dead_letters.hpp"

namespace {

using namespace losses;
using troupe::loss;

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
