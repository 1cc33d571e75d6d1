// Two threads count to 50,000 each on one counter. Reading and writing it are two steps, so counts may get lost between
// them. With a lock around both steps none is.
// Python: threading.Lock.

#include <atomic>
#include <iostream>
#include <thread>

#include <troupe/scheduler/latch.hpp>
#include <troupe/scheduler/mutex.hpp>

namespace {

constexpr int each = 50'000;

template <class Step>
void by_two_threads(Step step) {
  troupe::latch start(2);
  const auto count = [&] {
    start.arrive_and_wait().get();
    for (int i = 0; i != each; ++i) step();
  };
  std::thread one(count);
  std::thread other(count);
  one.join();
  other.join();
}

long without_lock() {
  // Atomic, so that the race is a defined one; with a plain `long` the whole program would be undefined.
  std::atomic<long> counter{0};
  by_two_threads([&] {
    const long before = counter.load(std::memory_order_relaxed);
    if (before % 1'000 == 0) std::this_thread::yield();  // interrupted, as may happen anywhere
    counter.store(before + 1, std::memory_order_relaxed);
  });
  return counter;
}

long with_lock() {
  troupe::mutex lock;
  long counter = 0;
  by_two_threads([&] {
    auto held = lock.scoped().get();
    ++counter;
  });
  return counter;
}

}  // namespace

int main() {
  for (int round = 1; round <= 5; ++round)
    std::cout << "round " << round << ": without a lock " << without_lock() << ", with one " << with_lock() << " of "
              << 2 * each << '\n';
}
