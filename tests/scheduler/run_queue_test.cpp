#include <troupe/scheduler/detail/run_queue.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace {

using troupe::detail::run_queue;

struct counted_job final : troupe::job {
  void run() noexcept override {}
  std::atomic<long> pushed{0};
  std::atomic<long> taken{0};
};

counted_job* as_counted(troupe::job* j) { return static_cast<counted_job*>(j); }

TEST(RunQueue, gives_jobs_back_in_the_order_pushed) {
  run_queue q;
  std::vector<counted_job> jobs(10);
  for (auto& j : jobs) EXPECT_TRUE(q.push(j));
  EXPECT_EQ(q.size(), 10u);
  for (auto& j : jobs) EXPECT_EQ(q.pop(), &j);
  EXPECT_EQ(q.pop(), nullptr);
  EXPECT_TRUE(q.empty());
}

TEST(RunQueue, refuses_a_job_when_full_and_overflow_gives_up_the_older_half) {
  run_queue q;
  std::vector<counted_job> jobs(run_queue::capacity + 1);
  for (std::uint32_t i = 0; i != run_queue::capacity; ++i) ASSERT_TRUE(q.push(jobs[i]));
  EXPECT_FALSE(q.push(jobs.back()));
  std::vector<troupe::job*> given_up;
  q.overflow([&](troupe::job& j) { given_up.push_back(&j); });
  ASSERT_EQ(given_up.size(), run_queue::capacity / 2);
  for (std::size_t i = 0; i != given_up.size(); ++i) EXPECT_EQ(given_up[i], &jobs[i]);
  EXPECT_TRUE(q.push(jobs.back()));
  EXPECT_EQ(q.pop(), &jobs[run_queue::capacity / 2]);
}

TEST(RunQueue, a_thief_takes_the_older_half_and_runs_the_last_of_it) {
  run_queue from;
  run_queue into;
  std::vector<counted_job> jobs(9);
  for (auto& j : jobs) ASSERT_TRUE(from.push(j));
  EXPECT_EQ(from.steal_into(into), &jobs[4]);
  for (int i = 0; i != 4; ++i) EXPECT_EQ(into.pop(), &jobs[static_cast<std::size_t>(i)]);
  EXPECT_EQ(into.pop(), nullptr);
  EXPECT_EQ(from.pop(), &jobs[5]);
  EXPECT_EQ(from.size(), 3u);
}

TEST(RunQueue, a_single_job_can_be_stolen_and_an_empty_ring_gives_nothing) {
  run_queue from;
  run_queue into;
  counted_job j;
  EXPECT_EQ(from.steal_into(into), nullptr);
  ASSERT_TRUE(from.push(j));
  EXPECT_EQ(from.steal_into(into), &j);
  EXPECT_TRUE(from.empty());
  EXPECT_TRUE(into.empty());
}

TEST(RunQueue, indices_wrap_around_many_times) {
  run_queue q;
  run_queue thief;
  std::vector<counted_job> jobs(100);
  for (int round = 0; round != 100; ++round) {
    for (auto& j : jobs) ASSERT_TRUE(q.push(j));
    std::size_t got = 0;
    while (q.steal_into(thief)) {
      ++got;
      while (thief.pop()) ++got;
    }
    EXPECT_EQ(got, jobs.size());
  }
}

/// Two rings whose owners push, pop and steal, and two thieves: each job that goes in comes out once.
TEST(RunQueue, under_contention_every_job_is_taken_exactly_once) {
  auto first = std::make_unique<run_queue>();
  auto second = std::make_unique<run_queue>();
  std::atomic<bool> stop{false};
  const auto take = [](troupe::job* j) {
    if (j) ++as_counted(j)->taken;
  };
  const auto drain = [&](run_queue& q) {
    while (troupe::job* j = q.pop()) take(j);
  };
  const auto fill = [](run_queue& q, std::vector<counted_job>& own, std::size_t& next) {
    for (std::uint32_t i = 0; i != run_queue::capacity; ++i) {
      counted_job& j = own[next % own.size()];
      ++j.pushed;
      if (!q.push(j)) {
        --j.pushed;
        return;
      }
      ++next;
    }
  };
  std::vector<counted_job> of_first(50'000);
  std::vector<counted_job> of_second(50'000);
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&] {
      auto mine = std::make_unique<run_queue>();
      while (!stop.load()) {
        take(first->steal_into(*mine));
        drain(*mine);
      }
    });
  }
  threads.emplace_back([&] {
    std::size_t next = 0;
    while (!stop.load()) {
      fill(*second, of_second, next);
      for (int i = 0; i != 100; ++i) take(second->pop());
    }
    drain(*second);
  });
  std::size_t next = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(800);
  while (std::chrono::steady_clock::now() < until) {
    fill(*first, of_first, next);
    drain(*first);
    take(second->steal_into(*first));
    drain(*first);
  }
  stop = true;
  for (auto& t : threads) t.join();
  drain(*first);
  long wrong = 0;
  for (auto* jobs : {&of_first, &of_second}) {
    for (auto& j : *jobs) wrong += j.pushed != j.taken ? 1 : 0;
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
