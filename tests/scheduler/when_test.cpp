#include <troupe/base/log.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/when_all.hpp>
#include <troupe/scheduler/when_any.hpp>
#include <troupe/scheduler/with_timeout.hpp>

#include "sync_fixture.hpp"

#include <atomic>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::task;
namespace this_task = troupe::this_task;

task<int> give_after(std::chrono::milliseconds time, int n) {
  co_await this_task::sleep_for(time);
  co_return n;
}

task<std::string> give(std::string text) { co_return text; }

task<> count(std::atomic<int>& n) {
  co_await this_task::yield();
  ++n;
}

task<int> sleep_until_told(std::atomic<int>& told) {
  for (bool slept = true; slept;) slept = co_await this_task::sleep_for(1h);
  ++told;
  co_return -1;
}

task<int> throw_at_once(const char* text) {
  throw std::runtime_error(text);
  co_return 0;
}

class When : public Synchronisation {
protected:
  std::atomic<int> told{0};
};

TEST_F(When, all_gives_the_results_in_the_order_of_the_tasks) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    std::atomic<int> n{0};
    auto [a, b, c] = co_await troupe::when_all(give_after(2ms, 1), give("two"), count(n));
    static_assert(std::is_same_v<decltype(c), std::monostate>);
    co_return std::to_string(a) + b + std::to_string(n.load());
  });
  EXPECT_EQ(*f.get(), "1two1");
}

TEST_F(When, all_of_a_vector_gives_a_vector) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    std::vector<task<int>> tasks;
    for (int i = 0; i != 50; ++i) tasks.push_back(give_after(std::chrono::milliseconds(i % 3), i));
    const std::vector<int> results = co_await troupe::when_all(std::move(tasks));
    int wrong = 0;
    for (int i = 0; i != 50; ++i) wrong += results[static_cast<std::size_t>(i)] != i;
    co_await troupe::when_all(std::vector<task<>>());
    co_return wrong;
  });
  EXPECT_EQ(*f.get(), 0);
}

TEST_F(When, one_of_all_throws_and_the_others_are_called_off_and_waited_for) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    try {
      co_await troupe::when_all(sleep_until_told(told), throw_at_once("one"), sleep_until_told(told));
    } catch (const std::runtime_error& e) {
      co_return e.what() + std::to_string(told.load());
    }
    co_return "nothing";
  });
  EXPECT_EQ(*f.get(), "one2");
}

TEST_F(When, all_in_an_unjoined_task_runs_nothing) {
  { auto never = troupe::when_all(sleep_until_told(told), throw_at_once("never")); }
  EXPECT_EQ(told.load(), 0);
}

TEST_F(When, any_gives_the_first_and_calls_off_the_others) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    auto first = co_await troupe::when_any(sleep_until_told(told), give("quick"), sleep_until_told(told));
    co_return std::to_string(first.index()) + std::get<1>(first) + std::to_string(told.load());
  });
  EXPECT_EQ(*f.get(), "1quick2");
}

TEST_F(When, any_of_a_vector_gives_index_and_value) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    std::vector<task<int>> tasks;
    for (int i = 0; i != 5; ++i) tasks.push_back(sleep_until_told(told));
    tasks.push_back(give_after(1ms, 77));
    auto first = co_await troupe::when_any(std::move(tasks));
    co_return std::to_string(first.index) + " " + std::to_string(first.value) + " " + std::to_string(told.load());
  });
  EXPECT_EQ(*f.get(), "5 77 5");
}

TEST_F(When, the_exception_of_the_first_of_any_comes_out) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    try {
      co_await troupe::when_any(sleep_until_told(told), throw_at_once("first"));
    } catch (const std::runtime_error& e) {
      co_return e.what();
    }
    co_return "nothing";
  });
  EXPECT_EQ(*f.get(), "first");
}

TEST_F(When, any_of_no_tasks_is_an_error) {
  auto f = troupe::spawn(home(), []() -> task<bool> {
    try {
      co_await troupe::when_any(std::vector<task<int>>());
    } catch (const troupe::troupe_error& e) {
      co_return e.code() == errc::invalid_argument;
    }
    co_return false;
  });
  EXPECT_TRUE(*f.get());
}

TEST_F(When, a_task_of_all_that_is_killed_gives_cancelled) {
  std::atomic<troupe::strand*> child{nullptr};
  auto f = troupe::spawn(home(), [&]() -> task<bool> {
    const auto victim = [&]() -> task<int> {
      child = troupe::detail::current_trampoline().self;
      co_return co_await sleep_until_told(told);
    };
    try {
      co_await troupe::when_all(victim(), give("x"));
    } catch (const troupe::troupe_error& e) {
      co_return e.code() == errc::cancelled;
    }
    co_return false;
  });
  while (!child.load()) std::this_thread::yield();
  child.load()->request_kill();
  EXPECT_TRUE(*f.get());
}

TEST_F(When, a_task_that_ends_in_time_gives_its_value) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    const auto value = co_await troupe::with_timeout(give_after(1ms, 5), 1h);
    const auto nothing = co_await troupe::with_timeout(troupe::when_all(std::vector<task<>>()), troupe::forever);
    const bool slept = co_await this_task::sleep_for(1ms);
    co_return value.value() + (nothing ? 1 : 0) + (slept ? 1 : 0);
  });
  EXPECT_EQ(*f.get(), 7);
}

TEST_F(When, a_task_whose_time_is_over_is_called_off_and_waits_after_it_last) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    const auto value = co_await troupe::with_timeout(sleep_until_told(told), 1ms);
    const bool slept = co_await this_task::sleep_for(1ms);
    co_return std::string(to_string(value.error().code())) + std::to_string(told.load()) + (slept ? " slept" : "");
  });
  EXPECT_EQ(*f.get(), "timeout1 slept");
}

