#include <troupe/actors/group.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace std::chrono_literals;

class member : public troupe::actor {
public:
  explicit member(std::atomic<int>& sum) : sum_(sum) {}
  void on(const int& n) { sum_ += n; }

private:
  std::atomic<int>& sum_;
};

class listener : public troupe::actor {
public:
  void on(const troupe::group_change& c) { heard_ += (c.joined ? '+' : '-') + c.who.name(); }
  std::string on(std::monostate) const { return heard_; }

private:
  std::string heard_;
};

TEST(Group, what_is_sent_to_it_goes_to_all_members_and_who_ends_is_none) {
  std::atomic<int> sum{0};
  troupe::runtime rt({.workers = 2});
  troupe::group<int> g(rt, "adders");
  auto a = rt.spawn<member>(sum);
  auto b = rt.spawn<member>(sum);
  EXPECT_TRUE(g.join(a));
  EXPECT_TRUE(troupe::group<int>(rt, "adders").join(b));
  EXPECT_FALSE(g.join(a));
  EXPECT_EQ(g.members(), (std::vector<troupe::address<int>>{a, b}));
  EXPECT_EQ(g.send(5), 2u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(sum, 10);
  a.close();
  ASSERT_TRUE(a.join(60s));
  EXPECT_EQ(g.members(), (std::vector<troupe::address<int>>{b}));
  EXPECT_TRUE(g.leave(b));
  EXPECT_FALSE(g.leave(b));
  EXPECT_EQ(g.send(5), 0u);
  g.join(a);  // has ended
  EXPECT_TRUE(g.members().empty());
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Group, those_who_listen_are_told_of_each_change_in_order) {
  std::atomic<int> sum{0};
  troupe::runtime rt({.workers = 2});
  troupe::group<int> g(rt, "adders");
  auto l = rt.spawn<listener>();
  g.listen(l);
  g.listen(l);
  auto a = rt.spawn_named<member>("a", sum);
  auto b = rt.spawn_named<member>("b", sum);
  g.join(a);
  g.join(b);
  a.kill();
  ASSERT_TRUE(a.join(60s));
  g.leave(b);
  EXPECT_EQ(l.ask(std::monostate(), 60s).get().value(), "+a+b-a-b");
  g.ignore(l);
  g.join(b);
  EXPECT_EQ(l.ask(std::monostate(), 60s).get().value(), "+a+b-a-b");
}

TEST(Group, a_name_stands_for_one_message_type) {
  troupe::runtime rt({.workers = 1});
  troupe::group<int> g(rt, "adders");
  EXPECT_THROW(troupe::group<std::string>(rt, "adders"), troupe::troupe_error);
}

TEST(Group, on_every_schedule_nobody_who_has_ended_is_a_member) {
  troupe::testing::explore(400, [](troupe::runtime& rt) {
    std::atomic<int> sum{0};
    troupe::group<int> g(rt, "adders");
    auto a = rt.spawn<member>(sum);
    auto b = rt.spawn<member>(sum);
    g.join(b);
    rt.spawn(
        [](troupe::group<int> to, troupe::ref<member> who) -> troupe::task<> {
          to.join(who);
          co_return;
        },
        g, a);
    rt.spawn(
        [](troupe::ref<member> who) -> troupe::task<> {
          who.close();
          co_return;
        },
        a);
    rt.spawn(
        [](troupe::ref<member> who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        b);
    rt.spawn(
        [](troupe::group<int> to) -> troupe::task<> {
          to.send(1);
          co_return;
        },
        g);
    rt.run();
    EXPECT_TRUE(g.members().empty());
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

}  // namespace
