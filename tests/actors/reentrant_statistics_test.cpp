#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/event.hpp>

#include <gtest/gtest.h>

#include <string>

namespace reentrant_statistics {

using namespace std::chrono_literals;

struct number {
  int n;
};

class waiter : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  explicit waiter(troupe::event& door) : door_(&door) {}
  troupe::task<> on(number) {
    auto open = door_->wait();
    co_await open;
  }

private:
  troupe::event* door_;
};

TEST(ReentrantStatistics, time_one_handler_in_1024_up_to_its_first_wait_where_all_of_them_wait) {
  troupe::event door;
  troupe::runtime rt({.workers = 1, .stand_ins = 0, .measure = true});
  const auto w = rt.spawn<waiter>(door);
  const std::string name = troupe::type_name<waiter>();
  const auto times = [&] { return rt.statistics().find(name)->times; };
  for (int i = 0; i != 2'000; ++i) w.send(number{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(times().count(), 1u) << "the first, though none has come to its end";
  EXPECT_EQ(rt.statistics().find(name)->handled, 0u);
  door.set();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.statistics().find(name)->handled, 2'000u);
  EXPECT_EQ(times().count(), 1u);
  w.send(number{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(times().count(), 2u) << "one in 1,024 of what has been handled";
}

}  // namespace reentrant_statistics
