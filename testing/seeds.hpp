#pragma once

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include <troupe/base/log.hpp>

namespace troupe::testing {

namespace detail {

/// Writes what replays the run behind each failure that is seen beside a deterministic runtime.
class seed_printer final : public ::testing::EmptyTestEventListener {
public:
  /// `out` stays open for as long as the printer lives.
  explicit seed_printer(std::FILE* out) noexcept : out_(out) {}

private:
  void OnTestPartResult(const ::testing::TestPartResult& part) override {
    const std::string runs = log_context::text();
    if (!part.failed() || runs.empty()) return;
    std::fprintf(out_, "in a deterministic runtime: %s\n", runs.c_str());
    std::fflush(out_);
  }

  std::FILE* out_;
};

}  // namespace detail

/// A program that includes this header has the failures of its tests followed by the seeds of the deterministic
/// runtimes that live then (C12).
inline const bool prints_seeds = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new detail::seed_printer(stdout));
  return true;
}();

}  // namespace troupe::testing
