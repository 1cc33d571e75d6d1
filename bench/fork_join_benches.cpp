#include "fork_join_benches.hpp"

#include <cmath>

#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

namespace bench {

namespace {

troupe::task<std::uint64_t> fork_fib(std::uint64_t n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await troupe::fork_join(fork_fib(n - 1), fork_fib(n - 2));
  co_return a + b;
}

/// The n-th number, and how many calls it takes.
struct expected {
  std::uint64_t value;
  std::uint64_t calls;
};

expected expect(std::uint64_t n) {
  std::uint64_t a = 0;
  std::uint64_t b = 1;
  for (std::uint64_t i = 0; i != n; ++i) b += std::exchange(a, b);
  return {a, 2 * b - 1};
}

}  // namespace

bool fib(const options& opts) {
  completion done;
  auto pool = troupe::work_stealing_pool::start({.workers = opts.workers});
  const auto run = [&](std::uint64_t n) {
    auto dropped = troupe::spawn(
        *pool,
        [](completion& end, std::uint64_t k) -> troupe::task<> {
          const std::uint64_t value = co_await fork_fib(k);
          end.arrive(value == expect(k).value);
        },
        std::ref(done), n);
  };
  // A tenth of the calls is some five numbers below.
  const auto n = static_cast<std::uint64_t>(std::lround(30 + std::log(opts.scale) / std::log(1.618)));
  done.expect(1);
  run(n - 5);
  const bool warm = done.wait().has_value();
  done.expect(1);
  const auto begin = clock::now();
  run(n);
  const auto end = done.wait();
  pool->stop(troupe::timers::never);
  const double total = end ? std::chrono::duration<double, std::nano>(*end - begin).count() : 0;
  return print_metric("time", "ns/call", total / static_cast<double>(expect(n).calls), warm && end.has_value());
}

}  // namespace bench
