// x becomes x*x - x + 1, twenty times, from 3; its last five digits. Each step needs the one before, so no number of
// workers makes it faster: this is Amdahl's law with p = 0.
// Python: the same loop, with or without an executor.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>

#include <troupe/troupe.hpp>

namespace {

troupe::task<std::uint64_t> step(std::uint64_t x) { co_return (x * x - x + 1) % 100'000; }

troupe::task<std::uint64_t> twenty_steps() {
  std::uint64_t x = 3;
  for (int i = 0; i != 20; ++i) x = co_await step(x);
  co_return x;
}

troupe::task<std::uint64_t> again_and_again(int times) {
  std::uint64_t x = 0;
  for (int i = 0; i != times; ++i) x = co_await twenty_steps();
  co_return x;
}

}  // namespace

int main() {
  const unsigned most = std::max(2U, std::thread::hardware_concurrency());
  double time_of_one = 0;
  for (unsigned n = 1; n <= most; ++n) {
    troupe::runtime rt({.workers = n});
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t x = rt.spawn(again_and_again, 20'000).get().value();
    const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (n == 1) time_of_one = time;
    std::printf("workers %u: ...%05d, speed-up %.2f\n", n, static_cast<int>(x), time_of_one / time);
  }
}
