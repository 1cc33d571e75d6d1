#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/testing/detail/account.hpp>
#include <troupe/testing/seeds.hpp>

// One test on many schedules.
//
// Y1. A run depends on its seeded schedule and on the body alone, so the line that is printed replays it.
// Y2. Once the body has returned its variables are gone. A run that failed is not played on: what still lives is
//     killed.

namespace troupe::testing {

struct explore_options {
  std::uint32_t runs = 1'000;    ///< with the seeds `first_seed`, `first_seed + 1`, ...
  std::uint64_t first_seed = 1;  ///< another one explores other schedules
  /// Taken in turn. How many steps a `pct` reckons with is learned from the runs before.
  std::vector<schedule_strategy> strategies = {schedule_strategy::random(), schedule_strategy::pct(2),
                                               schedule_strategy::random(), schedule_strategy::pct(3)};
  std::uint64_t max_steps = 100'000;    ///< slices of one run, before it counts as a livelock
  std::chrono::hours max_time{10'000};  ///< of virtual time, likewise
};

/// What became of it.
struct explore_report {
  std::uint32_t runs = 0;                         ///< that were made
  std::optional<std::uint64_t> failed_seed = {};  ///< none: all passed
  std::string schedule = {};                      ///< of the failed run: what TROUPE_SEED is set to, to replay it
  std::string failure = {};                       ///< what failed, in words
  std::string recording = {};                     ///< its choices, for `schedule_strategy::replay`

