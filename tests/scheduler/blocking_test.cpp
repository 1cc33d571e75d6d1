#include <troupe/scheduler/blocking.hpp>

#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/latch.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::blocking;
using troupe::errc;
using troupe::task;

using pool_ptr = std::shared_ptr<troupe::work_stealing_pool>;

pool_ptr pool_with(troupe::blocking_limits limits) {
  return troupe::work_stealing_pool::start({.workers = 1, .name = "calls", .blocking = limits});
}

std::vector<std::string> blocking_threads(const troupe::scheduler& s) {
  std::vector<std::string> names;
  for (const troupe::thread_info& t : troupe::threads(s)) {
    if (t.role == troupe::thread_role::blocking) names.push_back(t.name);
  }
  return names;
}

TEST(Blocking, gives_a_green_thread_what_a_function_returns_that_blocks) {
  const auto pool = pool_with({});
  auto twice = troupe::spawn(
      *pool,
      [](std::string text) -> task<std::string> {
        // The text is long enough to live outside of its string.
        auto call = blocking([text](const std::string& more) { return text + more; }, std::string(100, 'x'));
        auto r = co_await call;
        auto again = co_await blocking([](const std::string& a, const std::string& b) { return a + b; }, *r, text);
        co_return *again;
      },
      std::string(100, 'y'));
  EXPECT_EQ(*twice.get(), std::string(100, 'y') + std::string(100, 'x') + std::string(100, 'y'));
  pool->stop(troupe::timers::never);
}

TEST(Blocking, gives_the_exception_of_the_function) {
  const auto pool = pool_with({});
  const auto r = blocking(*pool, []() -> int { throw std::out_of_range("no such file"); }).get();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), errc::crashed);
  EXPECT_EQ(r.error().message(), "no such file");
  EXPECT_THROW(std::rethrow_exception(r.error().cause()), std::out_of_range);
  pool->stop(troupe::timers::never);
}

TEST(Blocking, holds_no_worker) {
  const auto pool = pool_with({});
  troupe::event go;
  auto blocked = troupe::spawn(
      *pool,
      [](troupe::event* e) -> task<bool> {
        auto r = co_await blocking([e] { e->wait().get(); });
        co_return r.has_value();
      },
      &go);
  auto setter = troupe::spawn(
      *pool,
      [](troupe::event* e) -> task<> {
        e->set();
        co_return;
      },
      &go);
  EXPECT_TRUE(setter.get());
  EXPECT_TRUE(*blocked.get());
  pool->stop(troupe::timers::never);
}

TEST(Blocking, calls_run_at_the_same_time_on_threads_that_are_listed) {
  const auto pool = pool_with({});
  troupe::latch all(4);
  std::vector<troupe::future<void>> calls;
  for (int i = 0; i != 3; ++i) calls.push_back(blocking(*pool, [&] { all.arrive_and_wait().get(); }));
  const auto listed = blocking_threads(*pool);
  all.arrive_and_wait().get();
  for (auto& c : calls) EXPECT_TRUE(c.get());
  EXPECT_LE(listed.size(), 3U);
  EXPECT_THAT(blocking_threads(*pool),
              testing::UnorderedElementsAre("calls/block-0", "calls/block-1", "calls/block-2"));
  EXPECT_TRUE(pool->stop(troupe::timers::never));
  EXPECT_TRUE(blocking_threads(*pool).empty());
}

TEST(Blocking, has_no_more_threads_than_its_limit) {
  const auto pool = pool_with({.threads = 2});
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<troupe::future<void>> calls;
  for (int i = 0; i != 100; ++i) {
    calls.push_back(blocking(*pool, [&] {
      const int now = ++running;
      int seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      --running;
    }));
  }
  for (auto& c : calls) EXPECT_TRUE(c.get());
  EXPECT_LE(most, 2);
  EXPECT_LE(blocking_threads(*pool).size(), 2U);
  pool->stop(troupe::timers::never);
}

TEST(Blocking, threads_that_have_nothing_to_do_for_a_time_go_and_come_back) {
  const auto pool = pool_with({.keep = 1ms});
  for (int i = 0; i != 3; ++i) {
    EXPECT_EQ(*blocking(*pool, [] { return 1; }).get(), 1);
    while (!blocking_threads(*pool).empty()) std::this_thread::yield();
  }
  pool->stop(troupe::timers::never);
}

