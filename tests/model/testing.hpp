#pragma once

#include <gtest/gtest.h>

#include <model/atomic.hpp>
#include <model/explorer.hpp>

/// The words of the tests.
namespace troupe::model {

/// How a failure is shown, with the way to see it again.
inline std::string report(const outcome& o) {
  constexpr std::size_t most = 4'000;  // of either end of a long trace
  std::string trace = o.trace;
  if (trace.size() > 2 * most) trace.replace(most, trace.size() - 2 * most, "\n  ...\n");
  return o.failure + "\nafter " + std::to_string(o.executions) + " executions\n" + trace +
         "again: TROUPE_MODEL_REPLAY=" + o.schedule + " with --gtest_filter of this test";
}

/// The program is right in all executions within the limits.
inline testing::AssertionResult holds(const std::function<void()>& program, const limits& within = {}) {
  const outcome o = explore(program, within);
  testing::Test::RecordProperty("executions", std::to_string(o.executions));
  std::printf("[ explored ] %llu executions\n", static_cast<unsigned long long>(o.executions));
  if (!o.failure.empty()) return testing::AssertionFailure() << report(o);
  if (!o.complete && !std::getenv("TROUPE_MODEL_REPLAY"))
    return testing::AssertionFailure() << "not all was explored in " << o.executions << " executions";
  return testing::AssertionSuccess();
}

/// Some execution fails with a message that contains `text`, and does so again when its schedule is given.
inline testing::AssertionResult finds(const char* text, const std::function<void()>& program,
                                      const limits& within = {}) {
  const outcome o = explore(program, within);
  if (o.failure.find(text) == std::string::npos || o.failure.empty())
    return testing::AssertionFailure() << "expected \"" << text << "\", found \"" << o.failure << "\" in "
                                       << o.executions << " executions";
  const outcome again = explore(program, within, o.schedule);
  if (again.failure != o.failure) return testing::AssertionFailure() << "the schedule gave \"" << again.failure << '"';
  return testing::AssertionSuccess();
}

}  // namespace troupe::model
