#include <troupe/testing/test_kit.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace {

class sum : public troupe::actor {
public:
  int on(int n) { return total_ += n; }

private:
  int total_ = 0;
};

TEST(Sum, adds_up_on_every_schedule) {
  troupe::testing::explore(100, [](troupe::runtime& rt) {
    auto s = rt.spawn<sum>();
    s.send(40);
    EXPECT_EQ(s.ask(2, troupe::forever).get().value(), 42);
  });
}

struct done {};

/// Tells another what it has added up.
class teller : public troupe::actor {
public:
  explicit teller(troupe::address<int> to) : to_(to) {}
  void on(int n) { sum_ += n; }
  void on(done) { to_.send(sum_); }

private:
  troupe::address<int> to_;
  int sum_ = 0;
};

TEST(Teller, tells_what_has_reached_it) {
  troupe::runtime rt({.seed = 1});
  troupe::testing::conserved guard(rt);
  troupe::testing::probe<int> p(rt);
  const auto t = rt.spawn<teller>(p);
  troupe::testing::faults wire(rt);
  wire.drop<int>(t, 2);
  wire.delay<int>(t, std::chrono::seconds(1), 3);
  for (int n : {1, 10, 100}) t.send(n);
  t.send(done{});
  EXPECT_EQ(p.expect<int>(), 101);
  EXPECT_EQ(p.sender(), t);
}

}  // namespace
