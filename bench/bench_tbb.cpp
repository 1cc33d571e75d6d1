// oneTBB in the benchmarks of the scheduler that README.md describes.

#include "common.hpp"
#include "scheduler_work.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <semaphore>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace {

using bench::completion;
using bench::options;

/// One side of each call is forked, the other runs in the caller; no call is too small to be forked.
std::uint64_t fib(unsigned n) {
  if (n < 2) {
    return n;
  }
  std::uint64_t forked = 0;
  tbb::task_group children;
  children.run([&forked, n] { forked = fib(n - 1); });
  std::uint64_t own = fib(n - 2);
  children.wait();
  return forked + own;
}

/// The main thread is one of the workers.
bool run_fib(const options& opts) {
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, opts.workers);
  tbb::task_arena arena(static_cast<int>(opts.workers));
  return bench::measure_fib(opts, [&](unsigned n) { return arena.execute([n] { return fib(n); }); });
}

/// Workers beside the main thread, which takes no part in the work.
struct pool {
  explicit pool(const options& opts)
      : limit(tbb::global_control::max_allowed_parallelism, opts.workers + 1),
        arena(static_cast<int>(opts.workers), 0) {}

  tbb::global_control limit;
  tbb::task_arena arena;
};

bool wake(const options& opts) {
  std::binary_semaphore stamped(0);
  pool workers(opts);
  return bench::measure_wakes(opts, [&] {
    bench::clock::time_point woken;
    auto begin = bench::clock::now();
    workers.arena.enqueue([&] {
      woken = bench::clock::now();
      stamped.release();
    });
    stamped.acquire();
    return woken - begin;
  });
}

bool submit(const options& opts) {
  // Counts down to 0, where the last one ends the round; relaxed, as `completion` has a mutex.
  std::atomic<std::uint64_t> left{0};
  completion done;
  pool workers(opts);
  return bench::measure_time("ns/job", done, 1, opts.scaled(bench::jobs), 1, 1, [&](std::uint64_t n) {
    left.store(n, std::memory_order_relaxed);
    for (std::uint64_t i = 0; i < n; ++i) {
      workers.arena.enqueue([&left, &done] {
        if (left.fetch_sub(1, std::memory_order_relaxed) == 1) {
          done.arrive();
        }
      });
    }
  });
}

constexpr std::array<bench::entry, 3> entries{{
    {"fib", run_fib},
    {"wake", wake},
    {"submit", submit},
}};

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, entries); }
