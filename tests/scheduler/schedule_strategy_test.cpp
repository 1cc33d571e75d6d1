#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using troupe::run_loop;
using troupe::schedule_strategy;
using troupe::seeded_schedule;
using troupe::task;

task<> writes(std::string& log, char name, int steps) {
  for (int i = 0; i != steps; ++i) {
    log += name;
    co_await troupe::this_task::yield();
  }
}

void spawn_three(run_loop& loop, std::string& log, int steps = 10) {
  for (char name : {'a', 'b', 'c'}) auto dropped = troupe::spawn(loop, writes, std::ref(log), name, steps);
}

std::string interleaving(std::uint64_t seed, schedule_strategy strategy) {
  run_loop loop({seed, std::move(strategy)});
  std::string log;
  spawn_three(loop, log);
  loop.run();
  return log;
}

/// How often the one that runs changes.
std::ptrdiff_t switches(const std::string& log) {
  std::ptrdiff_t n = 0;
  for (std::size_t i = 1; i < log.size(); ++i) n += log[i] != log[i - 1];
  return n;
}

TEST(ScheduleStrategy, pct_of_depth_one_runs_strands_one_after_the_other_in_all_orders) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed != 100; ++seed) {
    const std::string log = interleaving(seed, schedule_strategy::pct(1));
    EXPECT_EQ(switches(log), 2) << log;
    orders.insert(log);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(ScheduleStrategy, pct_of_depth_three_switches_at_two_points_more) {
  std::set<std::string> all;
  std::ptrdiff_t most = 0;
  for (std::uint64_t seed = 0; seed != 100; ++seed) {
    const std::string log = interleaving(seed, schedule_strategy::pct(3, 30));
    EXPECT_LE(switches(log), 4) << log;
    most = std::max(most, switches(log));
    all.insert(log);
  }
  EXPECT_EQ(most, 4);
  EXPECT_GT(all.size(), 50u);
}

TEST(ScheduleStrategy, after_its_steps_pct_starves_nobody) {
  run_loop loop({7, schedule_strategy::pct(2, 50)});
  bool stop = false;
  auto spins = troupe::spawn(
      loop,
      [](bool& until) -> task<> {
        while (!until) co_await troupe::this_task::yield();
      },
      std::ref(stop));
  auto stops = troupe::spawn(
      loop,
      [](bool& it) -> task<> {
        it = true;
        co_return;
      },
      std::ref(stop));
  loop.run();
  EXPECT_TRUE(spins.done());
  EXPECT_TRUE(stops.done());
}

// C12: green threads come and go, and where their memory lies differs from run to run.
TEST(ScheduleStrategy, pct_does_not_depend_on_addresses) {
  const auto play = [](std::uint64_t seed, std::size_t litter) {
    run_loop loop({seed, schedule_strategy::pct(3, 100)});
    std::vector<void*> holes;
    std::string log;
    for (int round = 0; round != 5; ++round) {
      for (char name : {'a', 'b', 'c'}) {
        for (std::size_t i = 0; i != litter; ++i) holes.push_back(troupe::pool_allocate(64 + 16 * (i % 12)));
        auto dropped = troupe::spawn(loop, writes, std::ref(log), name, 4);
      }
      loop.run();
    }
    for (std::size_t i = 0; i != holes.size(); ++i) troupe::pool_free(holes[i], 64 + 16 * (i % litter % 12));
    return std::pair(log, loop.trace());
  };
  for (std::uint64_t seed = 0; seed != 20; ++seed) EXPECT_EQ(play(seed, 0), play(seed, 17)) << "seed " << seed;
}

TEST(ScheduleStrategy, a_recording_replays_a_run_of_any_strategy) {
  for (const auto& strategy : {schedule_strategy::random(), schedule_strategy::pct(3, 30)}) {
    run_loop recorded({7, strategy, true});
    std::string log;
    spawn_three(recorded, log);
    recorded.run();

    run_loop replayed({0, schedule_strategy::replay(recorded.recording()), true});
    std::string again;
    spawn_three(replayed, again);
    replayed.run();
    EXPECT_EQ(again, log);
    EXPECT_EQ(replayed.trace(), recorded.trace());
    EXPECT_EQ(replayed.recording(), recorded.recording());
    EXPECT_EQ(replayed.divergence(), "");
  }
}

TEST(ScheduleStrategy, a_replay_says_where_the_program_departs_from_the_recording) {
  run_loop recorded({7, schedule_strategy::random(), true});
  std::string log;
  spawn_three(recorded, log);
  recorded.run();

  run_loop replayed({0, schedule_strategy::replay(recorded.recording())});
  auto fourth = troupe::spawn(replayed, writes, std::ref(log), 'd', 1);
  spawn_three(replayed, log);
  replayed.run();
  EXPECT_EQ(replayed.divergence(),
            "the run departs from its recording at step 1: 4 jobs can run, 3 could when it was recorded");
  EXPECT_EQ(replayed.strands().size(), 0u) << "it goes on to the end";
}

TEST(ScheduleStrategy, after_the_recording_jobs_run_in_rotation) {
  run_loop loop({0, schedule_strategy::replay("2/3,1/3")});
  std::string log;
  spawn_three(loop, log, 2);
  loop.run();
  EXPECT_EQ(log, "cbacba");
  EXPECT_EQ(loop.divergence(), "");
}

TEST(ScheduleStrategy, its_text_gives_it_back) {
  for (const char* text : {"7:random", "0:pct1/1", "18446744073709551615:pct3/500", "replay:0/2b4x3,1/2", "replay:"}) {
    const auto parsed = seeded_schedule::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), text);
  }
  EXPECT_EQ(seeded_schedule::parse("7").value().text(), "7:random");
  EXPECT_EQ(seeded_schedule::parse("7:pct3").value().text(), "7:pct3/1000");
}

TEST(ScheduleStrategy, text_that_is_none_is_an_error) {
  for (const char* text : {"", ":", "x", "7:", "7:pct", "7:pct0", "7:pct3/", "7:pct3/0", "7:pct3/x", "-1", "7:rand"}) {
    const auto parsed = seeded_schedule::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error(), troupe::errc::invalid_argument);
  }
}

TEST(ScheduleStrategy, a_malformed_recording_is_an_error) {
  for (const char* text : {"x", "1", "1/", "1/1", "0/1,", ",0/1", "0/1b0", "0/1x0", "0/1y", "0/1 ,0/1"}) {
    EXPECT_THROW(run_loop({0, schedule_strategy::replay(text)}), troupe::troupe_error) << text;
  }
  EXPECT_THROW(run_loop({0, schedule_strategy::pct(0)}), troupe::troupe_error);
  EXPECT_THROW(run_loop({0, schedule_strategy::pct(1, 0)}), troupe::troupe_error);
}

}  // namespace
