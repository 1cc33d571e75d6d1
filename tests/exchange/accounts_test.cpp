// Each exchange of each test of this folder is asked at its end what became of its messages (C3), and here whether that
// would be noticed.

#include <troupe/testing/exchange_accounts.hpp>

#include <gtest/gtest.h>

namespace {

[[maybe_unused]] const bool watched = (troupe::testing::watch_exchange_accounts(), true);

TEST(ExchangeAccounts, say_which_deliveries_have_no_fate) {
  troupe::exchange_counts c;
  c.routed = 10;
  c.delivered = 5;
  c.failed = 1;
  c.lost[static_cast<std::size_t>(troupe::loss::lagged)] = 3;
  EXPECT_EQ(troupe::testing::detail::account_text("x", c),
            "\n  exchange 'x': of 10 deliveries 1 are not accounted for: delivered 5, failed 1, lagged 3, waiting 0");
  EXPECT_EQ(troupe::testing::detail::account_text("x", c, 1), "");
  c.delivered = 7;
  EXPECT_NE(troupe::testing::detail::account_text("x", c), "") << "more came than was asked for";
}

}  // namespace
