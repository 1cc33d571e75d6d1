#include <troupe/base/error.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <latch>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::current_worker;
using troupe::task;
using troupe::work_stealing_pool;

constexpr std::int64_t second = 1'000'000'000;

struct counting_job final : troupe::job {
  void run() noexcept override { runs.fetch_add(1); }
  std::atomic<int> runs{0};
};

/// So many jobs from each of three threads outside, which call `after(job, number)` when they have scheduled one.
template <class After>
void expect_each_runs_once(unsigned workers, int each, After after) {
  auto pool = work_stealing_pool::start({.workers = workers, .name = "pool"});
  std::vector<counting_job> jobs(static_cast<std::size_t>(3 * each));
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i != each; ++i) {
        counting_job& j = jobs[static_cast<std::size_t>(t * each + i)];
        pool->schedule(j);
        after(j, i);
      }
    });
  }
  for (auto& t : threads) t.join();
  ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
  for (auto& j : jobs) ASSERT_EQ(j.runs.load(), 1);
  EXPECT_TRUE(pool->stop(troupe::timers::never));
}

TEST(WorkStealingPool, runs_each_job_once_whoever_schedules_it) {
  expect_each_runs_once(3, 5'000, [](counting_job&, int) {});
}

TEST(WorkStealingPool, runs_each_job_once_that_comes_while_few_others_wait) {
  expect_each_runs_once(4, 200'000, [](counting_job& j, int i) {
    // So that one or two wait, and the workers look for them.
    while (i % 3 == 0 && j.runs.load() == 0) std::this_thread::yield();
  });
}

/// Schedules many others from within the pool: more than a ring holds.
struct spreading_job final : troupe::job {
  spreading_job(troupe::scheduler& s, std::vector<counting_job>& o) : home(s), others(o) {}
  void run() noexcept override {
    for (auto& j : others) home.schedule(j);
  }
  troupe::scheduler& home;
  std::vector<counting_job>& others;
};

TEST(WorkStealingPool, a_ring_that_overflows_loses_nothing) {
  auto pool = work_stealing_pool::start({.workers = 2, .name = "pool"});
  for (int round = 0; round != 20; ++round) {
    std::vector<counting_job> others(2'000);
    spreading_job spread(*pool, others);
    pool->schedule(spread);
    ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
    for (auto& j : others) ASSERT_EQ(j.runs.load(), 1);
  }
  pool->stop(troupe::timers::never);
}

TEST(WorkStealingPool, a_single_job_from_outside_wakes_a_sleeping_pool_every_time) {
  for (unsigned workers : {1u, 2u}) {
    auto pool = work_stealing_pool::start({.workers = workers, .name = "pool"});
    counting_job j;
    for (int round = 0; round != 3'000; ++round) {
      pool->schedule(j);
      const auto give_up = pool->now() + 60 * second;
      while (j.runs.load() != round + 1) ASSERT_LT(pool->now(), give_up) << "a wake was lost in round " << round;
      // Up to the moment at which the last searcher gives up, and beyond.
      for (int spin = 0; spin != round % 97 * 8; ++spin) troupe::cpu_relax();
    }
    pool->stop(troupe::timers::never);
  }
}

TEST(WorkStealingPool, is_not_quiescent_while_a_timer_is_armed_or_a_green_thread_runs) {
  auto pool = work_stealing_pool::start({.workers = 2, .name = "pool"});
  auto sleeps = troupe::spawn(*pool, []() -> task<> { co_await troupe::this_task::sleep_for(1h); });
  EXPECT_FALSE(pool->wait_quiescent(pool->now() + second / 100));
  pool->strands().for_each([](troupe::strand& s) { s.request_kill(); });
  EXPECT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
  EXPECT_TRUE(sleeps.done());
  std::atomic<bool> stop{false};
  auto runs = troupe::spawn(
      *pool,
      [](std::atomic<bool>& end) -> task<> {
        while (!end) co_await troupe::this_task::yield();
      },
      std::ref(stop));
  EXPECT_FALSE(pool->wait_quiescent(pool->now() + second / 100));
  stop = true;
  EXPECT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
  EXPECT_TRUE(runs.done());
  pool->stop(troupe::timers::never);
}

TEST(WorkStealingPool, quiescence_is_never_reported_while_work_is_on_its_way) {
  auto pool = work_stealing_pool::start({.workers = 2, .name = "pool"});
  for (int round = 0; round != 300; ++round) {
    std::atomic<int> left{20};
    for (int i = 0; i != 4; ++i) {
      auto dropped = troupe::spawn(
          *pool,
          [](std::atomic<int>& n, int k) -> task<> {
            for (int step = 0; step != 5; ++step) {
              if ((step + k) % 3 == 0)
                co_await troupe::this_task::sleep_for(std::chrono::microseconds(30 * k));
              else
                co_await troupe::this_task::yield();
              --n;
            }
          },
          std::ref(left), i);
    }
    ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
    ASSERT_EQ(left.load(), 0) << "round " << round;
  }
  pool->stop(troupe::timers::never);
}

TEST(WorkStealingPool, work_spreads_over_the_workers_when_one_blocks) {
  auto pool = work_stealing_pool::start({.workers = 3, .name = "pool", .stand_ins = 0});
  std::mutex mutex;
  std::set<std::string> names;
  std::latch all(3);
  for (int i = 0; i != 3; ++i) {
    auto dropped = troupe::spawn(
        *pool,
        [](std::mutex& m, std::set<std::string>& out, std::latch& others) -> task<> {
          others.arrive_and_wait();  // so each needs a worker of its own
          std::lock_guard guard(m);
          out.insert(troupe::current_worker()->name());
          co_return;
        },
        std::ref(mutex), std::ref(names), std::ref(all));
  }
  ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
  EXPECT_EQ(names, (std::set<std::string>{"pool/0", "pool/1", "pool/2"}));
  pool->stop(troupe::timers::never);
}

TEST(WorkStealingPool, stand_ins_come_when_workers_block_and_are_used_again) {
  auto pool = work_stealing_pool::start({.workers = 2, .name = "pool", .stand_ins = 3});
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> blocked{0};
    std::atomic<bool> go_on{false};
    for (int i = 0; i != 5; ++i) {
      auto dropped = troupe::spawn(
          *pool,
          [](std::atomic<int>& n, std::atomic<bool>& end) -> task<> {
            if (current_worker()->owner().begin_blocking()) {
              ++n;
              end.wait(false);
              current_worker()->owner().end_blocking();
            }
            co_return;
          },
          std::ref(blocked), std::ref(go_on));
    }
    // Whoever finds no stand-in left does not block, so that a worker stays for the opener.
    auto opener = troupe::spawn(
        *pool,
        [](std::atomic<bool>& end) -> task<> {
          end = true;
          end.notify_all();
          co_return;
        },
        std::ref(go_on));
    ASSERT_TRUE(opener.get(60s)) << "round " << round;
    ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
    ASSERT_LE(pool->inspect().size(), 5U);
    ASSERT_GE(blocked.load(), 1);
  }
  EXPECT_TRUE(pool->stop(pool->now() + 60 * second));
}

