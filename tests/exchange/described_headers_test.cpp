#include <troupe/exchange/described_headers.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace described {

enum class urgency { low, high };
BOOST_DESCRIBE_ENUM(urgency, low, high)

struct traced {
  std::string from;
};
BOOST_DESCRIBE_STRUCT(traced, (), (from))

struct order : traced {
  std::string region;
  int size = 0;
  double price = 0;
  bool rush = false;
  urgency how = urgency::low;
  std::optional<std::string> note;
  std::vector<int> items;  // no header
};
BOOST_DESCRIBE_STRUCT(order, (traced), (region, size, price, rush, how, note, items))

auto headers_of(const order& o) { return troupe::described_headers(o); }

}  // namespace described

namespace {

using described::order;
using described::urgency;
using troupe::match_all;
using troupe::match_any;

TEST(DescribedHeaders, are_the_members_that_can_be_compared_under_their_own_names) {
  order o;
  o.from = "shop";
  o.region = "eu";
  o.size = 10;
  o.price = 2.5;
  o.how = urgency::high;
  const troupe::message_headers all = headers_of(o);
  EXPECT_EQ(all.entries().size(), 6u);
  EXPECT_EQ(*all.find("from"), "shop");
  EXPECT_EQ(*all.find("region"), "eu");
  EXPECT_EQ(*all.find("size"), 10);
  EXPECT_EQ(*all.find("price"), 2.5);
  EXPECT_EQ(*all.find("rush"), false);
  EXPECT_EQ(*all.find("how"), "high");
  EXPECT_EQ(all.find("note"), nullptr);
  EXPECT_EQ(all.find("items"), nullptr);
  o.note = "fragile";
  EXPECT_EQ(*headers_of(o).find("note"), "fragile");
}

TEST(DescribedHeaders, route_a_message_by_what_stands_in_it) {
  troupe::runtime rt;
  const troupe::testing::conserved guard(rt);
  troupe::exchange<order> orders(rt, "orders", troupe::headers{});
  std::vector<int> european, urgent;
  auto a = orders.attach([&](const order& o) { european.push_back(o.size); }, match_all{{"region", "eu"}});
  auto b = orders.attach([&](const order& o) { urgent.push_back(o.size); }, match_any{{"rush", true}, {"how", "high"}});
  const auto publish = [&](std::string region, int size, bool rush, urgency how) {
    order o;
    o.region = std::move(region);
    o.size = size;
    o.rush = rush;
    o.how = how;
    return orders.publish(o);
  };
  EXPECT_EQ(publish("eu", 1, false, urgency::low), 1u);
  EXPECT_EQ(publish("eu", 2, true, urgency::low), 2u);
  EXPECT_EQ(publish("us", 3, false, urgency::high), 1u);
  EXPECT_EQ(publish("us", 4, false, urgency::low), 0u);
  ASSERT_TRUE(rt.wait_idle(std::chrono::seconds(60)));
  EXPECT_EQ(european, (std::vector<int>{1, 2}));
  EXPECT_EQ(urgent, (std::vector<int>{2, 3}));
}

}  // namespace
