#pragma once

#include "../common.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The work of the Savina benchmarks (S. Imam and V. Sarkar, "Savina - An Actor Benchmark Suite", AGERE! 2014), the
/// same for every system, and how it is checked. Behind a number that is not the suite's own stands the suite's, where
/// that takes less than 0.2 s. ../go/actors.go and ../erlang/bench_erlang.erl repeat the numbers that they need.
namespace bench::savina {

// Micro-benchmarks.
inline constexpr std::uint64_t ring_actors = 100;
inline constexpr std::uint64_t ring_pings = 10'000'000;  ///< 100,000
inline constexpr std::uint64_t big_actors = 120;
inline constexpr std::uint64_t big_pings = 40'000;  ///< of each actor; 20,000
inline constexpr std::uint64_t throughput_actors = 60;
inline constexpr std::uint64_t throughput_messages = 80'000;    ///< to each actor; 10,000
inline constexpr std::uint64_t created_actors = 500'000;        ///< 40,000
inline constexpr std::uint64_t chameneos_meetings = 2'000'000;  ///< 200,000
inline constexpr std::uint64_t chameneos_creatures = 100;
inline constexpr unsigned fib_number = 30;  ///< 25

// Concurrency.
inline constexpr std::uint64_t dictionary_workers = 20;
inline constexpr std::uint64_t dictionary_requests = 100'000;  ///< of each worker; 10,000
inline constexpr std::uint64_t dictionary_writes = 10;         ///< of 100 requests
inline constexpr std::uint64_t dictionary_entries = 524'287;
inline constexpr std::size_t buffer_size = 50;
inline constexpr std::uint64_t buffer_producers = 40;
inline constexpr std::uint64_t buffer_consumers = 40;
inline constexpr std::uint64_t buffer_items = 1'000;  ///< of each producer
inline constexpr std::uint64_t buffer_cost = 25;      ///< of producing and of consuming an item, hundreds of logarithms
inline constexpr std::uint64_t philosophers = 20;
inline constexpr std::uint64_t philosopher_meals = 100'000;  ///< of each; 10,000
/// 5,000. Not more than twice as many, though they take less than 0.2 s: the customers that come again do so about as
/// often as the square of their number.
inline constexpr std::uint64_t barber_haircuts = 10'000;
inline constexpr std::size_t barber_chairs = 1'000;
inline constexpr std::uint64_t barber_work = 1'000;  ///< random numbers less than which a haircut and an arrival take
inline constexpr std::uint64_t smokers = 200;
inline constexpr std::uint64_t smoker_rounds = 300'000;  ///< 1,000
inline constexpr std::uint64_t smoker_work = 1'000;
inline constexpr std::uint64_t bank_accounts = 1'000;
inline constexpr std::uint64_t bank_transactions = 500'000;  ///< 50,000
inline constexpr std::int64_t bank_balance = 1'000'000'000;  ///< of each account at the beginning

// Parallelism.
inline constexpr std::uint64_t trapezoid_pieces = 10'000'000;
inline constexpr std::uint64_t trapezoid_workers = 100;
inline constexpr double trapezoid_left = 1;
inline constexpr double trapezoid_right = 5;
inline constexpr std::uint64_t queens_workers = 20;
inline constexpr unsigned queens_board = 13;     ///< 12
inline constexpr unsigned queens_threshold = 4;  ///< queens that are placed by messages, the rest by one worker
inline constexpr std::uint64_t sorted_numbers = 1'000'000;
inline constexpr std::size_t sort_threshold = 2'048;  ///< below which an actor sorts by itself

// Not of the suite.
inline constexpr std::uint64_t skynet_leaves = 1'000'000;
inline constexpr std::uint64_t skynet_children = 10;
inline constexpr std::uint64_t asks = 30'000;
inline constexpr std::uint64_t pipeline_stages = 10;
inline constexpr std::uint64_t pipeline_items = 1'000'000;

/// Numbers that are the same in each run and on each side (G. Marsaglia, "Xorshift RNGs").
class random_numbers {
public:
  explicit random_numbers(std::uint64_t seed) : state_(seed * 0x9e37'79b9'7f4a'7c15 + 0x2545'f491'4f6c'dd1d) {}

  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t below(std::uint64_t limit) { return (next() >> 11) % limit; }
  /// At least 0, less than 1.
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

private:
  std::uint64_t state_;
};

/// Draws that many random numbers; something to do for somebody who is busy.
inline std::uint64_t busy_wait(std::uint64_t draws) {
  random_numbers numbers(draws);
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    last = numbers.next();
  }
  // Read by nobody, but the compiler cannot know.
  asm volatile("" : : "r"(last));
  return last;
}

