#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <string>

#include "../common.hpp"

namespace testing_tests {

using tests::contains;

/// What `body` fails the test with, in place of doing so; empty if it does not.
template <class Body>
std::string failure_of(Body body) {
  testing::TestPartResultArray parts;
  {
    testing::ScopedFakeTestPartResultReporter intercept(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &parts);
    try {
      body();
    } catch (const testing::AssertionException&) {  // reported before it was thrown
    }
  }
  std::string text;
  for (int i = 0; i != parts.size(); ++i)
    if (parts.GetTestPartResult(i).failed()) text += std::string(parts.GetTestPartResult(i).message()) + "\n";
  return text;
}

}  // namespace testing_tests
