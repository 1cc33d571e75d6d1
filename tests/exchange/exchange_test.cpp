#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct text {
  std::string value;
};
struct get_all {};

class collector : public troupe::actor {
public:
  void on(const text& t) { all_ += t.value + " "; }
  std::string on(get_all) { return all_; }

private:
  std::string all_;
};

std::string seen(const troupe::ref<collector>& c) { return *c.ask(get_all{}, 60s).get(); }

TEST(Exchange, fanout_reaches_all_who_are_attached) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x");
  auto a = rt.spawn<collector>();
  auto b = rt.spawn<collector>();
  EXPECT_EQ(x.publish({"nobody"}), 0u);
  auto sa = x.attach(a);
  x.publish({"one"});
  {
    auto sb = x.attach(b);
    x.publish({"two"});
    EXPECT_EQ(seen(b), "two ");
  }
  EXPECT_EQ(x.publish({"three"}), 1u);
  EXPECT_EQ(seen(a), "one two three ");
  EXPECT_EQ(seen(b), "two ");
  EXPECT_EQ(x.unroutable(), 1u);
}

TEST(Exchange, two_handles_of_one_subscriber_deliver_once) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x");
  auto a = rt.spawn<collector>();
  auto first = x.attach(a);
  {
    auto second = x.attach(a);
    x.publish({"one"});
  }
  x.publish({"two"});
  EXPECT_EQ(seen(a), "one two ");
}

TEST(Exchange, direct_routes_on_the_key) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::direct{});
  auto a = rt.spawn<collector>();
  auto b = rt.spawn<collector>();
  auto sa = x.attach(a, "a");
  auto sb = x.attach(b, "b");
  x.publish("a", {"1"});
  x.publish("b", {"2"});
  EXPECT_EQ(x.publish("c", {"3"}), 0u);
  EXPECT_EQ(seen(a), "1 ");
  EXPECT_EQ(seen(b), "2 ");
}

TEST(Exchange, topic_matches_words) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::topic{});
  const std::vector<std::string> patterns{"a.b", "a.*", "#", "a.#", "#.c", "*.#.c", "*", "a.#.#.c"};
  const std::vector<std::string> keys{"a", "a.b", "a.b.c", "c", "b.c", "a.x.y.c", ""};
  const std::vector<std::string> expected{"a.b ",
                                          "a.b ",
                                          "a a.b a.b.c c b.c a.x.y.c  ",
                                          "a a.b a.b.c a.x.y.c ",
                                          "a.b.c c b.c a.x.y.c ",
                                          "a.b.c b.c a.x.y.c ",
                                          "a c ",
                                          "a.b.c a.x.y.c "};
  std::vector<troupe::ref<collector>> who;
  std::vector<troupe::subscription> subs;
  for (const auto& p : patterns) {
    who.push_back(rt.spawn<collector>());
    subs.push_back(x.attach(who.back(), p));
  }
  for (const auto& k : keys) x.publish(k, {k});
  for (std::size_t i = 0; i != patterns.size(); ++i) EXPECT_EQ(seen(who[i]), expected[i]) << patterns[i];
  EXPECT_THROW((void)x.attach(who[0], "#.#.#.#"), troupe::troupe_error);
  EXPECT_THROW((void)x.attach(who[0], "a.b*"), troupe::troupe_error);
}

TEST(Exchange, work_queue_gives_each_message_to_one) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::work_queue{});
  auto a = rt.spawn<collector>();
  auto b = rt.spawn<collector>();
  auto sa = x.attach(a);
  auto sb = x.attach(b);
  for (const char* t : {"1", "2", "3", "4"}) x.publish({t});
  EXPECT_EQ(seen(a), "1 3 ");
  EXPECT_EQ(seen(b), "2 4 ");
}

TEST(Exchange, ends_when_its_last_publisher_has_gone_and_closes_those_who_live_from_it) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x");
  auto a = rt.spawn<collector>();
  auto s = x.attach_input(a);
  auto p = x.publisher();
  {
    auto q = x.publisher();
    q.publish({"1"});
  }
  p.publish({"2"});
  EXPECT_EQ(seen(a), "1 2 ");
  p = {};
  EXPECT_TRUE(a.join(60s));
}

TEST(Exchange, the_subscribers_end_detaches_it) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x");
  auto a = rt.spawn<collector>();
  auto s = x.attach(a);
  a.close();
  EXPECT_TRUE(a.join(60s));
  EXPECT_EQ(x.publish({"late"}), 0u);
  EXPECT_EQ(rt.counts().dead_letters, 0u);
}

TEST(Exchange, a_name_stands_for_one_kind_and_type) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x");
  EXPECT_THROW(troupe::exchange<int>(rt, "x"), troupe::troupe_error);
  EXPECT_THROW(troupe::exchange<text>(rt, "x", troupe::topic{}), troupe::troupe_error);
  EXPECT_TRUE(troupe::exchange<text>::find(rt, "x"));
  EXPECT_EQ(troupe::exchange<text>::find(rt, "y").error(), troupe::errc::not_found);
}

}  // namespace