  bool passed() const noexcept { return !failed_seed && failure.empty(); }
};

/// Calls `body` on one fresh deterministic runtime after another, and stops at the first run that fails: by a
/// GoogleTest assertion, an exception, a deadlock (the body, or at its end an actor or green thread, waits for what
/// nobody can bring), a livelock (it does not come to rest within the limits), an actor that did not end, or a message
/// that was lost without a trace. That failure is reported as one of the current test, with the line that replays it; a
/// run that passes leaves nothing behind.
///
/// With TROUPE_SEED in the environment it makes that run only: `7`, `7:random`, `7:pct3/500`, `replay:<recording>`.
/// Called by the thread of the test; throws `troupe_error` (`invalid_argument`) for options out of range. Bodies wait
/// with `rt.run()` or for futures, and take values with `.value()`, which throws if a deadlock has left none.
inline explore_report explore(const explore_options& options, const std::function<void(runtime&)>& body,
                              std::source_location where = std::source_location::current());

/// The same with a number of runs.
inline explore_report explore(std::uint32_t runs, const std::function<void(runtime&)>& body,
                              std::source_location where = std::source_location::current()) {
  explore_options options;
  options.runs = runs;
  return explore(options, body, where);
}

namespace detail {

/// What one run came to.
struct run_outcome {
  std::string failure = {};  ///< empty: it passed
  std::string file = {};     ///< of the assertion that failed, if one did
  int line = 0;
  std::uint64_t steps = 0;
  std::string recording = {};
};

/// The first assertion that failed, if any did.
inline void note_assertions(const ::testing::TestPartResultArray& parts, run_outcome& out) {
  for (int i = 0; i != parts.size() && out.failure.empty(); ++i) {
    const ::testing::TestPartResult& part = parts.GetTestPartResult(i);
    if (!part.failed()) continue;
    out.failure = part.message();
    if (part.file_name()) out.file = part.file_name(), out.line = part.line_number();
  }
}

inline void call(const std::function<void(runtime&)>& body, runtime& rt, run_outcome& out) {
  try {
    body(rt);
  } catch (const ::testing::AssertionException&) {
    // It is among the assertions that failed.
  } catch (const std::exception& e) {
    out.failure = std::string("an exception: ") + e.what();
  } catch (...) {
    out.failure = "an exception that is not a std::exception";
  }
}

/// What the loop saw: the cause of whatever else went wrong.
inline void note_hang(run_loop& loop, const char* when, run_outcome& out) {
  std::string hang;
  if (loop.deadlocked())
    hang = std::string("deadlock ") + when + ": nothing can run and nothing is due\n" + loop.stall();
  else if (loop.exhausted())
    hang = std::string("livelock ") + when + ": no rest after " + std::to_string(loop.steps()) + " steps and " +
           std::to_string(loop.now() / 1'000'000) + " ms of virtual time";
  if (!hang.empty())
    out.failure = hang + (out.failure.empty() ? "" : "\nthen: " + out.failure);
  else if (!out.failure.empty() && !loop.stall().empty())
    out.failure += "\nit had waited when nothing could run and nothing was due:\n" + loop.stall();
}

/// The sources stop, all that is on its way is handled, everybody ends.
inline void come_to_an_end(runtime& rt, run_loop& loop, const explore_options& options, run_outcome& out) {
  loop.forget_stall();
  const kept_exchanges exchanges(rt);
  const shutdown_report report = rt.shutdown(options.max_time);
  if (!loop.stall().empty())
    out.failure = "deadlock at the end: nothing can run and nothing is due\n" + loop.stall();
  else if (loop.exhausted())
    note_hang(loop, "at the end", out);
  else
    out.failure = account_text(report, rt.counts(), exchanges);
}

inline run_outcome run_once(const explore_options& options, const seeded_schedule& schedule,
                            const std::function<void(runtime&)>& body) {
  run_outcome out;
  ::testing::TestPartResultArray parts;
  ::testing::ScopedFakeTestPartResultReporter intercept(
      ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &parts);
  runtime rt({.name = "explore", .seed = schedule.seed, .strategy = schedule.strategy, .record = true});
  run_loop& loop = *rt.core().recorder();
  loop.limit(options.max_steps, loop.now() + std::chrono::nanoseconds(options.max_time).count());

  call(body, rt, out);
  note_assertions(parts, out);
  note_hang(loop, "in the test", out);
  if (out.failure.empty()) {
    come_to_an_end(rt, loop, options, out);
    note_assertions(parts, out);
  }
  out.steps = loop.steps();
  out.recording = loop.recording();
  if (!loop.divergence().empty()) out.failure = loop.divergence() + (out.failure.empty() ? "" : "\n" + out.failure);

  // Y2: at its limit the loop lets nobody run while the shutdown kills them; its end then destroys them.
  loop.limit(0, timers::never);
  rt.shutdown(std::chrono::seconds(1));
  return out;
}

/// How to have this very run again, as a line for the shell.
inline std::string replay_line(const std::string& schedule) {
  std::string line = "TROUPE_SEED=" + schedule + " " + program_invocation_name;
  if (const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info())
    line += std::string(" --gtest_filter=") + test->test_suite_name() + "." + test->name();
  return line;
}

}  // namespace detail

inline explore_report explore(const explore_options& options, const std::function<void(runtime&)>& body,
                              std::source_location where) {
  explore_report report;
  const char* only = std::getenv("TROUPE_SEED");
  const result<seeded_schedule> given = only ? seeded_schedule::parse(only) : seeded_schedule{};
  if (!given) {
    report.failure = "TROUPE_SEED: " + given.error().message();
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << report.failure;
    return report;
  }
  if (options.strategies.empty()) throw troupe_error(errc::invalid_argument, "explore_options: no strategies");
  std::uint64_t longest = 0;  // of the runs at random: a bound of the steps that a run takes
  for (std::uint32_t i = 0; i != (only ? 1 : options.runs); ++i) {
    seeded_schedule schedule = *given;
    if (!only) {
      schedule = {options.first_seed + i, options.strategies[i % options.strategies.size()]};
      if (longest != 0) schedule.strategy.steps = longest;
    }
    const detail::run_outcome run = detail::run_once(options, schedule, body);
    ++report.runs;
    if (schedule.strategy.how == schedule_strategy::kind::random) longest = std::max(longest, run.steps);
    if (run.failure.empty()) continue;

    report.failed_seed = schedule.seed;
    report.schedule = schedule.text();
    report.failure = run.failure;
    report.recording = run.recording;
    ADD_FAILURE_AT(run.file.empty() ? where.file_name() : run.file.c_str(),
                   run.file.empty() ? static_cast<int>(where.line()) : run.line)
        << run.failure << "\nrun " << report.runs << " of " << (only ? 1 : options.runs) << " failed; to replay it:\n  "
        << detail::replay_line(report.schedule);
    return report;
  }
  return report;
}

}  // namespace troupe::testing
