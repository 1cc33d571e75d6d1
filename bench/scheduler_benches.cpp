#include "scheduler_benches.hpp"

#include "scheduler_work.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <semaphore>
#include <thread>

#include <troupe/troupe.hpp>

namespace bench {

namespace {

using namespace std::chrono_literals;

troupe::runtime_options configured(const options& opts) {
  troupe::runtime_options result;
  result.workers = opts.workers;
  return result;
}

// yield

troupe::task<> yielder(std::uint64_t self, std::uint64_t turns, rotation* watch, completion* done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    watch->turn(self);
    co_await troupe::this_task::yield();
  }
  done->arrive();
}

/// Spawns all from within, so that none runs before the last is there if there is one worker.
troupe::task<> start_yielders(troupe::runtime* rt, std::uint64_t turns, rotation* watch, completion* done) {
  for (std::uint64_t i = 0; i < yielders; ++i) {
    rt->spawn(yielder, i, turns, watch, done);
  }
  co_return;
}

// spawn_join

troupe::task<std::uint64_t> echo(std::uint64_t value) { co_return value; }

troupe::task<> spawn_and_join(troupe::runtime* rt, std::uint64_t n, completion* done) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    auto child = rt->spawn(echo, i);
    auto value = co_await child;
    sum += value ? *value : 0;
  }
  done->arrive(sum == sum_below(n));
}

// sleepers

// A count of those that are about to sleep; relaxed, as nothing else is read after it.
using counter = std::atomic<std::uint64_t>;

troupe::task<> sleeper(counter* asleep) {
  asleep->fetch_add(1, std::memory_order_relaxed);
  auto nap = troupe::this_task::sleep_for(1h);
  co_await nap;
}

/// Spawns `n` that sleep for an hour; false if they do not all get there.
bool put_to_sleep(troupe::runtime& rt, std::uint64_t n, counter& asleep) {
  for (std::uint64_t i = 0; i < n; ++i) {
    rt.spawn(sleeper, &asleep);
  }
  auto limit = clock::now() + round_limit;
  while (asleep.load(std::memory_order_relaxed) < n && clock::now() < limit) {
    std::this_thread::sleep_for(1ms);
  }
  return asleep.load(std::memory_order_relaxed) == n && rt.alive() >= n;
}

struct idle_timer final : troupe::timer {
  void fire() noexcept override {}
};

/// Sets a timer for an hour hence and cancels it, again and again.
bool set_and_cancel(troupe::scheduler& home, std::uint64_t n) {
  idle_timer timer;
  bool ok = true;
  for (std::uint64_t i = 0; i < n; ++i) {
    home.arm(timer, troupe::deadline_after(home.now(), 1h));
    ok = home.cancel(timer) && ok;
  }
  return ok;
}

struct riser_state {
  riser_state(std::uint64_t n, bool ordered) : all(n, ordered) {}
  std::mutex mutex;
  risers all;
};

troupe::task<> riser(std::uint64_t i, riser_state* state, completion* done) {
  auto due = state->all.deadline(i);
  auto nap = troupe::this_task::sleep_until(due);
  bool slept = co_await nap;
  {
    std::lock_guard lock(state->mutex);
    state->all.risen(due);
  }
  done->arrive(slept);
}

bool wake_in_order(troupe::runtime& rt, std::uint64_t n, bool ok) {
  completion done;
  done.expect(n);
  riser_state state(n, rt.workers() == 1);
  for (std::uint64_t i = 0; i < n; ++i) {
    rt.spawn(riser, i, &state, &done);
  }
  ok = done.wait().has_value() && ok;
  return state.all.print(ok);
}

/// Ends the runtime without waiting for sleepers that are due in an hour.
bool call_off(troupe::runtime& rt, bool ok) {
  rt.shutdown(0s);
  return ok;
}

// wake, submit

troupe::task<> stamp(clock::time_point* woken, std::binary_semaphore* stamped) {
  *woken = clock::now();
  stamped->release();
  co_return;
}

// `left` counts down to 0, where the last one ends the round; relaxed, as `completion` has a mutex.
void count_down(counter& left, completion& done) {
  if (left.fetch_sub(1, std::memory_order_relaxed) == 1) {
    done.arrive();
  }
}

}  // namespace

bool yield(const options& opts) {
  rotation watch(opts.workers == 1);
  completion done;
  troupe::runtime rt(configured(opts));
  auto n = opts.scaled(yields, yielders);
  bool ok = measure_time("ns/yield", done, yielders, n, yielders, 1,
                         [&](std::uint64_t turns) { rt.spawn(start_yielders, &rt, turns / yielders, &watch, &done); });
  return ok && watch.fair(n);
}

bool spawn_join(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  return measure_time("ns/pair", done, 1, opts.scaled(spawn_joins), 1, 1,
                      [&](std::uint64_t n) { rt.spawn(spawn_and_join, &rt, n, &done); });
}

bool sleepers(const options& opts) {
  counter asleep{0};
  troupe::runtime rt(configured(opts));
  auto n = opts.scaled(sleeper_count);
  auto before = resident_bytes();
  bool ok = put_to_sleep(rt, n, asleep);
  print_idle_memory(before, n, 0, ok, "bytes/sleeper");
  ok = measure_run("ns/timer", opts.scaled(timers_set), 1,
                   [&](std::uint64_t times) { return set_and_cancel(rt.scheduler(), times); }) &&
       ok;
  return call_off(rt, wake_in_order(rt, opts.scaled(early_risers), ok));
}

bool timer(const options& opts) {
  troupe::runtime rt(configured(opts));
  bool ok = measure_run("ns/timer", opts.scaled(timers_set), 1, [&](std::uint64_t n) {
    bool cancelled = true;
    for (std::uint64_t i = 0; i < n; ++i) {
      cancelled = rt.call_later(1h, [] {}).cancel() && cancelled;
    }
    return cancelled;
  });
  return call_off(rt, ok);
}

bool idle_sleepers(const options& opts) {
  counter asleep{0};
  troupe::runtime rt(configured(opts));
  bool ok = put_to_sleep(rt, opts.scaled(sleeper_count), asleep);
  return call_off(rt, measure_idle(opts, ok));
}

bool wake(const options& opts) {
  std::binary_semaphore stamped(0);
  troupe::runtime rt(configured(opts));
  return measure_wakes(opts, [&] {
    clock::time_point woken;
    auto begin = clock::now();
    rt.spawn(stamp, &woken, &stamped);
    stamped.acquire();
    return woken - begin;
  });
}

bool submit(const options& opts) {
  counter left{0};
  completion done;
  troupe::runtime rt(configured(opts));
  troupe::executor pool(rt);
  return measure_time("ns/job", done, 1, opts.scaled(jobs), 1, 1, [&](std::uint64_t n) {
    left.store(n, std::memory_order_relaxed);
    for (std::uint64_t i = 0; i < n; ++i) {
      pool.submit([&left, &done] { count_down(left, done); });
    }
  });
}

}  // namespace bench
