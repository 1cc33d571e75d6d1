#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/live_tasks.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/scope.hpp>
#include <troupe/scheduler/with_timeout.hpp>

#include "sync_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::task;
using troupe::task_info;
using troupe::task_state;
namespace this_task = troupe::this_task;

task<> wait_shortly() { co_await this_task::sleep_for(1us); }

class LiveTasks : public Synchronisation {
protected:
  /// Looks until the one with this name is in this state, and gives what it waits for.
  std::string wait_of(const std::string& name, task_state state) {
    for (;;) {
      for (const task_info& t : troupe::live_tasks(home()))
        if (t.name == name && t.state == state) return t.waits_for;
      std::this_thread::yield();
    }
  }
};

TEST_F(LiveTasks, are_listed_with_name_number_and_what_they_wait_for) {
  troupe::mutex accounts{"accounts"};
  troupe::event done;
  troupe::channel<int> orders;
  troupe::promise<int> answer(home());
  auto held = accounts.scoped().get();
  auto sleeper = troupe::spawn(home(), {.name = "sleeper"}, []() -> task<> { co_await this_task::sleep_for(1h); });
  auto locker = troupe::spawn(home(), {.name = "locker"}, [&]() -> task<> { co_await accounts.lock(); });
  auto waiter = troupe::spawn(home(), {.name = "waiter"}, [&]() -> task<> { co_await done.wait(); });
  auto reader = troupe::spawn(home(), {.name = "reader"}, [&]() -> task<> { (void)co_await orders.receive(); });
  auto asker = troupe::spawn(home(), {.name = "asker"}, [&]() -> task<> { (void)co_await answer.get_future(); });
  auto parent = troupe::spawn(home(), {.name = "parent"}, [&]() -> task<> {
    auto body = [](troupe::scope& s) -> task<> {
      auto dropped = s.spawn({.name = "child"}, []() -> task<> { co_await this_task::sleep_for(1h); });
      co_return;
    };
    co_await troupe::with_scope(body);
  });
  EXPECT_EQ(wait_of("sleeper", task_state::sleeping), "a sleep");
  EXPECT_EQ(wait_of("locker", task_state::waiting), "mutex \"accounts\"");
  EXPECT_EQ(wait_of("waiter", task_state::waiting), "event");
  EXPECT_TRUE(wait_of("reader", task_state::receiving).starts_with("channel<int"));
  EXPECT_EQ(wait_of("asker", task_state::waiting), "a future<int>");
  EXPECT_EQ(wait_of("parent", task_state::waiting), "the children of a scope");
  EXPECT_EQ(wait_of("child", task_state::sleeping), "a sleep");
  std::map<std::string, std::uint64_t> numbers;
  for (const task_info& t : troupe::live_tasks(home())) numbers[t.name] = t.id;
  EXPECT_EQ(numbers.size(), 7u);
  EXPECT_EQ(numbers["reader"], reader.id());
  kill_all();
  EXPECT_TRUE(home().wait_quiescent(troupe::timers::never));  // until then they may touch what they waited for
}

TEST_F(LiveTasks, are_given_no_number_by_the_list) {
  auto t = troupe::spawn(home(), []() -> task<> { co_await this_task::sleep_for(1h); });
  for (int i = 0; i != 2; ++i) EXPECT_EQ(troupe::live_tasks(home()).at(0).id, 0u);
  const std::uint64_t number = t.id();
  EXPECT_NE(number, 0u);
  EXPECT_EQ(troupe::live_tasks(home()).at(0).id, number);
  kill_all();
  EXPECT_TRUE(home().wait_quiescent(troupe::timers::never));
}

TEST_F(LiveTasks, one_that_runs_is_running) {
  std::atomic<bool> go_on{true};
  auto t = troupe::spawn(home(), {.name = "busy"}, [&]() -> task<> {
    while (go_on) std::this_thread::yield();
    co_return;
  });
  EXPECT_EQ(wait_of("busy", task_state::running), "");
  go_on = false;
  EXPECT_TRUE(t.get());
}

TEST_F(LiveTasks, may_be_listed_while_they_run_wait_and_are_called_off) {
  troupe::event never;
  std::atomic<bool> enough{false};
  std::vector<troupe::green_thread<int>> all;
  for (int i = 0; i != 8; ++i) {
    all.push_back(troupe::spawn(home(), [&]() -> task<int> {
      int rounds = 0;
      const auto wait = [&]() -> task<> { co_await never.wait(); };
      for (; !enough; ++rounds) {
        co_await this_task::sleep_for(1us);
        (void)co_await troupe::with_timeout(wait(), 10us);
        co_await troupe::fork_join(wait_shortly(), wait_shortly());
      }
      co_return rounds;
    }));
  }
  for (int i = 0; i != 100; ++i) EXPECT_GE(troupe::live_tasks(home()).size(), 8u);
  enough = true;
  for (auto& t : all) EXPECT_TRUE(t.get());
}

TEST_F(LiveTasks, a_stop_that_comes_while_they_are_described_is_not_lost) {
  for (int round = 0; round != 30; ++round) {
    auto t = troupe::spawn(home(), []() -> task<> {
      for (bool slept = true; slept;) slept = co_await this_task::sleep_for(1h);
    });
    std::atomic<bool> enough{false};
    std::thread looker([&] {
      while (!enough) (void)troupe::live_tasks(home());
    });
    t.request_stop();
    EXPECT_TRUE(t.get());
    enough = true;
    looker.join();
  }
}

}  // namespace
