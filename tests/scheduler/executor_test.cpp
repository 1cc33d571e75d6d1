#include <troupe/scheduler/executor.hpp>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/latch.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <memory>
#include <numeric>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using troupe::errc;
using troupe::executor;
using troupe::executor_options;

/// Both kinds: on the workers of a pool, and with threads of its own.
class Executor : public testing::TestWithParam<bool> {
protected:
  ~Executor() override { pool->stop(troupe::timers::never); }

  executor_options of(unsigned workers) const { return {.max_workers = workers, .own_threads = GetParam()}; }

  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "jobs"});
};

INSTANTIATE_TEST_SUITE_P(, Executor, testing::Bool(),
                         [](const auto& i) { return i.param ? "own_threads" : "workers_of_the_pool"; });

bool throws(errc code, const std::function<void()>& f) {
  try {
    f();
  } catch (const troupe::troupe_error& e) {
    return e.code() == code;
  }
  return false;
}

TEST_P(Executor, gives_what_a_callable_returns) {
  executor ex(*pool, of(2));
  auto sum = ex.submit([](int a, std::unique_ptr<int> b) { return a + *b; }, 40, std::make_unique<int>(2));
  auto nothing = ex.submit([] {});
  EXPECT_EQ(*sum.get(), 42);
  EXPECT_TRUE(nothing.get());
}

TEST_P(Executor, gives_the_text_and_the_exception_of_a_job_that_throws) {
  executor ex(*pool, of(1));
  auto bad = ex.submit([]() -> int { throw std::out_of_range("no such line"); });
  const auto r = bad.get();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), errc::crashed);
  EXPECT_EQ(r.error().message(), "no such line");
  EXPECT_THROW(std::rethrow_exception(r.error().cause()), std::out_of_range);
}

TEST_P(Executor, runs_no_more_jobs_at_a_time_than_it_has_workers) {
  executor ex(*pool, of(2));
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<troupe::future<void>> all;
  for (int i = 0; i != 200; ++i) {
    all.push_back(ex.submit([&] {
      const int now = ++running;
      int seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::yield();
      --running;
    }));
  }
  for (auto& f : all) EXPECT_TRUE(f.get());
  EXPECT_LE(most, 2);
}

TEST_P(Executor, as_many_jobs_as_it_has_workers_run_at_the_same_time) {
  executor ex(*pool, of(2));
  troupe::latch both(2);
  auto one = ex.submit([&] { both.arrive_and_wait().get(); });
  auto two = ex.submit([&] { both.arrive_and_wait().get(); });
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(two.get());
}

TEST_P(Executor, with_one_worker_runs_jobs_in_the_order_submitted) {
  std::vector<int> order;
  {
    executor ex(*pool, of(1));
    for (int i = 0; i != 1'000; ++i) ex.post([&order, i] { order.push_back(i); });
  }
  std::vector<int> expected(1'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST_P(Executor, jobs_come_from_many_threads_and_none_is_lost) {
  std::atomic<long> sum{0};
  {
    executor ex(*pool, of(2));
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 1; i <= 5'000; ++i) ex.post([&sum, i] { sum += i; });
      });
    }
    for (auto& t : threads) t.join();
  }
  EXPECT_EQ(sum, 4L * 5'000 * 5'001 / 2);
}

TEST_P(Executor, a_job_that_is_cancelled_before_it_begins_never_runs) {
  executor ex(*pool, of(1));
  troupe::event go;
  bool ran = false;
  auto first = ex.submit([&] { go.wait().get(); });
  auto second = ex.submit([&] { ran = true; });
  EXPECT_TRUE(second.cancel());
  go.set();
  EXPECT_TRUE(first.get());
  const auto cancelled = second.get();
  EXPECT_EQ(cancelled.error(), errc::cancelled);
  EXPECT_EQ(cancelled.error().message(), "the future was cancelled by cancel()");
  EXPECT_TRUE(ex.shutdown());
  EXPECT_FALSE(ran);
}

TEST_P(Executor, a_job_that_has_begun_is_running_and_cannot_be_cancelled) {
  executor ex(*pool, of(1));
  troupe::event begun;
  troupe::event go;
  auto job = ex.submit([&] {
    begun.set();
    go.wait().get();
    return 7;
  });
  begun.wait().get();
  EXPECT_TRUE(job.running());
  EXPECT_FALSE(job.cancel());
  go.set();
  EXPECT_EQ(*job.get(), 7);
}