TEST_F(When, what_a_task_throws_because_its_time_is_over_is_timeout) {
  auto f = troupe::spawn(home(), []() -> task<bool> {
    troupe::event never;
    const auto waiter = [](troupe::event& e) -> task<> { co_await e.wait(); };
    const auto value = co_await troupe::with_timeout(waiter(never), 1ms);
    co_return !value && value.error() == errc::timeout;
  });
  EXPECT_TRUE(*f.get());
}

TEST_F(When, an_exception_of_a_task_with_a_timeout_passes_through) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    try {
      (void)co_await troupe::with_timeout(throw_at_once("through"), 1h);
    } catch (const std::runtime_error& e) {
      co_return e.what();
    }
    co_return "nothing";
  });
  EXPECT_EQ(*f.get(), "through");
}

TEST_F(When, a_result_is_not_wrapped_in_another) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    const auto body = []() -> task<troupe::result<int>> { co_return 3; };
    const troupe::result<int> r = co_await troupe::with_timeout(body(), 1h);
    co_return *r;
  });
  EXPECT_EQ(*f.get(), 3);
}

TEST_F(When, the_shorter_of_two_timeouts_counts_whichever_is_outside) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    const auto inside = [&](std::chrono::nanoseconds limit) -> task<bool> {
      const auto r = co_await troupe::with_timeout(sleep_until_told(told), limit);
      co_return r.has_value() || r.error() != errc::timeout;
    };
    const auto a = co_await troupe::with_timeout(inside(1ms), 1h);
    const auto b = co_await troupe::with_timeout(inside(1h), 1ms);
    co_return std::string(a && !*a ? "inner " : "") + (!b && b.error() == errc::timeout ? "outer" : "");
  });
  EXPECT_EQ(*f.get(), "inner outer");
}

TEST_F(When, a_timeout_reaches_the_children_of_a_scope) {
  auto f = troupe::spawn(home(), [&]() -> task<int> {
    const auto all = co_await troupe::with_timeout(
        troupe::when_all(sleep_until_told(told), sleep_until_told(told), sleep_until_told(told)), 1ms);
    co_return all ? -1 : told.load();
  });
  EXPECT_EQ(*f.get(), 3);
}

TEST_F(When, a_shield_keeps_a_stop_and_a_timeout_away) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    const auto clean_up = []() -> task<std::string> {
      const bool slept = co_await this_task::sleep_for(2ms);
      co_return slept ? "clean" : "called off";
    };
    std::string text;
    const auto body = [&]() -> task<> {
      for (bool slept = true; slept;) slept = co_await this_task::sleep_for(1h);
      text = co_await troupe::shield(clean_up());
      const bool slept = co_await this_task::sleep_for(1h);
      if (!slept) text += ", and told to stop";
    };
    const auto r = co_await troupe::with_timeout(body(), 1ms);
    co_return text;
  });
  EXPECT_EQ(*f.get(), "clean, and told to stop");
}

TEST_F(When, timeouts_that_run_out_while_their_task_ends_leave_no_trace) {
  auto f = troupe::spawn(home(), []() -> task<int> {
    int odd = 0;
    for (int i = 0; i != 300; ++i) {
      const auto r = co_await troupe::with_timeout(give_after(1ms, 1), 1ms);
      if (!r && r.error() != errc::timeout) ++odd;
      const bool slept = co_await this_task::sleep_for(1us);
      if (!slept) ++odd;
    }
    co_return odd;
  });
  EXPECT_EQ(*f.get(), 0);
}

/// What `t` throws as `troupe_error`.
task<std::string> refusal_of(task<> t) {
  try {
    co_await t;
  } catch (const troupe::troupe_error& e) {
    co_return e.code() == errc::invalid_argument ? e.what() : "another error";
  }
  co_return "none";
}

task<> all_with_an_empty_one(std::atomic<int>& n) { co_await troupe::when_all(count(n), task<int>(), count(n)); }
task<> any_with_an_empty_one(std::atomic<int>& n) { co_await troupe::when_any(count(n), count(n), task<int>()); }
task<> all_of_a_vector_with_one_that_has_run(std::atomic<int>& n) {
  std::vector<task<>> some;
  for (int i = 0; i != 4; ++i) some.push_back(count(n));
  co_await some[3];
  n = 0;
  co_await troupe::when_all(std::move(some));
}
task<> any_of_a_vector_with_an_empty_one(std::atomic<int>& n) {
  std::vector<task<>> some;
  some.emplace_back();
  some.push_back(count(n));
  co_await troupe::when_any(std::move(some));
}

TEST_F(When, a_task_that_cannot_run_is_refused_by_its_place_before_any_begins) {
  std::atomic<int> n{0};
  const auto refusal = [&](task<> t) { return *troupe::spawn(home(), refusal_of, std::move(t)).get(); };
  const std::string why = " of those to wait for cannot run: it was moved from, or has run before";
  EXPECT_EQ(refusal(all_with_an_empty_one(n)), "task 1" + why);
  EXPECT_EQ(refusal(any_with_an_empty_one(n)), "task 2" + why);
  EXPECT_EQ(refusal(all_of_a_vector_with_one_that_has_run(n)), "task 3" + why);
  EXPECT_EQ(refusal(any_of_a_vector_with_an_empty_one(n)), "task 0" + why);
  EXPECT_TRUE(home().wait_quiescent(troupe::timers::never));
  EXPECT_EQ(n.load(), 0);
}

}  // namespace
