#include <troupe/base/log.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/scope.hpp>
#include <troupe/scheduler/with_timeout.hpp>

#include "sync_fixture.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::scope;
using troupe::task;
namespace this_task = troupe::this_task;

/// Counts what is alive.
struct local {
  explicit local(std::atomic<int>& n) : alive(&n) { ++*alive; }
  local(const local&) = delete;
  local& operator=(const local&) = delete;
  ~local() { --*alive; }
  std::atomic<int>* alive;
};

task<> sleep_until_told(std::atomic<int>& alive) {
  const local here(alive);
  for (bool slept = true; slept;) slept = co_await this_task::sleep_for(1h);
}

task<> sleep_for_ever(std::atomic<int>& alive) {
  const local here(alive);
  for (;;) co_await this_task::sleep_for(1h);
}

class Scope : public Synchronisation {
protected:
  std::atomic<int> alive{0};
};

TEST_F(Scope, goes_on_when_all_children_have_ended) {
  std::atomic<int> ended{0};
  auto f = troupe::spawn(home(), [&]() -> task<int> {
    auto body = [&](scope& s) -> task<> {
      for (int i = 0; i != 100; ++i) {
        auto dropped = s.spawn(
            [&](int n) -> task<> {
              if (n % 3 == 0) co_await this_task::yield();
              if (n % 7 == 0) co_await this_task::sleep_for(1ms);
              ++ended;
            },
            i);
      }
      co_return;
    };
    co_await troupe::with_scope(body);
    co_return ended.load();
  });
  EXPECT_EQ(*f.get(), 100);
}

TEST_F(Scope, gives_what_its_body_gives_and_the_futures_what_the_children_give) {
  auto f = troupe::spawn(home(), []() -> task<std::string> {
    auto body = [](scope& s) -> task<std::string> {
      auto a = s.spawn([](int n) -> task<int> { co_return n + 1; }, 41);
      auto b =
          s.spawn([](std::unique_ptr<int> n) -> task<std::unique_ptr<int>> { co_return n; }, std::make_unique<int>(7));
      auto x = co_await a;
      auto y = co_await b;
      co_return std::to_string(*x) + " " + std::to_string(**y);
    };
    co_return co_await troupe::with_scope(body);
  });
  EXPECT_EQ(*f.get(), "42 7");
}

TEST_F(Scope, a_named_body_with_captures_and_a_named_child_of_it_are_destroyed_once) {
  auto text = std::make_shared<std::string>("captured");
  auto f = troupe::spawn(home(), [&]() -> task<std::size_t> {
    auto body = [text](scope& s) -> task<std::size_t> {
      auto child = s.spawn({.name = "reader"}, [text]() -> task<std::size_t> { co_return text->size(); });
      auto size = co_await child;
      co_return *size;
    };
    const std::size_t size = co_await troupe::with_scope(body);
    auto named = troupe::with_scope([text](scope&) -> task<std::size_t> { co_return text->size(); });
    co_return size + co_await named;
  });
  EXPECT_EQ(*f.get(), 16u);
  EXPECT_EQ(text.use_count(), 1);
}

TEST_F(Scope, a_child_that_throws_stops_its_siblings_and_its_exception_comes_out_as_it_was_thrown) {
  struct special : std::runtime_error {
    special() : std::runtime_error("special"), number(5) {}
    int number;
  };
  auto f = troupe::spawn(home(), [&]() -> task<int> {
    try {
      auto body = [&](scope& s) -> task<> {
        for (int i = 0; i != 10; ++i) (void)s.spawn(sleep_until_told, std::ref(alive));
        (void)s.spawn([]() -> task<> {
          co_await this_task::yield();
          throw special();
        });
        co_return;
      };
      co_await troupe::with_scope(body);
    } catch (const special& e) {
      co_return e.number + alive.load();
    }
    co_return 0;
  });
  EXPECT_EQ(*f.get(), 5);
}

TEST_F(Scope, a_child_that_throws_calls_off_the_wait_of_the_body_too_and_waits_after_the_scope_last) {
  auto f = troupe::spawn(home(), [&]() -> task<std::string> {
    troupe::event never;
    std::string text;
    try {
      auto body = [&](scope& s) -> task<> {
        (void)s.spawn([]() -> task<> {
          co_await this_task::sleep_for(1ms);
          throw std::runtime_error("no more");
        });
        co_await never.wait();
      };
      co_await troupe::with_scope(body);
    } catch (const std::runtime_error& e) {
      text = e.what();
    }
    const bool slept = co_await this_task::sleep_for(1ms);
    co_return text + (slept ? "" : ", and the sleep was called off");
  });
  EXPECT_EQ(*f.get(), "no more");
}

