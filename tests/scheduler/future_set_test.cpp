#include <troupe/scheduler/future_set.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::future;
using troupe::promise;
using troupe::task;
using troupe::this_task::yield;

using positions = std::vector<std::size_t>;

class FutureSet : public testing::Test {
protected:
  ~FutureSet() override { pool->stop(troupe::timers::never); }
  troupe::scheduler& home() { return *pool; }

  /// Fills `promises` and `futures` anew.
  void promise_some(std::size_t n) {
    promises.clear();
    futures.clear();
    for (std::size_t i = 0; i != n; ++i) {
      promises.emplace_back(home());
      futures.push_back(promises.back().get_future());
    }
  }

  /// A thread that keeps all promises.
  std::thread keep_all() {
    return std::thread([this] {
      for (promise<int>& p : promises) p.give(1);
    });
  }

  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "set"});
  std::vector<promise<int>> promises;
  std::vector<future<int>> futures;
};

TEST_F(FutureSet, first_completed_tells_what_is_done_and_takes_nothing) {
  promise_some(3);
  promises[1].give(7);
  auto found = wait(futures, troupe::first_completed).get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->done, positions{1});
  EXPECT_EQ(found->not_done, (positions{0, 2}));
  EXPECT_EQ(futures[1].result(), 7);
  promises[0].give(8);
  EXPECT_EQ(futures[0].result(), 8);
}

TEST_F(FutureSet, first_exception_waits_for_a_failure_or_for_all) {
  promise_some(3);
  promises[0].give(1);
  EXPECT_EQ(wait(futures, troupe::first_exception, 1ms).get()->done, positions{0});
  promises[2].fail(troupe::error(errc::closed));
  EXPECT_EQ(wait(futures, troupe::first_exception).get()->done, (positions{0, 2}));

  auto fine = spawn(home(), []() -> task<int> { co_return 1; });
  std::vector<future<int>> all;
  all.push_back(std::move(fine));
  EXPECT_EQ(wait(all, troupe::first_exception).get()->done, positions{0});
}

TEST_F(FutureSet, all_completed_gives_up_at_the_end_of_its_time_and_leaves_the_futures_as_they_are) {
  promise_some(2);
  promises[0].give(1);
  auto found = wait(futures, troupe::all_completed, 2ms).get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->not_done, positions{1});
  EXPECT_TRUE(promises[1].give(2));
  EXPECT_EQ(wait(futures).get()->done, (positions{0, 1}));
  EXPECT_EQ(futures[1].result(), 2);
}

TEST_F(FutureSet, nothing_to_wait_for_is_no_wait) {
  EXPECT_TRUE(wait(futures, troupe::first_completed).get());
  EXPECT_EQ(troupe::as_completed(futures).next().get().error(), errc::closed);
  futures.emplace_back();
  EXPECT_THROW((void)wait(futures).get(), troupe::troupe_error);
}

TEST_F(FutureSet, as_completed_gives_them_in_the_order_in_which_they_are_done) {
  promise_some(3);
  troupe::as_completed arriving(futures);
  for (const std::size_t i : {2, 0, 1}) {
    EXPECT_EQ(arriving.next(1ms).get().error(), errc::timeout);
    promises[i].give(static_cast<int>(i));
    EXPECT_EQ(*arriving.next().get(), i);
  }
  EXPECT_EQ(arriving.next().get().error(), errc::closed);
}

