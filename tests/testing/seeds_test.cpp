// C12: a failure prints the seed that replays it, also outside of `explore`.

#include <troupe/testing/seeds.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace {

/// What is printed at a failed or passed assertion while `rt` lives.
std::string printed_at(testing::TestPartResult::Type type) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), &std::fclose);
  troupe::testing::detail::seed_printer printer(out.get());
  static_cast<testing::TestEventListener&>(printer).OnTestPartResult(
      testing::TestPartResult(type, "somewhere.cpp", 1, "it broke"));
  std::rewind(out.get());
  char text[200] = {};
  return {text, std::fread(text, 1, sizeof text, out.get())};
}

constexpr auto failure = testing::TestPartResult::kNonFatalFailure;

TEST(Seeds, a_failure_beside_deterministic_runtimes_is_followed_by_their_seeds) {
  std::optional<troupe::runtime> first;
  first.emplace(troupe::runtime_options{.seed = 7});
  EXPECT_EQ(printed_at(failure), "in a deterministic runtime: seed 7:random\n");
  troupe::runtime second({.seed = 8, .strategy = troupe::schedule_strategy::pct(3, 40)});
  EXPECT_EQ(printed_at(failure), "in a deterministic runtime: seed 7:random, seed 8:pct3/40\n");
  first.reset();
  EXPECT_EQ(printed_at(failure), "in a deterministic runtime: seed 8:pct3/40\n");
  EXPECT_EQ(printed_at(testing::TestPartResult::kSuccess), "");
}

TEST(Seeds, without_a_deterministic_runtime_nothing_is_added) {
  troupe::runtime pool({.workers = 1});
  EXPECT_EQ(printed_at(failure), "");
}

}  // namespace