TEST(Blocking, a_call_that_is_cancelled_before_it_begins_never_does) {
  const auto pool = pool_with({.threads = 1});
  troupe::event begun;
  troupe::event go;
  bool ran = false;
  auto first = blocking(*pool, [&] {
    begun.set();
    go.wait().get();
  });
  begun.wait().get();
  auto waiter = troupe::spawn(
      *pool, [](bool* r) -> task<> { (void)co_await blocking([r] { *r = true; }); }, &ran);
  pool->wait_quiescent(troupe::timers::never);
  pool->strands().for_each([](troupe::strand& s) { s.request_kill(); });
  EXPECT_EQ(waiter.get().error(), errc::cancelled);
  go.set();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(pool->stop(troupe::timers::never));
  EXPECT_FALSE(ran);
}

TEST(Blocking, a_call_that_has_begun_runs_to_its_end_and_its_result_is_dropped) {
  const auto pool = pool_with({});
  troupe::event begun;
  troupe::event go;
  std::atomic<bool> over{false};
  auto waiter = troupe::spawn(*pool, [&]() -> task<> {
    (void)co_await blocking([&] {
      begun.set();
      go.wait().get();
      over = true;
      return 1;
    });
  });
  begun.wait().get();
  pool->strands().for_each([](troupe::strand& s) { s.request_kill(); });
  EXPECT_EQ(waiter.get().error(), errc::cancelled);
  EXPECT_FALSE(over);
  go.set();
  EXPECT_TRUE(pool->stop(troupe::timers::never));
  EXPECT_TRUE(over);
}

TEST(Blocking, a_call_that_is_stuck_at_the_end_is_left_to_itself) {
  struct shared {
    troupe::event begun, go, over;
  };
  const auto s = std::make_shared<shared>();
  auto pool = pool_with({});
  auto stuck = blocking(*pool, [s] {
    s->begun.set();
    s->go.wait().get();
    s->over.set();
  });
  s->begun.wait().get();
  EXPECT_FALSE(pool->stop(pool->now() + 1'000'000));
  pool.reset();
  s->go.set();
  s->over.wait().get();
}

TEST(Blocking, says_so_on_a_thread_that_belongs_to_nobody_and_after_the_end) {
  const auto code = [](auto f) {
    try {
      f();
    } catch (const troupe::troupe_error& e) {
      return e.code();
    }
    return errc::io;
  };
  EXPECT_EQ(code([] { (void)blocking([] {}); }), errc::invalid_argument);
  EXPECT_EQ(code([] { pool_with({.threads = 0}); }), errc::invalid_argument);
  const auto pool = pool_with({});
  pool->stop(troupe::timers::never);
  EXPECT_EQ(code([&] { (void)blocking(*pool, [] {}); }), errc::shutdown);
}

/// Ends what its scheduler has of threads when it is moved into a call.
struct ender {
  explicit ender(troupe::scheduler& s) : home(&s) {}
  ender(const ender&) = default;
  ender(ender&& other) noexcept : home(other.home) { home->roster()->end(troupe::timers::never); }
  void operator()() const {}
  troupe::scheduler* home;
};

TEST(Blocking, the_pool_lives_while_a_call_is_handed_over) {
  const auto pool = pool_with({});
  const ender f(*pool);
  EXPECT_THROW((void)blocking(*pool, f), troupe::troupe_error);
  pool->stop(troupe::timers::never);
}

TEST(SeededBlocking, is_a_job_of_the_loop) {
  troupe::run_loop loop({.seed = 3});
  auto sum = troupe::spawn(loop, []() -> task<int> {
    auto a = blocking([] { return 40; });
    auto b = blocking([] { return 2; });
    co_await troupe::this_task::sleep_for(1h);
    const auto ra = co_await a;
    const auto rb = co_await b;
    co_return *ra + *rb;
  });
  EXPECT_EQ(*sum.get(), 42);
  EXPECT_TRUE(troupe::threads(loop).empty());
}

TEST(StrictBlocking, runs_beside_the_loop) {
  troupe::run_loop loop;
  auto r = troupe::spawn(loop, []() -> task<int> {
    const auto called = co_await blocking([] { return 42; });
    co_return *called;
  });
  EXPECT_EQ(*r.get(), 42);
  EXPECT_EQ(blocking_threads(loop).size(), 1U);
}

}  // namespace
