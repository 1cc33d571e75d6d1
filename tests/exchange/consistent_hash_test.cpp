#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;

struct item {
  int key;
};
std::string key_of(const item& i) { return "customer " + std::to_string(i.key); }

struct numbered {
  long number;
};
long key_of(const numbered& n) { return n.number; }

/// Who got which key.
using owners = std::map<int, int>;

class member : public troupe::actor {
public:
  member(int me, owners* all) : me_(me), all_(all) {}
  void on(const item& i) { (*all_)[i.key] = me_; }
  void on(const numbered& n) { (*all_)[static_cast<int>(n.number)] = me_; }

private:
  int me_;
  owners* all_;
};

struct members {
  troupe::runtime rt{{.workers = 1}};
  troupe::exchange<item> items{rt, "items", troupe::consistent_hash{}};
  owners owner;
  std::vector<troupe::ref<member>> all;
  std::vector<troupe::subscription> subscriptions;

  void join(const std::string& weight = {}) {
    all.push_back(rt.spawn<member>(static_cast<int>(all.size()), &owner));
    subscriptions.push_back(weight.empty() ? items.attach(all.back()) : items.attach(all.back(), weight));
  }
  owners publish(int keys) {
    owner.clear();
    for (int i = 0; i != keys; ++i) EXPECT_EQ(items.publish({i}), 1u);
    EXPECT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(rt.counts().queued(), 0u);
    EXPECT_EQ(owner.size(), static_cast<std::size_t>(keys));
    return owner;
  }
};

int share(const owners& all, int of) {
  int n = 0;
  for (const auto& [key, who] : all) n += who == of;
  return n;
}

TEST(ConsistentHash, a_key_has_one_owner_and_all_have_their_share) {
  members m;
  for (int i = 0; i != 5; ++i) m.join();
  const owners first = m.publish(5000);
  EXPECT_EQ(m.publish(5000), first);
  for (int i = 0; i != 5; ++i) {
    EXPECT_GT(share(first, i), 500) << i;
    EXPECT_LT(share(first, i), 1700) << i;
  }
}

TEST(ConsistentHash, when_one_leaves_or_comes_only_its_share_moves) {
  members m;
  for (int i = 0; i != 5; ++i) m.join();
  const owners five = m.publish(3000);
  m.subscriptions[2].detach();
  const owners four = m.publish(3000);
  for (const auto& [key, who] : five) {
    if (who == 2)
      EXPECT_NE(four.at(key), 2);
    else
      EXPECT_EQ(four.at(key), who);
  }
  m.subscriptions[2] = m.items.attach(m.all[2]);
  EXPECT_EQ(m.publish(3000), five);
  m.join();
  for (const auto& [key, who] : m.publish(3000)) {
    EXPECT_TRUE(who == 5 || five.at(key) == who) << key;
  }
}

TEST(ConsistentHash, the_key_of_a_binding_is_its_weight) {
  members m;
  m.join("1");
  m.join("9");
  const owners all = m.publish(5000);
  EXPECT_GT(share(all, 0), 100);
  EXPECT_LT(share(all, 0), 1200);
  for (const char* bad : {"0", "-1", "much", "1.5", "1001", "99999999999"}) {
    try {
      m.join(bad);
      ADD_FAILURE() << bad;
    } catch (const troupe::troupe_error& e) {
      EXPECT_TRUE(tests::contains(e.what(), "is no weight: expected a whole number from 1 to 1000")) << e.what();
    }
  }
}

TEST(ConsistentHash, one_that_is_closing_gets_nothing_more) {
  members m;
  m.join();
  m.join();
  m.all[0].close();
  EXPECT_EQ(share(m.publish(500), 1), 500);
  m.all[1].close();
  EXPECT_EQ(m.items.publish({1}), 0u);
  EXPECT_EQ(m.items.unroutable(), 1u);
}

TEST(ConsistentHash, keys_may_be_given_or_be_numbers) {
  members m;
  m.join();
  m.join();
  m.join();
  const owners by_message = m.publish(100);
  for (int i = 0; i != 100; ++i) m.items.publish("customer 1", {i});
  ASSERT_TRUE(m.rt.wait_idle(60s));
  EXPECT_EQ(share(m.owner, by_message.at(1)), 100);

  troupe::exchange<numbered> numbers(m.rt, "numbers", troupe::consistent_hash{});
  auto a = numbers.attach(m.all[0]);
  auto b = numbers.attach(m.all[1]);
  m.owner.clear();
  for (long i = 0; i != 200; ++i) numbers.publish({i});
  ASSERT_TRUE(m.rt.wait_idle(60s));
  EXPECT_GT(share(m.owner, 0), 20);
  EXPECT_GT(share(m.owner, 1), 20);
}

}  // namespace
