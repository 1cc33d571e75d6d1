#include <troupe/scheduler/blocking.hpp>
#include <troupe/scheduler/executor.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/scope.hpp>
#include <troupe/scheduler/task_local.hpp>
#include <troupe/scheduler/thread.hpp>
#include <troupe/scheduler/timed_call.hpp>
#include <troupe/scheduler/when_all.hpp>
#include <troupe/scheduler/worker.hpp>

#include "sync_fixture.hpp"

#include <atomic>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::task;
namespace this_task = troupe::this_task;

troupe::task_local<std::string> user("nobody");
troupe::task_local<int> depth;

using TaskLocal = Synchronisation;

task<std::string> look() {
  co_await this_task::yield();
  co_return *user;
}

TEST_F(TaskLocal, is_its_default_where_nobody_has_set_it) {
  EXPECT_EQ(*user, "nobody");
  EXPECT_EQ(depth.get(), 0);
  EXPECT_EQ(*troupe::spawn(home(), look).get(), "nobody");
}

TEST_F(TaskLocal, is_set_until_the_end_of_the_block_and_each_sees_its_own) {
  std::vector<troupe::future<bool>> all;
  for (int i = 0; i != 50; ++i) {
    all.push_back(troupe::spawn(
        home(),
        [](int n) -> task<bool> {
          const auto outer = depth.set(n);
          bool good = true;
          for (int round = 0; round != 5; ++round) {
            {
              const auto inner = depth.set(-n);
              co_await this_task::yield();
              good = good && *depth == -n;
            }
            co_await this_task::sleep_for(100us);
            good = good && *depth == n;
          }
          co_return good;
        },
        i));
  }
  for (auto& f : all) EXPECT_TRUE(*f.get());
}

TEST_F(TaskLocal, is_seen_by_what_is_spawned_meanwhile_and_kept_for_it) {
  troupe::future<std::string> later;
  {
    const auto bound = user.set("alice");
    later = troupe::spawn(home(), []() -> task<std::string> {
      co_await this_task::sleep_for(2ms);

      auto f = troupe::spawn(troupe::current_worker()->owner(), look);
      auto seen = co_await f;
      co_return *user + "/" + *seen;
    });
  }
  EXPECT_EQ(*user, "nobody");
  EXPECT_EQ(*later.get(), "alice/alice");
}

TEST_F(TaskLocal, is_seen_by_children_of_scopes_and_of_forks) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    const auto bound = user.set("bob");
    auto body = [](troupe::scope& s) -> task<std::string> {
      auto child = s.spawn(look);
      auto seen = co_await child;
      co_return *seen;
    };
    std::string text = co_await troupe::with_scope(body);
    auto [a, b] = co_await troupe::when_all(look(), look());
    auto [c, d, e] = co_await troupe::fork_join(look(), look(), look());
    co_return text + a + b + c + d + e;
  });
  EXPECT_EQ(*f.get(), "bobbobbobbobbobbob");
}

TEST_F(TaskLocal, what_a_child_sets_is_not_seen_by_its_parent_or_its_siblings) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    const auto child = [](std::string name) -> task<std::string> {
      const auto bound = user.set(name);
      co_await this_task::sleep_for(1ms);
      co_return *user;
    };
    auto [a, b] = co_await troupe::fork_join(child("a"), child("b"));
    auto [c, d] = co_await troupe::when_all(child("c"), child("d"));
    co_return a + b + c + d + *user;
  });
  EXPECT_EQ(*f.get(), "abcdnobody");
}

TEST_F(TaskLocal, a_kill_frees_the_values) {
  static std::atomic<int> alive;
  struct counted {
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted& operator=(const counted&) = default;
    ~counted() { --alive; }
  };
  static troupe::task_local<counted> variable;
  alive = 0;
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> begun{0};
    auto f = troupe::spawn(home(), [&]() -> task<> {
      const auto branch = [&]() -> task<> {
        const auto bound = variable.set({});
        ++begun;
        co_await this_task::sleep_for(1h);
      };
      co_await troupe::fork_join(branch(), branch(), branch());
    });
    while (begun.load() != 3) std::this_thread::yield();
    kill_all();
    (void)f.get();
    ASSERT_TRUE(home().wait_quiescent(troupe::timers::never));
    ASSERT_EQ(alive.load(), 0);
  }
}

TEST_F(TaskLocal, is_seen_by_calls_that_are_made_later_and_by_blocking_ones) {
  auto asked = troupe::spawn(
      home(),
      [](troupe::scheduler& s) -> task<std::string> {
        std::vector<troupe::promise<std::string>> seen;
        std::vector<troupe::future<std::string>> all;
        for (int i = 0; i != 3; ++i) all.push_back(seen.emplace_back(s).get_future());
        {
          const auto bound = user.set("ann");
          call_soon(s, [p = std::move(seen[0])]() mutable { p.give(*user); });
          call_later(s, 1ms, [p = std::move(seen[1])]() mutable { p.give(*user); });
          call_at(s, std::chrono::steady_clock::now(), [p = std::move(seen[2])]() mutable { p.give(*user); });
          all.push_back(troupe::blocking([] { return *user; }));
        }
        std::string text;
        for (auto& f : all) {
          auto r = co_await f;
          text += *r + " ";
        }
        auto unset = troupe::blocking([] { return *user; });
        auto r = co_await unset;
        co_return text + *r;
      },
      std::ref(home()));
  EXPECT_EQ(*asked.get(), "ann ann ann ann nobody");
}

TEST_F(TaskLocal, of_a_call_are_seen_by_what_it_spawns_and_gone_after_it) {
  std::string seen;
  troupe::run_loop loop;
  {
    const auto bound = user.set("eve");
    call_soon(loop, [&] { seen += *troupe::spawn(home(), look).get() + " "; });
  }
  call_soon(loop, [&] { seen += *user; });
  const auto own = user.set("driver");  // whose thread makes the calls
  loop.run();
  EXPECT_EQ(seen, "eve nobody");
  EXPECT_EQ(*user, "driver");
}

// As in Python, where the pools of concurrent.futures and threads begin without.
TEST_F(TaskLocal, is_not_seen_by_jobs_of_executors_and_threads) {
  const auto bound = user.set("ann");
  troupe::executor jobs(home(), {.max_workers = 1});
  EXPECT_EQ(*jobs.submit([] { return *user; }).get(), "nobody");
  troupe::thread t(home(), "t", [] { return *user; });
  EXPECT_EQ(*t.join(), "nobody");
}

}  // namespace
