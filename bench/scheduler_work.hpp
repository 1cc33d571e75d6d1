#pragma once

#include "common.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

/// The work of the scheduler's benchmarks, the same in every program, and how it is checked. bench/go/main.go repeats
/// the numbers.
namespace bench {

inline constexpr std::uint64_t yielders = 100;
inline constexpr std::uint64_t yields = 1'000'000;  ///< of all yielders together
inline constexpr std::uint64_t spawn_joins = 300'000;
inline constexpr std::uint64_t round_trips = 300'000;
inline constexpr std::uint64_t buffered_messages = 1'000'000;
inline constexpr std::uint64_t channel_capacity = 128;
inline constexpr std::uint64_t sleeper_count = 1'000'000;
inline constexpr std::uint64_t early_risers = 10'000;  ///< sleepers that wake, one each `riser_gap`
inline constexpr std::chrono::microseconds riser_gap{100};
inline constexpr std::chrono::milliseconds riser_start{200};  ///< from the first spawn to the first deadline
inline constexpr std::uint64_t timers_set = 1'000'000;
inline constexpr std::uint64_t wakes = 1'000;
inline constexpr std::chrono::milliseconds parking_time{1};  ///< after which an idle thread surely sleeps
inline constexpr std::uint64_t jobs = 1'000'000;

/// Which Fibonacci number to compute: the 30th at scale 1, and so that the calls grow with the scale.
inline unsigned fib_index(const options& opts) {
  return static_cast<unsigned>(std::clamp(30 + std::lround(std::log(opts.scale) / std::log(1.618)), 5L, 45L));
}

/// The n-th Fibonacci number by addition, to check the others with.
constexpr std::uint64_t fib_value(unsigned n) {
  std::uint64_t a = 0;
  std::uint64_t b = 1;
  for (unsigned i = 0; i < n; ++i) {
    a = std::exchange(b, a + b);
  }
  return a;
}

/// How many calls the naive recursion makes for the n-th number, the first included.
constexpr std::uint64_t fib_calls(unsigned n) { return 2 * fib_value(n + 1) - 1; }

/// Runs `fib(n)` on the calling thread, after a smaller one, and prints the time of one call.
template <class Fib>
bool measure_fib(const options& opts, Fib&& fib) {
  unsigned n = fib_index(opts);
  bool ok = fib(n - 5) == fib_value(n - 5);
  auto begin = clock::now();
  ok = fib(n) == fib_value(n) && ok;
  double total = std::chrono::duration<double, std::nano>(clock::now() - begin).count();
  return print_metric("time", "ns/call", total / static_cast<double>(fib_calls(n)), ok);
}

/// Runs `run(n)` on the calling thread for a tenth of `n`, a multiple of `step`, and then for `n`. Prints the time of
/// the second divided by `n`. `run` returns whether its check passed.
template <class Run>
bool measure_run(const char* unit, std::uint64_t n, std::uint64_t step, Run&& run) {
  bool ok = run(std::max(n / 10 / step, std::uint64_t{1}) * step);
  auto begin = clock::now();
  ok = run(n) && ok;
  double total = std::chrono::duration<double, std::nano>(clock::now() - begin).count();
  return print_metric("time", unit, total / static_cast<double>(n), ok);
}

/// Whether yielding lets the others run: on one thread, the same one may hardly ever have two turns in a row. With more
/// threads nothing is checked, as there the last ones may well be alone.
class rotation {
public:
  explicit rotation(bool watched) : watched_(watched) {}

  /// `who` has a turn.
  void turn(std::uint64_t who) {
    if (watched_ && std::exchange(last_, who) == who) {
      ++repeats_;
    }
  }

  /// The verdict after that many turns; says so if it is bad.
  bool fair(std::uint64_t turns) const {
    bool ok = repeats_ <= turns / 10;
    if (!ok) {
      std::fprintf(stderr, "self check failed: yielding does not let the others run\n");
    }
    return ok;
  }

private:
  bool watched_;
  std::uint64_t last_ = yielders;
  std::uint64_t repeats_ = 0;
};

/// Prints two percentiles of `samples`, which are nanoseconds.
inline bool print_percentiles(const char* p50, const char* p99, std::vector<double> samples, bool ok) {
  std::sort(samples.begin(), samples.end());
  auto at = [&](double share) {
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
  };
  ok = print_metric(p50, "ns", at(0.5), ok);
  return print_metric(p99, "ns", at(0.99), ok);
}

/// Wakes a thread `wakes` times and prints how long that took: `wake_once` begins when the thread has long been
/// parked, and returns the time from its waking to its first instruction.
template <class WakeOnce>
bool measure_wakes(const options& opts, WakeOnce&& wake_once) {
  std::vector<double> samples(opts.scaled(wakes));
  bool ok = true;
  for (auto& each : samples) {
    std::this_thread::sleep_for(parking_time);
    std::chrono::nanoseconds taken = wake_once();
    each = static_cast<double>(taken.count());
    ok = ok && taken.count() > 0;
  }
  return print_percentiles("p50", "p99", std::move(samples), ok);
}

/// Sleepers with deadlines `riser_gap` apart, in an order that is not that of their spawning. They tell when they
/// wake; one at a time may do so. None may wake early or never. With `ordered`, which is for one worker, most have to
/// come in the order of their deadlines: of several, one may be held up while the others go on.
class risers {
public:
  risers(std::uint64_t n, bool ordered) : count_(n), ordered_(ordered), begin_(clock::now()) { late_.reserve(n); }

  std::uint64_t count() const { return count_; }

  /// When the i-th to be spawned is to wake. 7,919 is a prime that divides no count in use.
  clock::time_point deadline(std::uint64_t i) const {
    return begin_ + riser_start + static_cast<std::int64_t>(i * 7919 % count_) * riser_gap;
  }

  /// A sleeper of that deadline is awake.
  void risen(clock::time_point due) {
    auto late = clock::now() - due;
    early_ = early_ || late < clock::duration::zero();
    disordered_ += latest_ > due + std::chrono::milliseconds(10) ? 1 : 0;
    latest_ = std::max(latest_, due);
    late_.push_back(std::chrono::duration<double, std::nano>(late).count());
  }

  /// Prints how late they were, and the share of those that came after others that were due 10 ms later. Most may not,
  /// rather than none: a machine that stalls makes many due at once, whose order is the scheduler's.
  bool print(bool ok) const {
    if (early_ || late_.size() != count_ || (ordered_ && disordered_ > count_ / 2)) {
      std::fprintf(stderr, "self check failed: %zu of %llu woke, %llu after others that were due later%s\n",
                   late_.size(), static_cast<unsigned long long>(count_), static_cast<unsigned long long>(disordered_),
                   early_ ? ", some early" : "");
      ok = false;
    }
    print_metric("out_of_order", "share", static_cast<double>(disordered_) / static_cast<double>(count_), ok);
    return print_percentiles("late_p50", "late_p99", late_.empty() ? std::vector<double>{0} : late_, ok);
  }

private:
  std::uint64_t count_;
  bool ordered_;
  clock::time_point begin_;
  clock::time_point latest_{};
  std::uint64_t disordered_ = 0;
  bool early_ = false;
  std::vector<double> late_;
};

}  // namespace bench
