#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/recursive_mutex.hpp>
#include <troupe/scheduler/shared_mutex.hpp>

#include <pthread.h>

#include "../common.hpp"
#include "sync_fixture.hpp"

#include <array>
#include <deque>
#include <latch>
#include <string>

namespace {

using namespace std::chrono_literals;
using tests::contains;
using troupe::errc;

class WaitGraph : public Synchronisation {};

/// Holds fork i, then wants fork i + 1; what the error says, or nothing if both could be had.
troupe::task<std::string> dine(troupe::mutex& mine, troupe::mutex& next, std::atomic<int>& seated, int places) {
  auto held = co_await mine.scoped();
  ++seated;
  while (seated < places) co_await troupe::this_task::yield();
  std::optional<troupe::error> refused;
  try {
    auto other = co_await next.scoped();
  } catch (const troupe::troupe_error& e) {
    refused = e.what_error();
  }
  if (!refused) co_return "";
  if (refused->code() != errc::deadlock) co_return "another error: " + refused->message();
  co_return refused->message();
}

TEST_F(WaitGraph, of_philosophers_who_each_hold_a_fork_one_is_told_and_the_others_eat) {
  troupe::check_lock_order(false);
  for (int round = 0; round != 50; ++round) {
    constexpr int places = 5;
    std::deque<troupe::mutex> forks;
    for (int i = 0; i != places; ++i) forks.emplace_back("fork " + std::to_string(i));
    std::atomic<int> seated{0};
    std::vector<troupe::future<std::string>> philosophers;
    for (std::size_t i = 0; i != places; ++i)
      philosophers.push_back(
          spawn(home(), dine, std::ref(forks[i]), std::ref(forks[(i + 1) % places]), std::ref(seated), places));
    std::vector<std::string> stories;
    for (auto& p : philosophers) {
      const auto r = p.get(60s);
      ASSERT_TRUE(r) << r.error();
      if (!r->empty()) stories.push_back(*r);
    }
    ASSERT_EQ(stories.size(), 1u);
    for (int i = 0; i != places; ++i)
      EXPECT_TRUE(contains(stories[0], "mutex \"fork " + std::to_string(i) + "\"")) << stories[0];
    EXPECT_TRUE(contains(stories[0], "green thread 0x")) << stories[0];
  }
}

/// Awaits the other's result; true if that is told to be a deadlock.
troupe::task<bool> await_each_other(troupe::future<bool>* other, std::atomic<bool>* ready, std::string* story) {
  while (!*ready) co_await troupe::this_task::yield();
  auto r = co_await *other;
  if (!r) *story = r.error().message();
  co_return !r && r.error() == errc::deadlock;
}

TEST_F(WaitGraph, two_futures_that_wait_on_each_other_are_a_deadlock) {
  for (int round = 0; round != 100; ++round) {
    troupe::future<bool> one, two;
    std::string story;
    std::atomic<bool> ready{false};
    one = spawn(home(), await_each_other, &two, &ready, &story);
    two = spawn(home(), await_each_other, &one, &ready, &story);
    ready = true;
    ASSERT_TRUE(pool->wait_quiescent(troupe::deadline_after(troupe::steady_now(), 60s)));
    ASSERT_EQ(home().strands().size(), 0u);
    EXPECT_TRUE(contains(story, "has to bring")) << story;
    // Each has read the other's result: what is left of both is `invalid_argument`.
    EXPECT_EQ(one.get().error(), errc::invalid_argument);
    EXPECT_EQ(two.get().error(), errc::invalid_argument);
  }
}

TEST_F(WaitGraph, a_mutex_and_a_join_can_be_a_cycle) {
  troupe::mutex m("ledger");
  auto parent = spawn(home(), [&]() -> troupe::task<std::string> {
    auto held = co_await m.scoped();
    auto child = spawn(home(), [&]() -> troupe::task<> { auto also = co_await m.scoped(); });
    auto r = co_await child;
    co_return r ? std::string() : r.error().message();
  });
  const auto told = parent.get(60s);
  ASSERT_TRUE(told);
  EXPECT_TRUE(contains(*told, "mutex \"ledger\"")) << *told;
}

/// Wants what its grandparent holds, once all that are above it wait.
troupe::task<std::string> grandchild(troupe::mutex& wanted, troupe::event& all_wait) {
  co_await all_wait.wait();
  try {
    auto held = co_await wanted.scoped();
  } catch (const troupe::troupe_error& e) {
    co_return e.what_error().code() == errc::deadlock ? e.what() : "another error";
  }
  co_return "";
}

TEST_F(WaitGraph, those_who_waited_first_for_ones_that_had_not_waited_yet_are_found) {
  for (int round = 0; round != 50; ++round) {
    troupe::mutex m("the grandparent's");
    troupe::event all_wait;
    auto parent = [&](troupe::scheduler& s) -> troupe::task<std::string> {
      auto child = spawn(s, grandchild, std::ref(m), std::ref(all_wait));
      auto said = co_await child;
      co_return said ? *said : said.error().message();
    };
    auto top = spawn(
        home(),
        [&](troupe::scheduler& s) -> troupe::task<std::string> {
          auto held = co_await m.scoped();
          auto middle = spawn(s, parent, std::ref(s));
          auto said = co_await middle;
          co_return said ? *said : said.error().message();
        },
        std::ref(home()));
    for (int waiting = 0; waiting != 3; std::this_thread::yield()) {
      waiting = 0;
      home().strands().for_each([&](troupe::strand& s) { waiting += s.waits(); });
    }
    all_wait.set();
    const auto said = top.get(60s);
    ASSERT_TRUE(said) << said.error();
    EXPECT_TRUE(contains(*said, "a deadlock: ")) << *said;
    EXPECT_TRUE(contains(*said, "the grandparent's")) << *said;
  }
}

TEST_F(WaitGraph, all_kinds_of_locks_take_part) {
  troupe::check_lock_order(false);
  for (int round = 0; round != 100; ++round) {
    troupe::recursive_mutex again("again");
    troupe::shared_mutex shared("shared");
    std::atomic<int> seated{0};
    std::atomic<int> told{0};
    auto one = spawn(home(), [&]() -> troupe::task<> {
      auto held = co_await again.scoped();
      auto twice = co_await again.scoped();
      ++seated;
      while (seated < 2) co_await troupe::this_task::yield();
      try {
        auto other = co_await shared.scoped_shared();
      } catch (const troupe::troupe_error& e) {
        told += e.code() == errc::deadlock;
      }
    });
    auto two = spawn(home(), [&]() -> troupe::task<> {
      auto held = co_await shared.scoped();
      ++seated;
      while (seated < 2) co_await troupe::this_task::yield();
      try {
        auto other = co_await again.scoped();
      } catch (const troupe::troupe_error& e) {
        told += e.code() == errc::deadlock;
      }
    });
    ASSERT_TRUE(one.get(60s));
    ASSERT_TRUE(two.get(60s));
    ASSERT_EQ(told, 1);
  }
}

// A party that is killed while it waits leaves the graph: what comes after it at its place is not taken for it.
TEST_F(WaitGraph, killed_parties_leave_it) {
  for (int round = 0; round != 200; ++round) {
    troupe::mutex m;
    auto held = m.scoped().get();
    std::atomic<bool> waits{false};
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      waits = true;
      auto also = co_await m.scoped();
    });
    auto joiner = spawn(
        home(),
        [](troupe::future<void>* f) -> troupe::task<> {
          auto r = co_await *f;
          co_await troupe::this_task::sleep_for(1h);  // the end of `doomed` may come before the kill of this one
        },
        &doomed);
    while (!waits) std::this_thread::yield();
    kill_all();
    EXPECT_EQ(joiner.get(60s).error(), errc::cancelled);
    while (home().strands().size() != 0) std::this_thread::yield();
    held.unlock();
    auto next = spawn(home(), [&]() -> troupe::task<> { auto free = co_await m.scoped(); });
    ASSERT_TRUE(next.get(60s));
  }
}

