#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

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

}  // namespace
