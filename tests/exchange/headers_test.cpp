#include <troupe/exchange/message_headers.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::match_all;
using troupe::match_any;
using troupe::message_headers;

struct order {
  int id;
};

struct trade {
  std::string region;
  int size;
};
message_headers headers_of(const trade& t) { return {{"region", t.region}, {"size", t.size}, {"large", t.size > 100}}; }

class taker : public troupe::actor {
public:
  void on(const order& o) { seen_ += std::to_string(o.id) + " "; }
  void on(const trade& t) { seen_ += t.region + " "; }
  std::string on(int) const { return seen_; }

private:
  std::string seen_;
};

std::string seen(const troupe::ref<taker>& who) { return *who.ask(0).get(); }

TEST(Headers, all_or_one_of_the_wanted_headers_decide) {
  troupe::runtime rt;
  troupe::exchange<order> orders(rt, "orders", troupe::headers{});
  auto all = rt.spawn<taker>();
  auto one = rt.spawn<taker>();
  auto each = rt.spawn<taker>();
  auto a = orders.attach(all, match_all{{"region", "eu"}, {"size", 10}});
  auto b = orders.attach(one, match_any{{"region", "us"}, {"size", 10}, {"urgent", true}});
  auto c = orders.attach(each, match_all{});
  EXPECT_EQ(orders.publish(message_headers{{"region", "eu"}, {"size", 10}, {"price", 0.5}}, {1}), 3u);
  EXPECT_EQ(orders.publish(message_headers{{"region", "eu"}, {"size", 11}}, {2}), 1u);
  EXPECT_EQ(orders.publish(message_headers{{"region", "us"}, {"urgent", true}}, {3}), 2u);  // two fit: once
  EXPECT_EQ(orders.publish(message_headers{{"urgent", false}, {"size", "10"}}, {4}), 1u);   // a text is no number
  EXPECT_EQ(orders.publish({5}), 1u);
  EXPECT_EQ(seen(all), "1 ");
  EXPECT_EQ(seen(one), "1 3 ");
  EXPECT_EQ(seen(each), "1 2 3 4 5 ");
  c.detach();
  b.detach();
  EXPECT_EQ(orders.publish(message_headers{{"region", "us"}}, {6}), 0u);
  EXPECT_EQ(orders.unroutable(), 1u);
}

TEST(Headers, a_message_may_say_them_itself) {
  troupe::runtime rt;
  troupe::exchange<trade> trades(rt, "trades", troupe::headers{});
  auto big = rt.spawn<taker>();
  auto s = trades.attach(big, match_all{{"large", true}});
  auto p = trades.publisher();
  EXPECT_EQ(p.publish({"eu", 200}), 1u);
  EXPECT_EQ(p.publish({"us", 20}), 0u);
  EXPECT_EQ(p.publish(message_headers{{"large", true}}, {"asia", 20}), 1u);  // what is given goes first
  EXPECT_EQ(seen(big), "eu asia ");
}

TEST(Headers, numbers_are_equal_by_their_value) {
  troupe::runtime rt;
  troupe::exchange<order> orders(rt, "orders", troupe::headers{});
  auto who = rt.spawn<taker>();
  auto s = orders.attach(who, match_all{{"size", 10.0}});
  auto t = orders.attach(who, match_any{{"share", 0.25}});
  EXPECT_EQ(orders.publish(message_headers{{"size", 10u}}, {1}), 1u);
  EXPECT_EQ(orders.publish(message_headers{{"share", 0.25f}}, {2}), 1u);
  EXPECT_EQ(orders.publish(message_headers{{"share", 0.26}}, {3}), 0u);
}

TEST(Headers, a_match_may_be_given_as_a_text) {
  troupe::runtime rt;
  troupe::exchange<order> orders(rt, "orders", troupe::headers{});
  auto who = rt.spawn<taker>();
  EXPECT_EQ(match_all({{"b", "it's"}, {"a", true}}).text(), "all a=true b='it\\'s'");
  auto s = orders.attach(who, "all  size=10 region=eu note='it\\'s'");
  EXPECT_EQ(orders.publish(message_headers{{"region", "eu"}, {"size", 10}, {"note", "it's"}}, {1}), 1u);
  EXPECT_EQ(orders.publish(message_headers{{"region", "eu"}, {"size", 10}, {"note", "its"}}, {1}), 0u);
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"some a=1", "'some' is neither; expected 'all' or 'any'"},
           {"any", "'any' of nothing fits no message"},
           {"all a", "'a' is no name and value"},
           {"all =1", "'=1' is no name and value"},
           {"all a=1 a=2", "'a' is there twice"},
           {"all a='x", "the text of 'a' has no end"},
           {"all a='x'y=1", "expected a space behind the value of 'a'"},
           {"all " + std::string(4096, 'a'), "a match of 4100 bytes: at most 4096"}}) {
    try {
      (void)orders.attach(who, text);
      ADD_FAILURE() << text;
    } catch (const troupe::troupe_error& e) {
      EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
      EXPECT_TRUE(tests::contains(e.what(), why)) << e.what();
    }
  }
  EXPECT_THROW((void)orders.attach(who), troupe::troupe_error);
}

TEST(Headers, random_matches_reach_whom_they_should) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<order> orders(rt, "orders", troupe::headers{});
  std::mt19937 random(1);
  const auto up_to = [&](unsigned n) { return random() % n; };
  const auto some = [&](unsigned most) {
    std::string text;
    for (const char name : {'a', 'b', 'c', 'd'}) {
      if (up_to(2) == 0 && most-- != 0) text += std::string(" ") + name + "=" + (up_to(2) == 0 ? "x" : "'y z'");
    }
    return text;
  };
  std::vector<troupe::ref<taker>> who;
  for (int i = 0; i != 50; ++i) who.push_back(rt.spawn<taker>());
  std::vector<std::pair<troupe::detail::parsed_match, troupe::subscription>> bound(50);
  for (int round = 0; round != 200; ++round) {
    for (int i = 0; i != 5; ++i) {
      const std::size_t at = up_to(50);
      std::string text = some(3);
      text = (text.empty() || up_to(2) == 0 ? "all" : "any") + text;
      bound[at].second.detach();
      bound[at] = {*troupe::detail::parse_match(text), orders.attach(who[at], text)};
    }
    const message_headers message = troupe::detail::parse_match("all" + some(4))->wanted;
    const auto expected = std::count_if(bound.begin(), bound.end(),
                                        [&](const auto& each) { return each.second && each.first.fits(message); });
    ASSERT_EQ(orders.publish(message, {round}), static_cast<std::size_t>(expected));
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

}  // namespace