TEST_P(Executor, shutdown_waits_for_all_jobs_and_takes_no_more) {
  executor ex(*pool, of(2));
  std::atomic<int> done{0};
  for (int i = 0; i != 100; ++i) ex.post([&] { ++done; });
  EXPECT_TRUE(ex.shutdown());
  EXPECT_EQ(done, 100);
  EXPECT_TRUE(throws(errc::shutdown, [&] { ex.post([] {}); }));
  EXPECT_TRUE(throws(errc::shutdown, [&] { (void)ex.submit([] { return 1; }); }));
  EXPECT_TRUE(ex.shutdown());
}

TEST_P(Executor, shutdown_that_cancels_lets_go_what_has_not_begun_at_once) {
  executor ex(*pool, of(1));
  troupe::event begun;
  troupe::event go;
  auto first = ex.submit([&] {
    begun.set();
    go.wait().get();
  });
  auto second = ex.submit([] {});
  begun.wait().get();
  EXPECT_TRUE(ex.shutdown({.wait = false, .cancel_pending = true}));
  const auto refused = second.get();  // while the first still runs
  EXPECT_EQ(refused.error(), errc::cancelled);
  EXPECT_NE(refused.error().message().find("was shut down with cancel_pending"), std::string::npos)
      << refused.error().message();
  EXPECT_TRUE(throws(errc::shutdown, [&] { (void)ex.submit([] {}); }));
  EXPECT_FALSE(ex.ended(0ms).get());
  go.set();
  EXPECT_TRUE(ex.ended().get());
  EXPECT_TRUE(first.get());
}

TEST_P(Executor, a_job_that_shuts_its_executor_down_does_not_wait_for_itself) {
  executor ex(*pool, of(1));
  auto r = ex.submit([&] { return ex.shutdown().error() == errc::would_deadlock; }).get();
  EXPECT_TRUE(*r);
}

TEST_P(Executor, green_threads_await_jobs_and_the_end) {
  executor ex(*pool, of(2));
  auto sum = troupe::spawn(
      *pool,
      [](executor* e) -> troupe::task<int> {
        auto a = e->submit([] { return 1; });
        auto b = e->submit([] { return 2; });
        const auto ra = co_await a;
        const auto rb = co_await b;
        (void)e->shutdown({.wait = false});
        auto all = e->ended();
        const auto ended = co_await all;
        co_return *ra + *rb + (ended ? 100 : 0);
      },
      &ex);
  EXPECT_EQ(*sum.get(), 103);
}

