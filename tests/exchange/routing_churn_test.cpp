// Bindings that come and go while others publish.

#include <troupe/base/epoch.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;

struct note {
  int from;
  int n;
};

class keeper : public troupe::actor {
public:
  void on(const note& each) {
    in_order_ = in_order_ && each.n == next_[each.from];
    next_[each.from] = each.n + 1;
  }
  bool on(int expected) { return in_order_ && next_[0] == expected && next_[1] == expected; }

private:
  int next_[2] = {};
  bool in_order_ = true;
};

class passer_by : public troupe::actor {
public:
  void on(const note&) {}
};

class RoutingChurn : public testing::TestWithParam<troupe::exchange_kind> {};

TEST_P(RoutingChurn, who_stays_gets_each_message_in_order_whoever_comes_and_goes) {
  constexpr int messages = 3000;
  const bool topic = GetParam() == troupe::exchange_kind(troupe::topic{});
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  auto stays = rt.spawn<keeper>();
  auto kept = notes.attach(stays, topic ? "a.*.c" : "a.b.c");
  std::vector<troupe::ref<passer_by>> others;
  for (int i = 0; i != 16; ++i) others.push_back(rt.spawn<passer_by>());

  std::atomic<int> publishing{2};
  std::vector<std::thread> threads;
  for (int from : {0, 1}) {
    threads.emplace_back([&, from] {
      for (int n = 0; n != messages; ++n) notes.publish("a.b.c", {from, n});
      --publishing;
    });
    // Patterns of many forms, some of them bound by nobody else, so that tables, sets and forms grow and shrink.
    threads.emplace_back([&, from] {
      const std::vector<std::string> forms{"a.b.c", "a.b.*", "*.b.c", "a.#", "#.c", "#.b.#", "a.#.c", "x.#.y.#.z"};
      std::vector<troupe::subscription> bound(200);
      for (std::size_t i = 0; publishing != 0; ++i) {
        const std::string own = ".w" + std::to_string(i * 31 % 1000);
        const std::string key = i % 2 == 0 ? forms[i / 2 % forms.size()] : forms[i / 2 % forms.size()] + own;
        auto& each = bound[i * 7 % bound.size()];
        each.detach();
        each = notes.attach(others[(i + static_cast<std::size_t>(from)) % others.size()], topic ? key : "a.b.c" + own);
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_TRUE(*stays.ask(messages).get());
  EXPECT_EQ(notes.subscribers(), 1u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(notes.unroutable(), 0u);
  // Sets, tables and forms that were left behind are freed.
  EXPECT_TRUE(tests::eventually([] {
    troupe::epoch_collect();
    return troupe::epoch_pending() == 0;
  }));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RoutingChurn,
                         testing::Values(troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::topic{})));

}  // namespace