TEST_F(FutureSet, a_range_for_walks_over_all_of_them) {
  std::vector<troupe::green_thread<int>> squares;
  for (int i = 0; i != 100; ++i) {
    squares.push_back(spawn(
        home(),
        [](int n) -> task<int> {
          if (n % 10 == 0) co_await yield();
          co_return n* n;
        },
        i));
  }
  int sum = 0;
  for (auto& f : troupe::as_completed(squares)) sum += f.result();
  EXPECT_EQ(sum, 328'350);
}

TEST_F(FutureSet, green_threads_wait_too) {
  promise_some(50);
  auto sum = spawn(
      home(),
      [](std::vector<future<int>>& all) -> task<int> {
        auto some = co_await wait(all, troupe::first_completed);
        int total = 1'000 * static_cast<int>(!some->done.empty());
        troupe::as_completed arriving(all);
        for (auto i = co_await arriving.next(); i; i = co_await arriving.next()) total += all[*i].result();
        auto rest = co_await wait(all);
        co_return total + static_cast<int>(rest->done.size());
      },
      std::ref(futures));
  for (int i = 0; i != 50; ++i) promises[static_cast<std::size_t>(i)].give(i);
  EXPECT_EQ(sum.result(), 1'000 + 50 * 49 / 2 + 50);
}

TEST_F(FutureSet, a_kill_ends_the_wait_of_a_green_thread_and_the_futures_stay) {
  promise_some(2);
  auto waiter = spawn(
      home(),
      [](std::vector<future<int>>& all) -> task<> {
        auto some = co_await wait(all);
        (void)some;
      },
      std::ref(futures));
  home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
  EXPECT_EQ(waiter.get().error(), errc::cancelled);
  EXPECT_TRUE(promises[0].give(1));
  EXPECT_EQ(futures[0].result(), 1);
}

// Results, ends of time and new waits race: each future is told once, and none is lost.
TEST_F(FutureSet, no_arrival_is_lost_or_given_twice_when_times_run_out) {
  for (int round = 0; round != 200; ++round) {
    promise_some(8);
    std::thread giver([&] {
      for (int i = 0; i != 8; ++i) promises[static_cast<std::size_t>(i)].give(i);
    });
    positions seen;
    troupe::as_completed arriving(futures);
    for (;;) {
      auto i = arriving.next(std::chrono::microseconds(round % 50)).get();
      if (i) seen.push_back(*i);
      if (!i && i.error() == errc::closed) break;
    }
    giver.join();
    std::sort(seen.begin(), seen.end());
    positions all(8);
    std::iota(all.begin(), all.end(), std::size_t{0});
    ASSERT_EQ(seen, all);
  }
}

TEST_F(FutureSet, sets_that_go_while_results_come_are_not_touched_any_more) {
  for (int round = 0; round != 200; ++round) {
    promise_some(4);
    std::thread giver = keep_all();
    for (int i = 0; i != 5; ++i) ASSERT_TRUE(wait(futures, troupe::first_completed, 1us).get());
    ASSERT_EQ(wait(futures).get()->done.size(), 4U);
    giver.join();
  }
}

// Under AddressSanitizer these show that a set leaves alone what the caller has taken.
TEST_F(FutureSet, a_future_that_was_given_may_be_moved_away_at_once) {
  for (int round = 0; round != 200; ++round) {
    promise_some(8);
    std::thread giver = keep_all();
    int sum = 0;
    troupe::as_completed arriving(futures);
    for (int i = 0; i != 6; ++i) sum += future<int>(std::move(futures[arriving.next().get().value()])).result();
    EXPECT_EQ(sum, 6);
    for (future<int>& f : arriving) sum += future<int>(std::move(f)).result();
    EXPECT_EQ(sum, 8);
    giver.join();
  }
}

TEST_F(FutureSet, what_is_done_may_be_taken_while_the_wait_is_there_and_others_are_completed) {
  for (const auto when : {troupe::first_completed, troupe::first_exception}) {
    for (int round = 0; round != 200; ++round) {
      promise_some(8);
      std::thread giver([&] {
        for (promise<int>& p : promises) p.fail(troupe::error(errc::closed));
      });
      {
        auto some = wait(futures, when);
        const auto found = some.get();
        for (const std::size_t i : found.value().done)
          EXPECT_EQ(future<int>(std::move(futures[i])).get().error(), errc::closed);
      }
      giver.join();
    }
  }
}

TEST_F(FutureSet, a_future_that_is_given_twice_or_stands_for_nothing_is_refused_by_its_place) {
  promise_some(3);
  const auto refusal = [](auto call) -> std::string {
    try {
      call();
    } catch (const troupe::troupe_error& e) {
      return e.code() == errc::invalid_argument ? e.what() : "another error";
    }
    return "none";
  };
  std::vector<future<int>*> some{&futures[0], &futures[1], &futures[2], &futures[1]};
  auto view = some | std::views::transform([](future<int>* f) -> future<int>& { return *f; });
  EXPECT_EQ(refusal([&] { (void)wait(view); }), "future 3 is the same as future 1");
  EXPECT_EQ(refusal([&] { troupe::as_completed arriving(view); }), "future 3 is the same as future 1");
  promises[1].give(1);
  EXPECT_EQ(refusal([&] { (void)wait(view); }), "future 3 is the same as future 1");
  const future<int> moved(std::move(futures[2]));
  EXPECT_EQ(refusal([&] { (void)wait(futures); }), "future 2 stands for nothing: it was moved from or never set");
}

}  // namespace
