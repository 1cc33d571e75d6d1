#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/blocking.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/executor.hpp>
#include <troupe/scheduler/sync_wait.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/thread.hpp>
#include <troupe/scheduler/timed_call.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct item {
  int n;
};
struct get_sum {};

class adder : public troupe::actor {
public:
  void on(const item& i) { sum_ += i.n; }
  int on(get_sum) const { return sum_; }

private:
  int sum_ = 0;
};

class reader : public troupe::actor {
public:
  troupe::task<std::string> on(int n) {
    auto text = co_await troupe::blocking([](int i) { return std::string(static_cast<std::size_t>(i), 'a'); }, n);
    co_return *text;
  }
};

TEST(ThreadsOfARuntime, jobs_and_threads_send_to_actors) {
  troupe::runtime rt({.workers = 2});
  auto a = rt.spawn<adder>();
  troupe::executor ex(rt, {.max_workers = 2});
  for (int i = 0; i != 100; ++i) ex.post([a] { a.send(item{1}); });
  EXPECT_TRUE(ex.shutdown());
  troupe::thread t(rt, "sender", [a] { a.send(item{1'000}); });
  EXPECT_TRUE(t.join());
  EXPECT_EQ(*a.ask(get_sum{}).get(), 1'100);
}

TEST(ThreadsOfARuntime, handlers_await_blocking_calls) {
  for (const auto& options : {troupe::runtime_options{.workers = 1}, troupe::runtime_options{.seed = 5}}) {
    troupe::runtime rt(options);
    EXPECT_EQ(*rt.spawn<reader>().ask(3).get(), "aaa");
  }
}

TEST(ThreadsOfARuntime, stand_in_its_list) {
  troupe::runtime rt({.workers = 1, .name = "app"});
  EXPECT_EQ(*troupe::blocking(rt, [] { return 1; }).get(), 1);
  std::vector<std::string> all;
  for (const troupe::thread_info& t : rt.threads()) all.push_back(t.name + " " + to_string(t.role));
  EXPECT_THAT(all, ElementsAre("app/keeper housekeeper", "app/0 worker", "app/block-0 blocking"));
}

TEST(ThreadsOfARuntime, a_shutdown_waits_for_the_jobs_that_are_queued) {
  std::atomic<int> done{0};
  troupe::runtime rt({.workers = 1});
  troupe::executor own(rt, {.max_workers = 2, .own_threads = true});
  troupe::executor pooled(rt, {.max_workers = 2});
  for (int i = 0; i != 50; ++i) {
    own.post([&] { ++done; });
    pooled.post([&] { ++done; });
  }
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(done, 100);
}

TEST(ThreadsOfARuntime, a_shutdown_asks_threads_to_stop_and_waits_for_them) {
  troupe::runtime rt({.workers = 1});
  troupe::thread t(rt, "patient", [](std::stop_token stop) {
    troupe::event stopped;
    std::stop_callback tell(stop, [&] { stopped.set(); });
    stopped.wait().get();
    return 7;
  });
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_FALSE(t.alive());
  EXPECT_EQ(*t.join(), 7);
}

TEST(ThreadsOfARuntime, a_shutdown_names_the_threads_that_are_stuck) {
  struct shared {
    troupe::event begun, go, over;
  };
  const auto s = std::make_shared<shared>();
  const auto hold = [s] {
    s->begun.set();
    s->go.wait().get();
    s->over.set();
  };
  {
    troupe::runtime rt({.workers = 1, .name = "app"});
    auto call = troupe::blocking(rt, hold);
    s->begun.wait().get();
    const troupe::shutdown_report report = rt.shutdown(10ms);
    ASSERT_EQ(report.stuck.size(), 1U);
    EXPECT_EQ(report.stuck[0].name, "thread app/block-0");
  }
  s->go.set();
  s->over.wait().get();
}

// The end comes while the green thread is queued, runs or has been told to stop: it is answered whenever that is.
TEST(ThreadsOfARuntime, a_shutdown_without_time_answers_whoever_waits_for_a_green_thread) {
  for (int round = 0; round != 100; ++round) {
    troupe::event begun;
    troupe::green_thread<void> busy;
    {
      troupe::runtime rt({.workers = 1});
      busy = rt.spawn([&begun]() -> troupe::task<> {
        for (;;) {
          begun.set();
          const auto until = std::chrono::steady_clock::now() + 20us;
          while (std::chrono::steady_clock::now() < until) {
          }
          co_await troupe::this_task::yield();
        }
      });
      begun.wait().get();
      (void)rt.shutdown(round % 2 ? 0ns : 1ms);
    }
    while (!busy.done()) std::this_thread::yield();  // a thread that was left behind does it
    EXPECT_EQ(busy.get().error(), troupe::errc::cancelled);
  }
}

TEST(ThreadsOfARuntime, what_is_spawned_behind_a_shutdown_has_an_error_at_once) {
  troupe::runtime rt({.workers = 1});
  (void)rt.shutdown(60s);
  const auto nothing = []() -> troupe::task<> { co_return; };
  EXPECT_EQ(troupe::spawn(rt.scheduler(), nothing).get().error(), troupe::errc::shutdown);
  const auto code = [](auto call) {
    try {
      call();
    } catch (const troupe::troupe_error& e) {
      return e.code();
    }
    return troupe::errc::not_found;
  };
  EXPECT_EQ(code([&] { troupe::sync_wait(rt.scheduler(), nothing()); }), troupe::errc::shutdown);
  EXPECT_EQ(code([&] { (void)rt.spawn(nothing); }), troupe::errc::shutdown);
}

TEST(ThreadsOfARuntime, a_handle_of_a_call_may_outlive_the_runtime) {
  troupe::timer_handle handle;
  {
    troupe::runtime rt({.workers = 1});
    handle = rt.call_later(1h, [] {});
    (void)rt.shutdown(0ns);
  }
  (void)handle.cancel();  // true if a thread that was left behind has not dropped the call yet
  EXPECT_FALSE(handle.cancel());
}

TEST(ThreadsOfARuntime, run_forever_ends_with_a_shutdown) {
  troupe::runtime rt({.workers = 1});
  std::thread keeper([&] { rt.run_forever(); });
  EXPECT_TRUE(rt.shutdown(10s).clean());
  keeper.join();
  rt.run_forever();
  rt.run_forever();
}

TEST(ThreadsOfARuntime, run_forever_keeps_one_thread) {
  troupe::runtime rt({.workers = 1});
  troupe::event refused;
  const auto stay = [&] {
    try {
      rt.run_forever();
    } catch (const troupe::troupe_error& e) {
      EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
      refused.set();
    }
  };
  std::thread a(stay);
  std::thread b(stay);
  refused.wait().get();
  rt.stop();
  a.join();
  b.join();
}

}  // namespace