TEST_P(Executor, map_gives_results_in_the_order_of_the_inputs) {
  executor ex(*pool, of(2));
  std::vector<int> inputs(500);
  std::iota(inputs.begin(), inputs.end(), 0);
  for (const std::size_t chunk : std::array<std::size_t, 3>{1, 7, 1'000}) {
    int expected = 0;
    for (long square : ex.map([](int i) { return long{i} * i; }, inputs, {.chunk_size = chunk})) {
      EXPECT_EQ(square, long{expected} * expected);
      ++expected;
    }
    EXPECT_EQ(expected, 500);
  }
}

TEST_P(Executor, map_of_nothing_gives_nothing) {
  executor ex(*pool, of(2));
  EXPECT_TRUE(ex.map([](int i) { return i; }, std::vector<int>()).get().empty());
  EXPECT_EQ(ex.map([](int i) { return i; }, std::vector<int>()).next_now().error(), errc::closed);
  EXPECT_TRUE(throws(errc::invalid_argument,
                     [&] { (void)ex.map([](int i) { return i; }, std::vector<int>(), {.chunk_size = 0}); }));
}

TEST_P(Executor, an_exception_in_a_map_comes_out_at_its_place) {
  executor ex(*pool, of(2));
  const auto half = [](int i) {
    if (i % 2 != 0) throw std::domain_error("odd: " + std::to_string(i));
    return i / 2;
  };
  for (const std::size_t chunk : std::array<std::size_t, 2>{1, 3}) {
    auto results = ex.map(half, std::array{2, 4, 5, 8}, {.chunk_size = chunk});
    std::vector<std::string> seen;
    for (;;) {
      const auto r = results.next_now();
      if (!r && r.error() == errc::closed) break;
      seen.push_back(r ? std::to_string(*r) : r.error().message());
    }
    EXPECT_THAT(seen, ElementsAre("1", "2", "odd: 5", "4"));
  }
}

TEST_P(Executor, an_exception_ends_the_loop_over_a_map_and_is_what_was_thrown) {
  executor ex(*pool, of(2));
  const auto half = [](int i) {
    if (i % 2 != 0) throw std::domain_error("odd: " + std::to_string(i));
    return i / 2;
  };
  EXPECT_THROW((void)ex.map(half, std::array{2, 3}).get(), std::domain_error);
  for (const std::size_t chunk : std::array<std::size_t, 2>{1, 3}) {
    auto results = ex.map(half, std::array{2, 5, 6, 8}, {.chunk_size = chunk});
    std::vector<int> seen;
    EXPECT_THROW(std::ranges::copy(results, std::back_inserter(seen)), std::domain_error);
    EXPECT_THAT(seen, ElementsAre(1));
    EXPECT_TRUE(results.begin() == results.end());
    EXPECT_EQ(results.next_now().error(), errc::closed);
  }
}

/// Counts the copies of itself.
struct counted {
  explicit counted(int& n) : copies(&n) {}
  counted(const counted& other) : copies(other.copies) { ++*copies; }
  counted(counted&&) = default;
  int* copies;
};

TEST_P(Executor, map_moves_the_elements_of_a_temporary_and_copies_others) {
  executor ex(*pool, of(1));
  int copies = 0;
  const auto one = [](const counted&) { return 1; };
  std::vector<counted> inputs;
  inputs.reserve(2);
  inputs.emplace_back(copies);
  inputs.emplace_back(copies);
  EXPECT_EQ(ex.map(one, inputs).get().size(), 2U);
  EXPECT_EQ(copies, 2);
  EXPECT_EQ(ex.map(one, std::span(inputs)).get().size(), 2U);
  EXPECT_EQ(copies, 4);
  EXPECT_EQ(ex.map(one, std::move(inputs)).get().size(), 2U);
  EXPECT_EQ(copies, 4);
}

/// Throws when it is moved for the second time: on its way into the job.
struct unwilling {
  unwilling() = default;
  unwilling(const unwilling&) = default;
  unwilling(unwilling&& other) : moves(other.moves + 1) {
    if (moves == 2) throw std::runtime_error("not movable");
  }
  int operator()() const { return 1; }
  int moves = 0;
  std::array<char, 3'000> size{};
};

TEST_P(Executor, a_job_that_cannot_be_made_leaves_no_memory_behind) {
  executor ex(*pool, of(1));
  const auto before = troupe::pool_stats().in_use;  // counts what threads have at hand as well
  for (int i = 0; i != 1'000; ++i) EXPECT_THROW((void)ex.submit(unwilling()), std::runtime_error);
  EXPECT_LT(troupe::pool_stats().in_use, before + 1'000'000);
}

TEST_P(Executor, a_map_whose_time_is_over_says_so) {
  troupe::event go;  // outlives the jobs that wait for it
  executor ex(*pool, of(1));
  auto results = ex.map([&](int i) { return go.wait().get(), i; }, std::array{1, 2}, {.timeout = 1ms});
  EXPECT_EQ(results.next_now().error(), errc::timeout);
  go.set();
  EXPECT_EQ(results.next_now().error(), errc::closed);  // what came late would not match the elements
}

TEST_P(Executor, green_threads_read_a_map) {
  executor ex(*pool, of(2));
  auto sum = troupe::spawn(
      *pool,
      [](executor* e) -> troupe::task<int> {
        auto results = e->map([](int i) { return 10 * i; }, std::array{1, 2, 3}, {.chunk_size = 2});
        int digits = 0;
        for (;;) {
          auto next = results.next();
          const auto r = co_await next;
          if (!r) break;
          digits = digits * 100 + *r;
        }
        co_return digits;
      },
      &ex);
  EXPECT_EQ(*sum.get(), 102030);
}

TEST_P(Executor, ends_with_its_scheduler) {
  auto own = troupe::work_stealing_pool::start({.workers = 1, .name = "short"});
  executor ex(*own, of(1));
  EXPECT_EQ(*ex.submit([] { return 1; }).get(), 1);
  EXPECT_TRUE(own->stop(troupe::timers::never));
  EXPECT_TRUE(throws(errc::shutdown, [&] { ex.post([] {}); }));
  EXPECT_TRUE(throws(errc::shutdown, [&] { executor late(*own); }));
}

TEST_P(Executor, refuses_more_workers_than_there_can_be) {
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { executor ex(*pool, of(1'025)); }));
}

class OwnThreads : public Executor {};
INSTANTIATE_TEST_SUITE_P(, OwnThreads, testing::Values(true), [](const auto&) { return "of_an_executor"; });

TEST_P(OwnThreads, have_names_and_are_listed) {
  executor ex(*pool, {.max_workers = 2, .name = "files", .own_threads = true});
  troupe::latch both(3);
  const auto name_and_id = [&] {
    both.arrive_and_wait().get();
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return std::pair(std::string(name.data()), gettid());
  };
  auto a = ex.submit(name_and_id);
  auto b = ex.submit(name_and_id);
  both.arrive_and_wait().get();
  const std::set<std::pair<std::string, int>> seen{*a.get(), *b.get()};
  std::set<std::pair<std::string, int>> listed;
  for (const troupe::thread_info& t : troupe::threads(*pool)) {
    if (t.role == troupe::thread_role::executor) listed.emplace(t.name, t.native_id);
  }
  EXPECT_EQ(seen, listed);
  EXPECT_EQ(seen.begin()->first, "files-0");
  EXPECT_EQ(seen.rbegin()->first, "files-1");
}

TEST_P(OwnThreads, are_made_when_they_are_wanted_and_not_before) {
  executor ex(*pool, {.max_workers = 100, .own_threads = true});
  const auto before = troupe::threads(*pool).size();
  EXPECT_EQ(*ex.submit([] { return 1; }).get(), 1);
  EXPECT_EQ(troupe::threads(*pool).size(), before + 1);
}

TEST_P(OwnThreads, run_the_initializer_once_each) {
  static thread_local int connection = 0;
  std::atomic<int> made{0};
  executor ex(*pool, {.max_workers = 2, .own_threads = true, .initializer = [&] { connection = ++made; }});
  troupe::latch both(2);
  const auto use = [&] {
    both.arrive_and_wait().get();
    return connection;
  };
  auto a = ex.submit(use);
  auto b = ex.submit(use);
  EXPECT_THAT((std::set{*a.get(), *b.get()}), ElementsAre(1, 2));
  for (int i = 0; i != 10; ++i) EXPECT_GT(*ex.submit([] { return connection; }).get(), 0);
  EXPECT_EQ(made, 2);
}

TEST_P(OwnThreads, an_initializer_that_throws_breaks_the_executor) {
  troupe::event go;
  executor ex(*pool, {.max_workers = 1, .name = "db", .own_threads = true, .initializer = [&] {
                        go.wait().get();
                        throw std::runtime_error("no route to host");
                      }});
  auto a = ex.submit([] { return 1; });
  auto b = ex.submit([] { return 2; });
  go.set();
  for (auto* f : {&a, &b}) {
    const auto r = f->get();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::crashed);
    EXPECT_EQ(r.error().message(), "the initializer of executor \"db\" threw: no route to host");
  }
  EXPECT_TRUE(throws(errc::crashed, [&] { ex.post([] {}); }));
}

TEST_P(OwnThreads, only_they_take_an_initializer) {
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { executor ex(*pool, {.initializer = [] {}}); }));
}

TEST_P(OwnThreads, that_are_stuck_at_the_end_of_the_scheduler_are_left_to_themselves) {
  struct shared {
    troupe::event begun, go, over;
  };
  const auto s = std::make_shared<shared>();
  auto own = troupe::work_stealing_pool::start({.workers = 1, .name = "short"});
  {
    executor ex(*own, {.max_workers = 1, .own_threads = true});
    ex.post([s] {
      s->begun.set();
      s->go.wait().get();
      s->over.set();
    });
    s->begun.wait().get();
    EXPECT_FALSE(own->stop(own->now() + 1'000'000));
  }  // does not wait for it
  s->go.set();
  s->over.wait().get();
}

TEST(SeededExecutor, runs_its_jobs_on_the_loop_in_the_same_order_each_time) {
  const auto run = [](std::uint64_t seed, bool own) {
    troupe::run_loop loop({.seed = seed});
    std::vector<int> order;
    {
      executor ex(loop, {.max_workers = 3, .own_threads = own});
      executor other(loop, {.max_workers = 1});
      for (int i = 0; i != 10; ++i) {
        ex.post([&, i] { order.push_back(i); });
        other.post([&, i] { order.push_back(100 + i); });
      }
    }
    EXPECT_EQ(order.size(), 20U);
    EXPECT_TRUE(troupe::threads(loop).empty());
    return order;
  };
  for (bool own : {false, true}) {
    EXPECT_EQ(run(1, own), run(1, own));
    std::set<std::vector<int>> orders;
    for (std::uint64_t seed = 0; seed != 10; ++seed) orders.insert(run(seed, own));
    EXPECT_GT(orders.size(), 1U);
  }
}

TEST(SeededExecutor, gives_results_to_whoever_drives_the_loop) {
  troupe::run_loop loop({.seed = 7});
  executor ex(loop);
  EXPECT_EQ(*ex.submit([] { return 42; }).get(), 42);
  EXPECT_THAT(ex.map([](int i) { return i + 1; }, std::array{1, 2, 3}).get(), ElementsAre(2, 3, 4));
}

}  // namespace
