#include "seeds.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <random>

#include <unistd.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/schedule_strategy.hpp>

#include "random_program.hpp"
#include "stress.hpp"

namespace stress {

namespace {

using troupe::schedule_strategy;
using troupe::seeded_schedule;

constexpr unsigned hang_seconds = 120;    // of one run, which takes milliseconds
constexpr std::uint64_t twice_each = 16;  // of so many runs one is run again, to be the same (C12)

char last_words[512];  // what a run that ends the program leaves behind

extern "C" void say_last_words(int signal) {
  (void)!write(STDOUT_FILENO, last_words, std::strlen(last_words));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::string replay_line(const seeds_options& o, const seeded_schedule& s) {
  return std::string(o.program) + " --seeds --seed " + s.text();
}

/// Says what replays the run if it ends the program or hangs.
void prepare_for_the_worst(const std::string& replay) {
  std::snprintf(last_words, sizeof last_words, "\nthe program died or hung in a run; to replay it:\n  %s\n",
                replay.c_str());
  alarm(hang_seconds);
}

bool run_one(const seeds_options& o, const seeded_schedule& s, bool twice, program_run& run) {
  const std::string replay = replay_line(o, s);
  prepare_for_the_worst(replay);
  run = run_random_program(s);
  if (twice && run.wrong.empty() && run_random_program(s).trace != run.trace)
    run.wrong = "a second run of it was another (C12)";
  alarm(0);
  if (run.wrong.empty()) return true;
  std::printf("seed %s: %s\nto replay it:\n  %s\n", s.text().c_str(), run.wrong.c_str(), replay.c_str());
  std::fflush(stdout);
  return false;
}

}  // namespace

int run_seeds(const seeds_options& o) {
  for (const int s : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) std::signal(s, say_last_words);
  program_run run;
  if (!o.schedule.empty()) {
    const auto given = seeded_schedule::parse(o.schedule);
    if (!given) {
      std::fprintf(stderr, "--seed: %s\n", given.error().message().c_str());
      return 2;
    }
    if (!run_one(o, *given, true, run)) return 1;
    std::printf("seed %s passed: %llu messages, %llu slices\n", o.schedule.c_str(),
                static_cast<unsigned long long>(run.handled), static_cast<unsigned long long>(run.steps));
    return 0;
  }

  const quiet_log hush;  // the crashes are meant
  std::random_device device;
  const std::uint64_t first = o.first_seed ? *o.first_seed : std::uint64_t{device()} << 32 | device();
  const schedule_strategy strategies[] = {schedule_strategy::random(), schedule_strategy::pct(2),
                                          schedule_strategy::random(), schedule_strategy::pct(3)};
  std::printf("seeds from %llu on\n", static_cast<unsigned long long>(first));
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::uint64_t runs = 0, messages = 0, slices = 0;
  std::uint64_t typical = 1'000;  // slices of the last run at random: a bound of what pct reckons with
  double said = 0;
  do {
    seeded_schedule s{first + runs, strategies[runs % std::size(strategies)]};
    if (s.strategy.how == schedule_strategy::kind::pct) s.strategy.steps = std::max<std::uint64_t>(typical, 1);
    const bool right = run_one(o, s, runs % twice_each == 0, run);
    ++runs;
    if (!right) {
      std::printf("%llu seeds, the last of them failed\n", static_cast<unsigned long long>(runs));
      return 1;
    }
    if (s.strategy.how == schedule_strategy::kind::random) typical = run.steps;
    messages += run.handled;
    slices += run.steps;
    if (seconds() - said < 60) continue;
    said = seconds();
    std::printf("%6.0f s: %llu seeds passed\n", said, static_cast<unsigned long long>(runs));
    std::fflush(stdout);
  } while (seconds() < o.seconds);
  std::printf("%llu seeds passed in %.0f s: %llu messages handled, %llu slices\n",
              static_cast<unsigned long long>(runs), seconds(), static_cast<unsigned long long>(messages),
              static_cast<unsigned long long>(slices));
  return 0;
}

}  // namespace stress
