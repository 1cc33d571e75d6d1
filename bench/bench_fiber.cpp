// Boost.Fiber in the benchmarks of the scheduler that README.md describes, as two programs. In bench_fiber its fibers
// stay on the thread that made them (the default algorithm, round_robin): all runs on the main thread, whatever the
// number of workers. In bench_fiber_shared they run on whichever worker is free, as Troupe's green threads and
// goroutines do (algo::shared_work; work_stealing wants two threads or more).

#include "common.hpp"
#include "scheduler_work.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/fiber/all.hpp>

#ifdef BENCH_FIBER_SHARED
#include <mutex>
#include <thread>
#endif

namespace {

using bench::options;
using bench::sum_below;
using namespace std::chrono_literals;

#ifdef BENCH_FIBER_SHARED
using stack_pool = boost::fibers::fixedsize_stack;  // the pooled one is for one thread

/// The main thread and as many more as make the workers, until its end.
class workers {
public:
  explicit workers(const options& opts) {
    share();
    for (unsigned i = 1; i < opts.workers; ++i) {
      others_.emplace_back([this] {
        share();
        std::unique_lock lock(mutex_);
        over_.wait(lock, [this] { return is_over_; });
      });
    }
  }

  ~workers() {
    std::unique_lock lock(mutex_);
    is_over_ = true;
    lock.unlock();
    over_.notify_all();
    for (auto& each : others_) {
      each.join();
    }
  }

private:
  static void share() { boost::fibers::use_scheduling_algorithm<boost::fibers::algo::shared_work>(true); }

  boost::fibers::mutex mutex_;
  boost::fibers::condition_variable over_;
  bool is_over_ = false;
  std::vector<std::thread> others_;
};

constexpr bool shared = true;
#else
using stack_pool = boost::fibers::pooled_fixedsize_stack;

struct workers {
  explicit workers(const options& /*opts*/) {}
};

constexpr bool shared = false;
#endif

bool yield(const options& opts) {
  workers all_workers(opts);
  bench::rotation watch(!shared || opts.workers == 1);
  auto n = opts.scaled(bench::yields, bench::yielders);
  bool ok = bench::measure_run("ns/yield", n, bench::yielders, [&](std::uint64_t turns) {
    std::vector<boost::fibers::fiber> all;
    for (std::uint64_t self = 0; self < bench::yielders; ++self) {
      all.emplace_back([&watch, self, turns] {
        for (std::uint64_t i = 0; i < turns / bench::yielders; ++i) {
          watch.turn(self);
          boost::this_fiber::yield();
        }
      });
    }
    for (auto& each : all) {
      each.join();
    }
    return true;
  });
  return ok && watch.fair(n);
}

/// Spawned by the main fiber. With a pool of stacks, as any program would have that does this often; a fiber's result
/// is read from a variable: a future of the library's would cost one more allocation.
bool spawn_join(const options& opts) {
  workers all_workers(opts);
  stack_pool stacks;
  return bench::measure_run("ns/pair", opts.scaled(bench::spawn_joins), 1, [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      boost::fibers::fiber child(std::allocator_arg, stacks, [&sum, i] { sum += i; });
      child.join();
    }
    return sum == sum_below(n);
  });
}

/// A round trip is two messages, each of which waits for its receiver.
bool channel(const options& opts) {
  workers all_workers(opts);
  return bench::measure_run("ns/round_trip", opts.scaled(bench::round_trips), 1, [](std::uint64_t n) {
    boost::fibers::unbuffered_channel<std::uint64_t> there;
    boost::fibers::unbuffered_channel<std::uint64_t> back;
    boost::fibers::fiber ponger([&] {
      for (std::uint64_t ball = 0; there.pop(ball) == boost::fibers::channel_op_status::success;) {
        back.push(ball + 1);
      }
    });
    bool ok = true;
    boost::fibers::fiber pinger([&] {
      for (std::uint64_t i = 0; i < n; ++i) {
        there.push(i);
        std::uint64_t ball = 0;
        back.pop(ball);
        ok = ok && ball == i + 1;
      }
      there.close();
    });
    pinger.join();
    ponger.join();
    return ok;
  });
}

/// The library's ring of 128 slots holds 127 messages.
bool channel_buffered(const options& opts) {
  workers all_workers(opts);
  return bench::measure_run("ns/message", opts.scaled(bench::buffered_messages), 1, [](std::uint64_t n) {
    boost::fibers::buffered_channel<std::uint64_t> messages(bench::channel_capacity);
    std::uint64_t sum = 0;
    boost::fibers::fiber consumer([&] {
      for (std::uint64_t each = 0; messages.pop(each) == boost::fibers::channel_op_status::success;) {
        sum += each;
      }
    });
    boost::fibers::fiber producer([&] {
      for (std::uint64_t i = 0; i < n; ++i) {
        messages.push(i);
      }
      messages.close();
    });
    producer.join();
    consumer.join();
    return sum == sum_below(n);
  });
}

#ifndef BENCH_FIBER_SHARED
/// A tenth of the number that the others have: each needs a stack, and a machine may not have the memory for more. For
/// timers set and cancelled see `timer`.
bool sleepers(const options& opts) {
  auto n = opts.scaled(bench::sleeper_count / 10);
  std::uint64_t asleep = 0;
  auto before = bench::resident_bytes();
  for (std::uint64_t i = 0; i < n; ++i) {
    boost::fibers::fiber([&asleep] {
      ++asleep;
      boost::this_fiber::sleep_for(1h);
    }).detach();
  }
  while (asleep < n) {
    boost::this_fiber::yield();
  }
  bench::print_idle_memory(before, n, 0, true, "bytes/sleeper");

  bench::risers all(opts.scaled(bench::early_risers), true);
  std::vector<boost::fibers::fiber> fibers;
  for (std::uint64_t i = 0; i < all.count(); ++i) {
    fibers.emplace_back([&all, i] {
      auto due = all.deadline(i);
      boost::this_fiber::sleep_until(due);
      all.risen(due);
    });
  }
  for (auto& each : fibers) {
    each.join();
  }
  bool ok = all.print(true);
  // The main fiber would wait for the sleepers at the end.
  std::fflush(stdout);
  std::_Exit(ok ? 0 : 1);
}

/// Boost.Fiber has no timers to set and cancel; these are of Boost.Asio, whose loop makes each cancelled one's call.
bool timer(const options& opts) {
  boost::asio::io_context loop(1);
  boost::asio::steady_timer timer(loop);
  return bench::measure_run("ns/timer", opts.scaled(bench::timers_set), 1, [&](std::uint64_t n) {
    std::uint64_t cancelled = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      timer.expires_after(1h);
      timer.async_wait([&cancelled](const boost::system::error_code& how) {
        cancelled += how == boost::asio::error::operation_aborted ? 1 : 0;
      });
      timer.cancel();
      if (i % 64 == 63 || i + 1 == n) {
        loop.restart();
        loop.poll();
      }
    }
    return cancelled == n;
  });
}
#endif

constexpr bench::entry entries[] = {
    {"yield", yield},       {"spawn_join", spawn_join}, {"channel", channel}, {"channel_buffered", channel_buffered},
#ifndef BENCH_FIBER_SHARED
    {"sleepers", sleepers}, {"timer", timer},
#endif
};

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, entries); }