TEST_F(Scope, an_exception_of_the_body_stops_the_children_and_comes_out_when_they_have_ended) {
  auto f = troupe::spawn(home(), [&]() -> task<int> {
    try {
      auto body = [&](scope& s) -> task<> {
        for (int i = 0; i != 10; ++i) (void)s.spawn(sleep_until_told, std::ref(alive));
        co_await this_task::yield();
        throw std::out_of_range("body");
      };
      co_await troupe::with_scope(body);
    } catch (const std::out_of_range&) {
      co_return alive.load();
    }
    co_return -1;
  });
  EXPECT_EQ(*f.get(), 0);
}

TEST_F(Scope, cancel_stops_children_also_those_to_come_and_is_no_failure) {
  auto f = troupe::spawn(home(), [&]() -> task<bool> {
    auto body = [&](scope& s) -> task<> {
      (void)s.spawn(sleep_until_told, std::ref(alive));
      s.cancel();
      (void)s.spawn(sleep_until_told, std::ref(alive));
      troupe::event never;
      co_await never.wait();  // throws that it was called off
    };
    co_await troupe::with_scope(body);
    const bool slept = co_await this_task::sleep_for(1ms);
    co_return slept&& alive.load() == 0;
  });
  EXPECT_TRUE(*f.get());
}

