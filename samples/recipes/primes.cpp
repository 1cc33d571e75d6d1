// The primes among 10^13 .. 10^13+999 with 1 to N workers: the speed-up, beside the most that Amdahl's law allows when
// only a share p of the work can be split: 1 / (1 - p + p / n). Here one thread alone makes the table of divisors.
// Python: concurrent.futures.ProcessPoolExecutor, as threads would take turns.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <thread>
#include <vector>

#include <troupe/scheduler/parallel.hpp>
#include <troupe/troupe.hpp>

namespace {

constexpr std::uint64_t first = 10'000'000'000'000;
constexpr std::uint64_t largest_divisor = 3'162'278;  // its square is above the last number

using seconds = std::chrono::duration<double>;
using std::chrono::steady_clock;

std::vector<std::uint64_t> primes_up_to(std::uint64_t n) {
  std::vector<bool> composite(n + 1);
  std::vector<std::uint64_t> primes;
  for (std::uint64_t i = 2; i <= n; ++i) {
    if (composite[i]) continue;
    primes.push_back(i);
    for (std::uint64_t k = i * i; k <= n; k += i) composite[k] = true;
  }
  return primes;
}

struct outcome {
  long count = 0;
  seconds alone{};   // that one thread worked
  seconds shared{};  // that all did
  double time() const { return (alone + shared).count(); }
};

troupe::task<outcome> count_primes() {
  const auto start = steady_clock::now();
  const std::vector<std::uint64_t> divisors = primes_up_to(largest_divisor);
  std::vector<std::uint64_t> numbers(1'000);
  std::iota(numbers.begin(), numbers.end(), first);
  const auto split = steady_clock::now();
  const auto strike_out = [&divisors](std::uint64_t& n) {
    if (std::any_of(divisors.begin(), divisors.end(), [n](std::uint64_t d) { return n % d == 0; })) n = 0;
  };
  co_await troupe::parallel::for_each(numbers, strike_out, {.grain = 1});
  const auto joined = steady_clock::now();
  const auto composite = std::count(numbers.begin(), numbers.end(), 0U);
  co_return outcome{std::ssize(numbers) - composite, split - start, joined - split};
}

outcome best_of_three(unsigned workers) {
  troupe::runtime rt({.workers = workers});
  outcome best = rt.spawn(count_primes).get().value();
  for (int i = 1; i != 3; ++i) {
    const outcome next = rt.spawn(count_primes).get().value();
    if (next.time() < best.time()) best = next;
  }
  return best;
}

}  // namespace

int main() {
  const outcome alone = best_of_three(1);
  const double p = alone.shared.count() / alone.time();
  std::printf("1 worker: %ld primes in %.3f s, of which a share of %.2f can be split\n", alone.count, alone.time(), p);
  for (unsigned n = 2; n <= std::max(2U, std::thread::hardware_concurrency()); ++n) {
    const outcome o = best_of_three(n);
    std::printf("%u workers: %ld primes in %.3f s, speed-up %.2f, by Amdahl at most %.2f\n", n, o.count, o.time(),
                alone.time() / o.time(), 1 / (1 - p + p / n));
  }
}
