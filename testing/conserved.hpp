#pragma once

#include <chrono>
#include <source_location>
#include <string>

#include <gtest/gtest.h>

#include <troupe/actors/runtime.hpp>
#include <troupe/testing/detail/account.hpp>
#include <troupe/testing/seeds.hpp>

namespace troupe::testing {

/// At its end shuts the runtime down, if nobody has, and fails the test unless all has ended and each message that was
/// sent, and each delivery that an exchange was asked for, has one fate (C3). For runtimes of all kinds; `explore`
/// looks at the same account itself. Made right behind the runtime, so that all that uses it goes before:
///
///     troupe::runtime rt;
///     troupe::testing::conserved guard(rt);
class [[nodiscard]] conserved {
public:
  /// `within` is what the shutdown may take.
  explicit conserved(runtime& rt, std::chrono::nanoseconds within = std::chrono::seconds(30),
                     std::source_location where = std::source_location::current()) noexcept
      : rt_(&rt), within_(within), where_(where) {}
  conserved(const conserved&) = delete;
  conserved& operator=(const conserved&) = delete;
  ~conserved() {
    const kept_exchanges exchanges(*rt_);
    const shutdown_report report = rt_->shutdown(within_);
    const std::string failure = detail::account_text(report, rt_->counts(), exchanges);
    if (!failure.empty()) ADD_FAILURE_AT(where_.file_name(), static_cast<int>(where_.line())) << failure;
  }

private:
  runtime* rt_;
  std::chrono::nanoseconds within_;
  std::source_location where_;
};

}  // namespace troupe::testing