TEST_F(WaitGraph, os_threads_take_part_by_name) {
  troupe::check_lock_order(false);
  troupe::mutex a("a"), b("b");
  std::latch both(2);
  std::array<std::string, 2> told;
  const auto take = [&](const char* name, troupe::mutex& first, troupe::mutex& second, std::string& story) {
    pthread_setname_np(pthread_self(), name);
    auto held = first.scoped().get();
    both.arrive_and_wait();
    try {
      auto other = second.scoped().get();
    } catch (const troupe::troupe_error& e) {
      story = e.what();
    }
  };
  std::thread one(take, "castor", std::ref(a), std::ref(b), std::ref(told[0]));
  std::thread two(take, "pollux", std::ref(b), std::ref(a), std::ref(told[1]));
  one.join();
  two.join();
  ASSERT_NE(told[0].empty(), told[1].empty());
  const std::string& story = told[0] + told[1];
  for (const char* part : {"thread \"castor\"", "thread \"pollux\"", "mutex \"a\"", "mutex \"b\""})
    EXPECT_TRUE(contains(story, part)) << story;
}

TEST_F(WaitGraph, a_thread_that_joins_a_green_thread_which_wants_its_lock_is_told) {
  troupe::mutex m("desk");
  auto held = m.scoped().get();
  auto child = spawn(home(), [&]() -> troupe::task<bool> {
    try {
      auto also = co_await m.scoped();
    } catch (const troupe::troupe_error& e) {
      co_return e.code() == errc::deadlock;
    }
    co_return false;
  });
  const auto r = child.get();
  EXPECT_TRUE(r ? *r : r.error() == errc::deadlock);
  held.unlock();
  pool->wait_quiescent(troupe::timers::never);  // the lock must outlive its last holder
}

