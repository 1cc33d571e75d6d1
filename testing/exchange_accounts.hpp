#pragma once

#include <string>

#include <gtest/gtest.h>

#include <troupe/exchange/exchange_accounts.hpp>
#include <troupe/testing/detail/account.hpp>

namespace troupe::testing {

/// From now on each exchange is looked at when its runtime has ended: the test that runs then fails unless each
/// delivery that it was asked for has one fate (C3). But for those of runtimes in which an actor did not end. Called by
/// a test program before its tests:
///
///     const bool watched = (troupe::testing::watch_exchange_accounts(), true);
inline void watch_exchange_accounts() noexcept {
  when_exchanges_end([](const exchange_info& x) {
    const std::string wrong = detail::account_text(x.name, x.counts);
    if (!wrong.empty()) ADD_FAILURE() << "at the end of the runtime:" << wrong;
  });
}

/// Fails the test unless the exchanges of a runtime that is at rest know where each of their messages is: what waits by
/// their sums stands in their logs and in the lines of their subscribers. Looks at those alone where all of that is
/// known: fanout exchanges, and others whose subscribers all have options.
inline void expect_exchanges_at_rest(runtime& rt) {
  for (const exchange_info& x : exchanges(rt)) {
    if (x.kind == exchange_kind::queue) continue;
    std::uint64_t waiting = 0;
    bool known = true;
    const any_ref* last = nullptr;
    for (const subscription_info& s : x.subscriptions) {
      known = known && s.counts.lag;
      // With several keys, that of all of them.
      if (s.counts.lag && !(s.options && last && *last == s.who)) waiting += *s.counts.lag;
      last = &s.who;
    }
    if (known) {
      EXPECT_EQ(detail::account_text(x.name, x.counts, waiting), "");
    }
  }
}

}  // namespace troupe::testing