TEST_F(Scope, children_may_spawn_siblings) {
  std::atomic<int> count{0};
  struct tree {
    static task<> grow(scope& s, std::atomic<int>& n, int depth) {
      ++n;
      if (depth == 0) co_return;
      (void)s.spawn(grow, std::ref(s), std::ref(n), depth - 1);
      (void)s.spawn(grow, std::ref(s), std::ref(n), depth - 1);
    }
  };
  auto f = troupe::spawn(home(), [&]() -> task<int> {
    auto body = [&](scope& s) { return tree::grow(s, count, 9); };
    co_await troupe::with_scope(body);
    co_return count.load();
  });
  EXPECT_EQ(*f.get(), 1'023);
}

TEST_F(Scope, a_stop_of_the_owner_reaches_children_and_grandchildren) {
  for (int round = 0; round != 50; ++round) {
    auto f = troupe::spawn(home(), [&]() -> task<int> {
      auto inner = [&](scope& s) -> task<> {
        (void)s.spawn(sleep_until_told, std::ref(alive));
        co_return;
      };
      auto outer = [&](scope& s) -> task<> {
        (void)s.spawn(sleep_until_told, std::ref(alive));
        (void)s.spawn([&]() -> task<> { co_await troupe::with_scope(inner); });
        co_return;
      };
      try {
        co_await troupe::with_scope(outer);
      } catch (const troupe::troupe_error& e) {
        if (e.code() == errc::cancelled) co_return alive.load();
      }
      co_return -1;
    });
    if (round % 2 == 0)
      while (alive.load() < 2) std::this_thread::yield();
    f.request_stop();
    EXPECT_EQ(*f.get(), 0);
  }
}

TEST_F(Scope, one_that_is_called_off_in_the_join_throws_but_not_after_its_own_cancel) {
  for (const bool cancels : {false, true}) {
    std::atomic<bool> stopping{false};
    auto f = troupe::spawn(home(), [&]() -> task<std::string> {
      auto body = [&](scope& s) -> task<std::string> {
        (void)s.spawn([&](std::stop_token told) -> task<> {
          const local here(alive);
          while (!told.stop_requested() || !stopping) (void)co_await this_task::sleep_for(1ms);
        });
        if (cancels) s.cancel();
        co_return "all was done";
      };
      try {
        co_return co_await troupe::with_scope(body);
      } catch (const troupe::troupe_error& e) {
        co_return e.code() == errc::cancelled ? "called off" : e.what();
      }
    });
    while (alive.load() == 0) std::this_thread::yield();
    f.request_stop();
    stopping = true;
    EXPECT_EQ(f.get(60s).value(), cancels ? "all was done" : "called off");
  }
}

TEST_F(Scope, one_whose_time_is_over_in_the_join_gives_timeout) {
  auto f = troupe::spawn(home(), [&]() -> task<bool> {
    auto body = [&](scope& s) -> task<> {
      (void)s.spawn(sleep_until_told, std::ref(alive));
      co_return;
    };
    auto running = troupe::with_scope(body);
    auto how = co_await troupe::with_timeout(std::move(running), 1ms);
    co_return how.error() == errc::timeout;
  });
  EXPECT_TRUE(*f.get());
}

TEST_F(Scope, a_kill_of_the_owner_ends_the_children_before_its_frames_go) {
  struct owner_local {
    std::atomic<int>* children;
    std::atomic<int>* seen;
    ~owner_local() { *seen += children->load(); }
  };
  std::atomic<int> seen{0};
  for (int round = 0; round != 100; ++round) {
    std::atomic<troupe::strand*> owner{nullptr};
    const int waits = round % 3;  // in the body, in the join, or in a scope within
    auto f = troupe::spawn(home(), [&]() -> task<> {
      const owner_local here{&alive, &seen};
      auto inner = [&](scope& s) -> task<> {
        for (int i = 0; i != 3; ++i) (void)s.spawn(sleep_for_ever, std::ref(alive));
        if (waits == 2) co_await this_task::sleep_for(1h);
      };
      auto outer = [&](scope& s) -> task<> {
        for (int i = 0; i != 3; ++i) (void)s.spawn(sleep_for_ever, std::ref(alive));
        owner.store(troupe::detail::current_trampoline().self);
        if (waits == 0) co_await this_task::sleep_for(1h);
        if (waits == 2) co_await troupe::with_scope(inner);
      };
      co_await troupe::with_scope(outer);
    });
    while (!owner.load()) std::this_thread::yield();
    if (round % 2 == 0)
      while (alive.load() < (waits == 2 ? 6 : 3)) std::this_thread::yield();
    owner.load()->request_kill();
    EXPECT_EQ(f.get().error(), errc::cancelled);
    EXPECT_EQ(alive.load(), 0);
  }
  EXPECT_EQ(seen.load(), 0);
}

TEST_F(Scope, a_kill_of_everybody_at_any_moment_leaves_nothing_behind) {
  for (int round = 0; round != 100; ++round) {
    std::atomic<bool> begun{false};
    auto f = troupe::spawn(home(), [&]() -> task<> {
      begun = true;
      for (;;) {
        auto body = [&](scope& s) -> task<> {
          for (int i = 0; i != 4; ++i)
            (void)s.spawn([&]() -> task<> {
              const local here(alive);
              co_await this_task::yield();
            });
          co_return;
        };
        co_await troupe::with_scope(body);
      }
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i != round; ++i) troupe::cpu_relax();
    kill_all();
    EXPECT_EQ(f.get().error(), errc::cancelled);
    ASSERT_TRUE(home().wait_quiescent(troupe::timers::never));
    ASSERT_EQ(alive.load(), 0);
    ASSERT_EQ(home().strands().size(), 0u);
  }
}

TEST_F(Scope, a_kill_after_a_stop_reaches_children_in_a_shield) {
  std::atomic<troupe::strand*> owner{nullptr};
  auto f = troupe::spawn(home(), [&]() -> task<> {
    auto body = [&](scope& s) -> task<> {
      (void)s.spawn([&]() -> task<> { co_await troupe::shield(sleep_for_ever(alive)); });
      owner.store(troupe::detail::current_trampoline().self);
      co_return;
    };
    co_await troupe::with_scope(body);
  });
  while (!owner.load() || alive.load() == 0) std::this_thread::yield();
  owner.load()->cancel_waits();
  EXPECT_EQ(alive.load(), 1);
  owner.load()->request_kill();
  EXPECT_EQ(f.get().error(), errc::cancelled);
  EXPECT_EQ(alive.load(), 0);
}

TEST_F(Scope, scopes_in_forks_end_before_their_fork_when_it_is_killed) {
  for (int round = 0; round != 50; ++round) {
    std::atomic<troupe::strand*> owner{nullptr};
    auto f = troupe::spawn(home(), [&]() -> task<> {
      owner.store(troupe::detail::current_trampoline().self);
      const auto branch = [&]() -> task<> {
        auto body = [&](scope& s) -> task<> {
          (void)s.spawn(sleep_for_ever, std::ref(alive));
          co_await troupe::with_timeout(sleep_for_ever(alive), 1h);
        };
        co_await troupe::with_scope(body);
      };
      co_await troupe::fork_join(branch(), branch(), branch());
    });
    while (!owner.load()) std::this_thread::yield();
    if (round % 2 == 0)
      while (alive.load() != 6) std::this_thread::yield();
    owner.load()->request_kill();
    EXPECT_EQ(f.get().error(), errc::cancelled);
    EXPECT_EQ(alive.load(), 0);
  }
}

}  // namespace