TEST_F(WaitGraph, a_promise_says_who_owes_it) {
  troupe::mutex m;
  auto debtor = spawn(home(), [&]() -> troupe::task<bool> {
    troupe::promise<int> p(home());
    p.owned_by_this_party();
    auto held = co_await m.scoped();
    auto creditor = spawn(
        home(),
        [](troupe::future<int> f) -> troupe::task<bool> {
          auto r = co_await f;
          co_return !r && r.error() == errc::deadlock;
        },
        p.get_future());
    auto told = co_await creditor;
    co_return told ? *told : told.error() == errc::deadlock;
  });
  const auto r = debtor.get(60s);
  ASSERT_TRUE(r);
  EXPECT_TRUE(*r);
}

TEST_F(WaitGraph, timed_waits_end_by_themselves_and_are_no_deadlock) {
  troupe::check_lock_order(false);
  troupe::mutex a, b;
  std::atomic<int> seated{0};
  const auto take = [&](troupe::mutex* first, troupe::mutex* second) -> troupe::task<bool> {
    auto held = co_await first->scoped();
    ++seated;
    while (seated < 2) co_await troupe::this_task::yield();
    const auto r = co_await second->try_lock_for(5ms);
    const bool had = r.has_value();
    if (had) {
      EXPECT_TRUE(second->unlock());
    }
    co_return had || r.error() == errc::timeout;
  };
  auto one = spawn(home(), take, &a, &b);
  auto two = spawn(home(), take, &b, &a);
  EXPECT_TRUE(*one.get(60s));
  EXPECT_TRUE(*two.get(60s));
}

// Locks in one order, joins of children that end: busy waiting for each other all the time, and never a cycle.
TEST_F(WaitGraph, ordinary_contention_is_never_called_a_deadlock) {
  constexpr int rounds = 12'500, parties = 8;  // 100,000 in all
  std::array<troupe::mutex, 4> locks;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != parties; ++i) {
    green.push_back(spawn(home(), [&, i]() -> troupe::task<> {
      unsigned random = static_cast<unsigned>(i) * 7919 + 1;
      for (int n = 0; n != rounds; ++n) {
        random = random * 1'664'525 + 1'013'904'223;
        const std::size_t low = random >> 16 & 1, high = 2 + (random >> 17 & 1);
        auto first = co_await locks[low].scoped();
        if (n % 8 == 0) co_await troupe::this_task::yield();
        auto second = co_await locks[high].scoped();
        if (n % 64 == 0) {
          auto child = spawn(home(), []() -> troupe::task<> { co_await troupe::this_task::yield(); });
          auto joined = co_await child;
          joined.value();
        }
      }
    }));
  }
  for (int n = 0; n != 1'000; ++n) {
    auto first = locks[static_cast<std::size_t>(n % 2)].scoped().get();
    auto second = locks[2].scoped().get();
  }
  for (auto& f : green) {
    const auto r = f.get(120s);
    EXPECT_TRUE(r) << r.error();
  }
}

}  // namespace
