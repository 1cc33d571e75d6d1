#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include <troupe/base/result.hpp>

#include "../common.hpp"

namespace tests {

/// `wire()` throws `troupe_error` (`invalid_argument`), and says why.
template <class F>
void expect_refused(F wire, std::string_view why) {
  try {
    wire();
    ADD_FAILURE() << why;
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
    EXPECT_TRUE(contains(e.what(), why)) << e.what();
  }
}

}  // namespace tests