/// What the actors of the fork-join benchmarks do with a message: true, after one sine.
inline bool compute() {
  double angle = 37.2;
  asm volatile("" : "+m"(angle));  // else it is computed by the compiler
  double sine = std::sin(angle);
  return sine * sine > 0;
}

/// What producing or consuming an item of the bounded buffer takes.
inline double process_item(double item, std::uint64_t cost) {
  random_numbers numbers(cost);
  for (std::uint64_t i = 0; i < cost * 100; ++i) {
    item += std::log(numbers.fraction() + 0.01);
  }
  return item;
}

/// The colour of a creature of chameneos after it has met one of another colour, both below 3: the third one.
constexpr std::uint64_t complement(std::uint64_t own, std::uint64_t other) {
  return own == other ? own : 3 - own - other;
}

/// Runs `start(warm)` and then `start(size)`, each until `done` has seen one arrival, and prints the time of the second
/// divided by `operations`. For work that does not grow as its size does.
template <class Start>
bool measure_size(const char* unit, completion& done, std::uint64_t warm, std::uint64_t size, double operations,
                  Start&& start) {
  done.expect(1);
  start(warm);
  bool warmed = done.wait().has_value();
  done.expect(1);
  auto begin = clock::now();
  start(size);
  auto end = done.wait();
  double total = end ? std::chrono::duration<double, std::nano>(*end - begin).count() : 0;
  return print_metric("time", unit, total / operations, warmed && end.has_value());
}

/// How many times `base` fits into the scale: 0 at 1, -1 at 1 / base.
inline long steps_of_scale(const options& opts, double base) {
  return std::lround(std::log(opts.scale) / std::log(base));
}

/// The number whose computing takes about so many times longer than that of `fib_number`.
inline unsigned fib_index(const options& opts) {
  return static_cast<unsigned>(std::clamp(fib_number + steps_of_scale(opts, 1.618), 10L, 33L));
}

/// The n-th Fibonacci number, 1 for the first and the second.
constexpr std::uint64_t fib_value(std::uint64_t n) {
  std::uint64_t a = 0;
  std::uint64_t b = 1;
  for (; n > 0; --n) {
    a = std::exchange(b, a + b);
  }
  return a;
}

/// How many actors the n-th number takes, n > 0.
constexpr std::uint64_t fib_calls(std::uint64_t n) { return 2 * fib_value(n) - 1; }

/// The greatest power of ten that is not above the scaled number of leaves, but 100 at least.
inline std::uint64_t skynet_size(const options& opts) {
  std::uint64_t size = 100;
  while (static_cast<double>(size * 10) <= static_cast<double>(skynet_leaves) * opts.scale && size < 10'000'000) {
    size *= 10;
  }
  return size;
}

/// The actors of a tree with so many leaves.
constexpr double skynet_actors(std::uint64_t leaves) { return (static_cast<double>(leaves) * 10 - 1) / 9; }

/// Asks `n` times, one after another, and prints how long the answers took: `ask_once(i)` waits for the answer to i and
/// says whether it was right.
template <class AskOnce>
bool measure_asks(const options& opts, AskOnce&& ask_once) {
  auto n = opts.scaled(asks);
  std::vector<double> samples;
  samples.reserve(n);
  bool ok = true;
  for (std::uint64_t i = 0; i < n / 10; ++i) {
    ok = ask_once(i) && ok;
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    auto begin = clock::now();
    ok = ask_once(i) && ok;
    samples.push_back(std::chrono::duration<double, std::nano>(clock::now() - begin).count());
  }
  std::sort(samples.begin(), samples.end());
  print_metric("p50", "ns", samples[n / 2], ok);
  return print_metric("p99", "ns", samples[n * 99 / 100], ok);
}

}  // namespace bench::savina
