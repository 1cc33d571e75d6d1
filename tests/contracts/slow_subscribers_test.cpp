#include "support.hpp"

// C9: slow subscribers are alone.

namespace contracts {

namespace {

using troupe::subscription_policy;

struct item {
  int n = 0;
  std::shared_ptr<int> weight{};  // its uses are the messages that somebody keeps
};
struct tally {
  int messages = 0;
  bool ordered = true;
};
struct get_tally {};

class fast : public troupe::actor {
public:
  void on(const item& i) {
    tally_.ordered = tally_.ordered && i.n == tally_.messages;
    ++tally_.messages;
  }
  tally on(get_tally) const { return tally_; }

private:
  tally tally_;
};

/// Does not come back from its first message until it is let go.
class stuck : public troupe::actor {
public:
  explicit stuck(const barrier& b) : barrier_(&b) {}
  void on(const item&) {
    barrier_->wait();
    ++messages_;
  }
  void on(const troupe::lagged& l) { missed_ += l.count; }
  std::uint64_t on(get_tally) const { return messages_ + missed_; }

private:
  const barrier* barrier_;
  std::uint64_t messages_ = 0;
  std::uint64_t missed_ = 0;
};

class C9_SlowSubscribers : public testing::TestWithParam<std::tuple<subscription_policy, troupe::exchange_kind>> {};

TEST_P(C9_SlowSubscribers, one_that_is_stuck_costs_the_others_nothing_and_the_machine_no_memory) {
  const auto [policy, kind] = GetParam();
  constexpr int limit = 100;
  const int messages = scaled(100'000);
  const captured_log log;
  barrier gate;
  const auto weight = std::make_shared<int>(0);
  troupe::runtime rt({.workers = 2});
  {
    const std::string key = kind == troupe::exchange_kind(troupe::fanout{}) ? "" : "a.b";
    troupe::exchange<item> items(rt, "items", kind);
    std::vector<troupe::ref<fast>> others;
    std::vector<troupe::subscription> subs;
    for (int i = 0; i != 10; ++i) {
      others.push_back(rt.spawn<fast>());
      subs.push_back(items.attach(others.back(), key));
    }
    const auto slow = rt.spawn<stuck>(gate);
    auto sub = items.attach(slow, key, {.policy = policy, .limit = limit});
    items.publish(key, item{0, weight});
    ASSERT_TRUE(eventually([&] { return gate.reached(); }));
    for (int i = 1; i != messages; ++i) items.publish(key, item{i, weight});
    for (const auto& f : others) {
      ASSERT_TRUE(eventually([&] { return f.ask(get_tally{}).get().value().messages == messages; }));
      EXPECT_TRUE(f.ask(get_tally{}).get().value().ordered);
    }
    EXPECT_FALSE(rt.wait_idle(0ms)) << "the slow one is stuck still";
    // What it may have waiting, what it has at hand, and what others have read but not yet let go of.
    EXPECT_LE(weight.use_count(), limit + 16);
    if (policy != subscription_policy::disconnect) {
      EXPECT_GE(sub.lost(), static_cast<std::uint64_t>(messages - limit - 16));
    } else {
      EXPECT_EQ(sub.lost(), limit + 1u) << "from then on nothing was for it";
    }
    gate.open();
    ASSERT_TRUE(rt.wait_idle(60s));
    if (policy == subscription_policy::disconnect) {
      EXPECT_EQ(items.subscribers(), 10u);
    } else if (policy != subscription_policy::conflate) {
      EXPECT_EQ(slow.ask(get_tally{}).get().value(), static_cast<std::uint64_t>(messages)) << "it knows what it missed";
    }
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.shutdown(60s).stuck.size(), 0u);
  EXPECT_EQ(weight.use_count(), 1);
}

std::string name_of(const testing::TestParamInfo<C9_SlowSubscribers::ParamType>& info) {
  return std::string(to_string(std::get<0>(info.param))) + "_" + std::string(std::get<1>(info.param).name());
}

INSTANTIATE_TEST_SUITE_P(
    Policies, C9_SlowSubscribers,
    testing::Combine(testing::Values(subscription_policy::drop_oldest, subscription_policy::drop_newest,
                                     subscription_policy::fail, subscription_policy::conflate,
                                     subscription_policy::disconnect),
                     testing::Values(troupe::exchange_kind(troupe::fanout{}), troupe::exchange_kind(troupe::topic{}))),
    &name_of);

}  // namespace
}  // namespace contracts
