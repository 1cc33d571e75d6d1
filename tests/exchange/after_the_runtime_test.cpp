// Handles that outlive their runtime.

#include <troupe/exchange/tap.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace {

using namespace std::chrono_literals;

/// An exchange whose runtime has gone.
template <class... Args>
troupe::exchange<int> orphan(Args... args) {
  std::optional<troupe::runtime> rt(std::in_place);
  troupe::exchange<int> x(*rt, "x", args...);
  rt.reset();
  return x;
}

template <class Call>
bool refuses(Call call) {
  try {
    call();
  } catch (const troupe::troupe_error& e) {
    EXPECT_NE(std::string_view(e.what()).find("exchange 'x'"), std::string_view::npos) << e.what();
    return e.code() == troupe::errc::shutdown;
  }
  return false;
}

TEST(AfterTheRuntime, a_publish_reaches_nobody) {
  const troupe::exchange_options keeps{.retention = troupe::retain::last(10)};
  for (auto x : {orphan(), orphan(troupe::topic{}), orphan(troupe::fanout{}, keeps), orphan(troupe::topic{}, keeps),
                 orphan(troupe::work_queue{}), orphan(troupe::queue{}), orphan(troupe::queue{.message_ttl = 1s})}) {
    EXPECT_EQ(x.publish("k", 1), 0u);
    EXPECT_EQ(x.unroutable(), 1u);
  }
}

TEST(AfterTheRuntime, attaching_tapping_and_confirming_say_so) {
  auto x = orphan();
  EXPECT_TRUE(refuses([&] { (void)x.attach([](int) {}); }));
  EXPECT_TRUE(refuses([&] { (void)x.tap([](std::uint64_t, std::string_view) {}); }));
  auto q = orphan(troupe::queue{});
  EXPECT_TRUE(refuses([&] { (void)q.publish_confirmed(1); }));
}

}  // namespace
