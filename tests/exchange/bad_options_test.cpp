// What is asked of exchanges that cannot be, and what lies just inside of what can.

#include "../common.hpp"

#include <troupe/exchange/publish_window.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::subscription_policy;

struct item {
  int n = 0;
  std::size_t says = 0;
  friend std::size_t bytes_of(const item& i) { return i.says; }
};

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(BadOptions, a_headers_match_that_is_too_long_once_it_is_taken_apart_is_refused) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<item> x(rt, "x", troupe::headers{});
  const auto attach = [&](std::size_t backslashes) {
    auto s = x.attach([](const item&) {}, "any path=" + std::string(backslashes, '\\'));
  };
  EXPECT_EQ(refusal([&] { attach(1000); }), "accepted");
  EXPECT_TRUE(tests::contains(refusal([&] { attach(2100); }), "exchange 'x'"));
}

TEST(BadOptions, a_header_whose_name_has_an_equals_sign_is_refused) {
  EXPECT_TRUE(tests::contains(refusal([] { (void)troupe::match_all({{"a=b", 1}}); }), "'a=b'"));
}

TEST(BadOptions, sizes_beyond_all_memory_do_not_wrap_around) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  const troupe::testing::conserved guard(rt);
  std::vector<int> got;
  troupe::exchange<item> x(rt, "x");
  auto s = x.attach([&](const item& i) { got.push_back(i.n); },
                    {.policy = subscription_policy::drop_newest, .limit_bytes = 100});
  for (int i = 0; i != 5; ++i) x.publish({i, SIZE_MAX});
  rt.run();
  EXPECT_EQ(got, std::vector<int>{0});  // one that is too large has room where nothing waits
  EXPECT_EQ(s.lost(), 4u);
}

TEST(BadOptions, policies_and_times_that_are_none_are_refused) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<item> x(rt, "x");
  const auto odd = static_cast<subscription_policy>(77);
  EXPECT_TRUE(tests::contains(refusal([&] { auto s = x.attach([](const item&) {}, {.policy = odd, .limit = 1}); }),
                              "no policy 77"));
  const auto keep_for = [&](std::chrono::nanoseconds t) {
    troupe::exchange<item> y(rt, "y", {.retention = troupe::retain::for_time(t)});
  };
  EXPECT_TRUE(tests::contains(refusal([&] { keep_for(-1s); }), "keeps nothing"));
  EXPECT_TRUE(tests::contains(refusal([&] { keep_for(0s); }), "keeps nothing"));
  EXPECT_EQ(refusal([&] { keep_for(1ns); }), "accepted");
}

TEST(BadOptions, a_window_that_is_wider_than_the_queue_is_refused) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<item> x(rt, "x", troupe::queue{.limit = 10});
  EXPECT_TRUE(tests::contains(refusal([&] { troupe::publish_window<item> w(x, 11); }), "room for 10"));
  EXPECT_EQ(refusal([&] { troupe::publish_window<item> w(x, 10); }), "accepted");
}

TEST(BadOptions, a_full_queue_says_that_it_is_one) {
  troupe::runtime rt({.workers = 1});
  troupe::exchange<item> x(rt, "x", troupe::queue{.limit = 1});
  x.publish({1});
  const auto sent = x.publish_wait({2}).get();
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error(), troupe::errc::full);
  EXPECT_TRUE(tests::contains(sent.error().message(), "queue 'x' is full")) << sent.error().message();
}

}  // namespace