TEST(WorkStealingPool, a_worker_that_the_system_has_put_to_sleep_is_noticed_and_stood_in_for) {
  auto pool = work_stealing_pool::start({.workers = 1, .name = "pool"});
  std::atomic<bool> go_on{false};
  auto blocks = troupe::spawn(
      *pool,
      [](std::atomic<bool>& end) -> task<> {
        end.wait(false);  // a futex: nobody tells the pool
        co_return;
      },
      std::ref(go_on));
  auto opener = troupe::spawn(
      *pool,
      [](std::atomic<bool>& end) -> task<> {
        end = true;
        end.notify_all();
        co_return;
      },
      std::ref(go_on));
  EXPECT_TRUE(opener.get(60s));
  EXPECT_TRUE(blocks.get(60s));
  EXPECT_TRUE(pool->stop(pool->now() + 60 * second));
}

TEST(WorkStealingPool, a_worker_that_computes_for_long_gets_no_second_thread) {
  auto pool = work_stealing_pool::start({.workers = 1, .name = "pool"});
  std::atomic<int> ran{0};
  auto computes = troupe::spawn(*pool, []() -> task<> {
    const auto until = std::chrono::steady_clock::now() + 60ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    co_return;
  });
  auto other = troupe::spawn(
      *pool, [](std::atomic<int>& n) -> task<> { co_return void(++n); }, std::ref(ran));
  EXPECT_TRUE(other.get(60s));
  EXPECT_TRUE(computes.get(60s));
  EXPECT_EQ(pool->inspect().size(), 1U);
  pool->stop(troupe::timers::never);
}

TEST(WorkStealingPool, workers_stay_on_the_cores_that_they_are_given) {
  const std::vector<unsigned> cores = troupe::usable_cores();
  auto pool = work_stealing_pool::start({.workers = 2, .name = "pool", .cores = {cores.back()}});
  for (int i = 0; i != 10; ++i) {
    auto where = troupe::spawn(*pool, []() -> task<std::vector<unsigned>> { co_return troupe::usable_cores(); });
    auto seen = where.get();
    ASSERT_TRUE(seen);
    EXPECT_EQ(*seen, std::vector{cores.back()});
  }
  pool->stop(troupe::timers::never);
  EXPECT_THROW(work_stealing_pool::start({.workers = 1, .name = "pool", .cores = {100'000}}), troupe::troupe_error);
}

TEST(WorkStealingPool, options_out_of_range_are_refused) {
  EXPECT_THROW(work_stealing_pool::start({.workers = 1'025}), troupe::troupe_error);
  EXPECT_THROW(work_stealing_pool::start({.workers = 1, .budget = 0}), troupe::troupe_error);
}

TEST(WorkStealingPool, starts_and_stops_again_and_again) {
  for (int round = 0; round != 100; ++round) {
    auto pool = work_stealing_pool::start({.workers = 2, .name = "pool"});
    counting_job j;
    if (round % 2 == 0) {
      pool->schedule(j);
      ASSERT_TRUE(pool->wait_quiescent(pool->now() + 60 * second));
    }
    ASSERT_TRUE(pool->stop(troupe::timers::never));
  }
}

}  // namespace
