#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/condition_variable.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/semaphore.hpp>
#include <troupe/scheduler/sync_wait.hpp>
#include <troupe/scheduler/when_all.hpp>

#include "sync_fixture.hpp"

#include <atomic>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::task;
namespace this_task = troupe::this_task;

using Stop = Synchronisation;

TEST_F(Stop, ends_a_sleep_with_false_and_lets_the_green_thread_go_to_its_end) {
  auto t = troupe::spawn(home(), []() -> task<std::string> {
    const bool slept = co_await this_task::sleep_for(1h);
    co_return slept ? "slept" : "told";
  });
  t.request_stop();
  EXPECT_EQ(*t.get(), "told");
}

TEST_F(Stop, ends_each_kind_of_wait_and_all_to_come) {
  troupe::event never;
  troupe::semaphore none(0);
  troupe::channel<int> silent;
  troupe::mutex taken;
  troupe::promise<int> unkept(home());
  auto result = unkept.get_future();
  auto held = taken.scoped().get();
  const auto cancelled = [](auto f) -> task<int> {
    try {
      co_await f();
    } catch (const troupe::troupe_error& e) {
      co_return e.code() == errc::cancelled ? 1 : 0;
    }
    co_return 0;
  };
  auto t = troupe::spawn(home(), [&]() -> task<int> {
    int ended = 0;
    const auto event = [&]() -> task<> { co_await never.wait(); };
    const auto semaphore = [&]() -> task<> { co_await none.acquire(); };
    const auto mutex = [&]() -> task<> { co_await taken.lock(); };
    const auto fork = [&]() -> task<> { co_await troupe::fork_join(event(), event()); };
    const auto scope = [&]() -> task<> { co_await troupe::when_all(event(), event()); };
    ended += co_await cancelled(event);
    ended += co_await cancelled(semaphore);
    ended += co_await cancelled(mutex);
    ended += co_await cancelled(fork);
    ended += co_await cancelled(scope);
    const auto message = co_await silent.receive();
    if (!message && message.error() == errc::cancelled) ++ended;
    troupe::future<int>& unkept_result = result;
    const auto value = co_await unkept_result;
    if (!value && value.error() == errc::cancelled) ++ended;
    co_return ended;
  });
  t.request_stop();
  EXPECT_EQ(*t.get(), 7);
}

TEST_F(Stop, wakes_whoever_waits_already) {
  for (int round = 0; round != 100; ++round) {
    troupe::channel<int> silent;
    std::atomic<bool> begun{false};
    auto t = troupe::spawn(home(), [&]() -> task<bool> {
      begun = true;
      const auto message = co_await silent.receive();
      co_return !message && message.error() == errc::cancelled;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i != round; ++i) troupe::cpu_relax();
    t.request_stop();
    EXPECT_TRUE(*t.get());
  }
}

TEST_F(Stop, a_callable_that_takes_a_token_first_gets_it) {
  std::atomic<int> rounds{0};
  auto t = troupe::spawn(
      home(),
      [&](std::stop_token stop, int step) -> task<int> {
        while (!stop.stop_requested()) {
          rounds += step;
          co_await this_task::yield();
        }
        co_return 7;
      },
      2);
  while (rounds.load() == 0) std::this_thread::yield();
  EXPECT_FALSE(t.stop_token().stop_requested());
  t.request_stop();
  EXPECT_EQ(*t.get(), 7);
  EXPECT_TRUE(t.stop_token().stop_requested());
}

TEST_F(Stop, callbacks_of_the_token_run_in_the_request) {
  std::atomic<bool> begun{false};
  int called = 0;
  auto t = troupe::spawn(home(), [&]() -> task<> {
    const std::stop_callback callback(this_task::stop_token(), [&] { ++called; });
    begun = true;
    for (bool slept = true; slept;) slept = co_await this_task::sleep_for(1h);
  });
  while (!begun) std::this_thread::yield();
  t.request_stop();
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(t.get().has_value());
}

TEST_F(Stop, a_token_made_after_the_request_has_been_told) {
  std::atomic<bool> go{false};
  auto t = troupe::spawn(home(), [&]() -> task<bool> {
    while (!go) co_await this_task::yield();
    co_return this_task::stop_token().stop_requested() && this_task::stop_requested();
  });
  t.request_stop();
  go = true;
  EXPECT_TRUE(*t.get());
}

TEST_F(Stop, the_token_of_a_fork_is_that_of_its_green_thread) {
  auto t = troupe::spawn(home(), []() -> task<bool> {
    const auto look = []() -> task<std::stop_token> {
      co_await this_task::yield();
      co_return this_task::stop_token();
    };
    auto [a, b, c] = co_await troupe::fork_join(look(), look(), look());
    co_return a == b&& b == c&& a == this_task::stop_token();
  });
  EXPECT_TRUE(*t.get());
}

TEST_F(Stop, on_an_OS_thread_there_is_no_task) {
  EXPECT_EQ(this_task::id(), 0u);
  EXPECT_EQ(this_task::name(), "");
  EXPECT_FALSE(this_task::stop_token().stop_possible());
  EXPECT_FALSE(this_task::stop_requested());
}

TEST_F(Stop, a_green_thread_has_a_name_and_a_number_of_its_own) {
  const auto look = []() -> task<std::string> { co_return this_task::name() + std::to_string(this_task::id()); };
  auto a = troupe::spawn(home(), {.name = "reader"}, look);
  auto b = troupe::spawn(home(), {.name = "writer"}, look);
  EXPECT_EQ(a.name(), "reader");
  EXPECT_NE(a.id(), b.id());
  EXPECT_EQ(*a.get(), "reader" + std::to_string(a.id()));
  EXPECT_EQ(*b.get(), "writer" + std::to_string(b.id()));
  auto c = troupe::spawn(home(), []() -> task<std::string> { co_return this_task::name(); });
  EXPECT_TRUE(c.get()->starts_with("green thread "));
}

TEST_F(Stop, sync_wait_gives_the_value_or_throws_what_was_thrown) {
  const auto give = [](int n) -> task<int> {
    co_await this_task::yield();
    if (n < 0) throw std::out_of_range("negative");
    co_return n;
  };
  EXPECT_EQ(troupe::sync_wait(home(), give(3)), 3);
  EXPECT_THROW(troupe::sync_wait(home(), give(-3)), std::out_of_range);
  auto [a, b] = troupe::sync_wait(home(), troupe::when_all(give(1), give(2)));
  EXPECT_EQ(a + b, 3);
}

}  // namespace
