#include <troupe/base/log.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/lock_all.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/recursive_mutex.hpp>
#include <troupe/scheduler/shared_mutex.hpp>

#include "sync_fixture.hpp"

#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

template <class Lock>
class Locks : public Synchronisation {
protected:
  Lock lock;
};
using kinds = testing::Types<troupe::mutex, troupe::recursive_mutex, troupe::shared_mutex>;
TYPED_TEST_SUITE(Locks, kinds);

TYPED_TEST(Locks, guard_a_hundred_thousand_increments) {
  constexpr int rounds = 10'000;
  long sum = 0;
  auto& l = this->lock;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 8; ++i) {
    green.push_back(spawn(this->home(), [&]() -> troupe::task<> {
      for (int n = 0; n != rounds; ++n) {
        auto held = co_await l.scoped();
        const long before = sum;
        if (n % 64 == 0) co_await troupe::this_task::yield();
        sum = before + 1;
      }
    }));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i != 2; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n != rounds; ++n) {
        l.lock().get();
        ++sum;
        ASSERT_TRUE(l.unlock());
      }
    });
  }
  for (auto& f : green) EXPECT_TRUE(f.get(120s));
  for (auto& t : threads) t.join();
  EXPECT_EQ(sum, 10 * rounds);
  EXPECT_TRUE(l.try_lock());
  EXPECT_TRUE(l.unlock());
}

TYPED_TEST(Locks, are_unlocked_only_by_who_holds_them) {
  auto& l = this->lock;
  EXPECT_EQ(l.unlock().error(), errc::invalid_argument);
  l.lock().get();
  std::thread other([&] {
    EXPECT_EQ(l.unlock().error(), errc::invalid_argument);
    EXPECT_FALSE(l.try_lock());
    EXPECT_EQ(l.try_lock_for(1ms).get().error(), errc::timeout);
  });
  other.join();
  EXPECT_TRUE(l.unlock());
  EXPECT_EQ(l.unlock().error(), errc::invalid_argument);
}

TYPED_TEST(Locks, are_passed_on_by_waiters_that_are_killed_or_time_out) {
  auto& l = this->lock;
  for (int round = 0; round != 100; ++round) {
    l.lock().get();
    std::atomic<int> waits{0};
    auto doomed = spawn(this->home(), [&]() -> troupe::task<> {
      ++waits;
      auto held = co_await l.scoped();
      co_await troupe::this_task::sleep_for(1h);
    });
    auto hasty = spawn(this->home(), [&]() -> troupe::task<> {
      ++waits;
      const auto r = co_await l.try_lock_for(20us);
      if (r) l.unlock().value();
    });
    while (waits != 2) std::this_thread::yield();
    std::thread killer([&] { this->kill_all(); });
    EXPECT_TRUE(l.unlock());
    killer.join();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    hasty.get(60s).has_value();
    EXPECT_TRUE(l.try_lock_for(60s).get()) << round;
    EXPECT_TRUE(l.unlock());
  }
}

class RecursiveMutex : public Synchronisation {};

TEST_F(RecursiveMutex, is_free_when_it_was_unlocked_as_often_as_locked) {
  troupe::recursive_mutex m;
  m.lock().get();
  EXPECT_TRUE(m.try_lock());
  {
    auto again = m.scoped().get();
    EXPECT_TRUE(m.try_lock_for(0ms).get());
  }
  const auto taken_by_another = [&] {
    bool taken = false;
    std::thread([&] { taken = m.try_lock() && m.unlock(); }).join();
    return taken;
  };
  for (int i = 0; i != 3; ++i) {
    EXPECT_FALSE(taken_by_another());
    EXPECT_TRUE(m.unlock());
  }
  EXPECT_TRUE(taken_by_another());
  EXPECT_EQ(m.unlock().error(), errc::invalid_argument);
}

class SharedMutex : public Synchronisation {};

TEST_F(SharedMutex, is_shared_by_readers_and_held_alone_by_a_writer) {
  troupe::shared_mutex m;
  EXPECT_EQ(m.unlock_shared().error(), errc::invalid_argument);
  m.lock_shared().get();
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_FALSE(m.try_lock());
  EXPECT_EQ(m.unlock().error(), errc::invalid_argument);
  EXPECT_TRUE(m.unlock_shared());
  EXPECT_TRUE(m.unlock_shared());
  EXPECT_EQ(m.unlock_shared().error(), errc::invalid_argument);
  auto alone = m.scoped().get();
  EXPECT_FALSE(m.try_lock_shared());
  EXPECT_EQ(m.unlock_shared().error(), errc::invalid_argument);
  EXPECT_TRUE(throws(errc::deadlock, [&] { m.lock_shared().get(); }));
  std::thread([&] { EXPECT_EQ(m.try_lock_shared_for(1ms).get().error(), errc::timeout); }).join();
}

TEST_F(SharedMutex, readers_who_come_after_a_writer_wait_behind_it) {
  troupe::run_loop loop;
  troupe::shared_mutex m;
  std::vector<std::string> order;
  const auto reads = [&](const char* name) {
    spawn(loop, [&, name]() -> troupe::task<> {
      auto held = co_await m.scoped_shared();
      order.push_back(name);
      co_await troupe::this_task::yield();
      order.push_back(name);
    });
  };
  const auto writes = [&](const char* name) {
    spawn(loop, [&, name]() -> troupe::task<> {
      auto held = co_await m.scoped();
      order.push_back(name);
      co_await troupe::this_task::yield();
      order.push_back(name);
    });
  };
  m.lock_shared().get();
  writes("w1");
  reads("r1");
  reads("r2");
  writes("w2");
  reads("r3");
  loop.run();
  EXPECT_TRUE(order.empty());
  EXPECT_FALSE(m.try_lock_shared());
  EXPECT_TRUE(m.unlock_shared());
  loop.run();
  EXPECT_EQ(order, (std::vector<std::string>{"w1", "w1", "r1", "r2", "r1", "r2", "w2", "w2", "r3", "r3"}));
  EXPECT_TRUE(m.try_lock());
}

TEST_F(SharedMutex, a_writer_that_gives_up_lets_the_readers_behind_it_in) {
  troupe::run_loop loop;
  troupe::shared_mutex m;
  m.lock_shared().get();
  auto writer = spawn(loop, [&]() -> troupe::task<bool> {
    const auto r = co_await m.try_lock_for(5ms);
    co_return r.has_value();
  });
  auto reader = spawn(loop, [&]() -> troupe::task<> { auto held = co_await m.scoped_shared(); });
  EXPECT_TRUE(reader.get(60s));
  EXPECT_FALSE(*writer.get(60s));
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_TRUE(m.unlock_shared());
  EXPECT_TRUE(m.unlock_shared());
  EXPECT_TRUE(m.try_lock());
}

TEST_F(SharedMutex, no_reader_ever_sees_a_half_written_pair) {
  troupe::shared_mutex m;
  long left = 0, right = 0;
  std::atomic<int> torn{0};
  std::vector<troupe::future<void>> all;
  for (int i = 0; i != 6; ++i) {
    all.push_back(spawn(home(), [&, i]() -> troupe::task<> {
      for (int n = 0; n != 3'000; ++n) {
        if (i < 2) {
          auto held = co_await m.scoped();
          ++left;
          if (n % 32 == 0) co_await troupe::this_task::yield();
          ++right;
        } else if (i == 2) {
          const auto r = co_await m.try_lock_for(std::chrono::microseconds(n % 20));
          if (!r) continue;
          ++left;
          ++right;
          EXPECT_TRUE(m.unlock());
        } else {
          auto held = co_await m.scoped_shared();
          const long seen = left;
          if (n % 32 == 0) co_await troupe::this_task::yield();
          torn += seen != right;
        }
      }
    }));
  }
  for (int n = 0; n != 1'000; ++n) {
    auto held = m.scoped_shared().get();
    torn += left != right;
  }
  for (auto& f : all) EXPECT_TRUE(f.get(60s));
  EXPECT_EQ(torn, 0);
  EXPECT_TRUE(m.try_lock());
}

class LockAll : public Synchronisation {};

TEST_F(LockAll, takes_any_mix_in_any_order_without_a_deadlock) {
  troupe::mutex a("a");
  troupe::recursive_mutex b("b");
  troupe::shared_mutex c("c");
  long sum = 0;
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&, i]() -> troupe::task<> {
      for (int n = 0; n != 2'000; ++n) {
        if (i % 2 == 0) {
          auto held = co_await lock_all(a, b, c);
          const long before = sum;
          if (n % 16 == 0) co_await troupe::this_task::yield();
          sum = before + 1;
        } else {
          auto held = co_await lock_all(c, b, a);
          ++sum;
        }
      }
    }));
  }
  for (int n = 0; n != 2'000; ++n) {
    auto held = lock_all(b, c, a).get();
    ++sum;
  }
  for (auto& f : green) {
    const auto r = f.get(60s);
    EXPECT_TRUE(r) << r.error();
  }
  EXPECT_EQ(sum, 10'000);
  auto held = lock_all(a, c).get();
  EXPECT_FALSE(a.try_lock());
  held.unlock();
  EXPECT_TRUE(a.try_lock());
  EXPECT_TRUE(c.try_lock());
}

TEST_F(LockAll, of_one_lock_twice_is_a_deadlock_that_is_told_and_none_is_held) {
  troupe::mutex a, b;
  EXPECT_TRUE(throws(errc::deadlock, [&] { auto held = lock_all(a, b, a).get(); }));
  EXPECT_TRUE(a.try_lock());
  EXPECT_TRUE(b.try_lock());
}

TEST_F(LockAll, a_killed_one_gives_up_what_it_had) {
  troupe::check_lock_order(false);
  for (int round = 0; round != 100; ++round) {
    troupe::mutex a, b;
    b.lock().get();
    auto doomed = spawn(home(), [&]() -> troupe::task<> {
      auto held = co_await lock_all(a, b);
      co_await troupe::this_task::sleep_for(1h);
    });
    if (round % 2) {
      EXPECT_TRUE(b.unlock());
    }
    kill_all();
    EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
    EXPECT_TRUE(a.try_lock_for(60s).get());
    if (round % 2) {
      EXPECT_TRUE(b.try_lock_for(60s).get());
    }
  }
}

class LockOrder : public Synchronisation {
protected:
  LockOrder() { troupe::check_lock_order(true); }

  std::size_t told(const char* one, const char* other) const {
    const auto all = troupe::lock_order_violations();
    return static_cast<std::size_t>(std::count_if(all.begin() + old, all.end(), [&](const std::string& v) {
      return v.find(one) != std::string::npos && v.find(other) != std::string::npos;
    }));
  }
  const std::ptrdiff_t old = std::ssize(troupe::lock_order_violations());
};

TEST_F(LockOrder, taking_two_locks_the_other_way_round_is_told_once_with_both_names) {
  troupe::mutex accounts("accounts");
  troupe::shared_mutex journal("journal");
  const auto forth = [&]() -> troupe::task<> {
    auto a = co_await accounts.scoped();
    auto j = co_await journal.scoped_shared();
  };
  const auto back = [&]() -> troupe::task<> {
    auto j = co_await journal.scoped();
    auto a = co_await accounts.scoped();
  };
  EXPECT_TRUE(spawn(home(), forth).get(60s));
  EXPECT_EQ(told("\"accounts\"", "\"journal\""), 0u);
  for (int i = 0; i != 3; ++i) EXPECT_TRUE(spawn(home(), back).get(60s));
  EXPECT_TRUE(spawn(home(), forth).get(60s));
  EXPECT_EQ(told("mutex \"accounts\"", "shared mutex \"journal\""), 1u);
}

TEST_F(LockOrder, an_order_over_three_locks_is_known_too) {
  troupe::mutex a("first of three"), b("second of three"), c("third of three");
  const auto both = [](troupe::mutex& x, troupe::mutex& y) {
    auto outer = x.scoped().get();
    auto inner = y.scoped().get();
  };
  both(a, b);
  both(b, c);
  EXPECT_EQ(told("first of three", "third of three"), 0u);
  both(c, a);
  EXPECT_EQ(told("first of three", "third of three"), 1u);
}

TEST_F(LockOrder, a_recursive_lock_and_a_new_lock_at_an_old_place_are_no_violation) {
  troupe::recursive_mutex r;
  troupe::mutex m;
  for (int i = 0; i != 2; ++i) {
    std::optional<troupe::mutex> passing(std::in_place);
    auto outer = r.scoped().get();
    auto middle = i == 0 ? m.scoped().get() : troupe::mutex::guard();
    auto again = r.scoped().get();
    auto inner = passing->scoped().get();
    if (i == 1) auto last = m.scoped().get();
    inner.unlock();
  }
  EXPECT_EQ(std::ssize(troupe::lock_order_violations()), old);
}

std::mutex log_mutex;
std::vector<std::string> log_lines;

/// Keeps the lines of the log that come while it lives.
struct kept_log {
  kept_log() {
    log_lines.clear();
    troupe::set_log_sink([](std::string_view line) noexcept {
      std::lock_guard guard(log_mutex);
      log_lines.emplace_back(line);
    });
  }
  ~kept_log() { troupe::set_log_sink(nullptr); }
};

template <class Lock>
troupe::task<std::string> take_and_end(Lock& lock, const void*& who) {
  who = troupe::detail::current_party();
  auto r = co_await lock.try_lock_for(0ns);
  co_return std::string(r ? "had" : to_string(r.error().code()));
}

template <class Lock>
void expect_that_nobody_inherits(troupe::scheduler& home, const char* kind) {
  Lock lock("accounts");
  const void* first = nullptr;
  const kept_log log;
  EXPECT_EQ(*troupe::spawn(home, {.name = "writer"}, take_and_end<Lock>, std::ref(lock), std::ref(first)).get(60s),
            "had");
  EXPECT_EQ(log_lines,
            std::vector{fmt::format("green thread \"writer\" has ended while it held {} \"accounts\"", kind)});
  const void* other = nullptr;
  for (int i = 0; i != 100 && other != first; ++i) {
    auto green = troupe::spawn(home, {.name = "other"}, take_and_end<Lock>, std::ref(lock), std::ref(other));
    EXPECT_EQ(*green.get(60s), "timeout");
  }
  EXPECT_FALSE(lock.try_lock());
  EXPECT_EQ(lock.unlock().error(), errc::invalid_argument);
}

TEST_F(LockOrder, a_green_thread_that_ends_with_a_lock_is_told_and_nobody_inherits_it) {
  expect_that_nobody_inherits<troupe::mutex>(home(), "mutex");
  expect_that_nobody_inherits<troupe::recursive_mutex>(home(), "recursive mutex");
  expect_that_nobody_inherits<troupe::shared_mutex>(home(), "shared mutex");
}

TEST_F(LockOrder, a_thread_that_ends_with_a_lock_is_told_and_a_guard_that_it_left_gives_the_lock_up) {
  const kept_log log;
  troupe::mutex m("accounts");
  troupe::mutex::guard left;
  std::thread([&] { left = m.scoped().get(); }).join();
  ASSERT_EQ(log_lines.size(), 1u);
  EXPECT_TRUE(log_lines[0].ends_with(" has ended while it held mutex \"accounts\"")) << log_lines[0];
  EXPECT_FALSE(m.try_lock());
  left.unlock();
  EXPECT_TRUE(m.try_lock());
}

TEST_F(LockOrder, the_error_of_a_lock_that_was_not_had_in_time_names_the_holder) {
  troupe::mutex m("accounts");
  troupe::event go, has;
  auto writer = spawn(home(), {.name = "writer"}, [&]() -> troupe::task<> {
    auto held = co_await m.scoped();
    has.set();
    co_await go.wait();
  });
  has.wait().get();
  EXPECT_EQ(m.try_lock_for(1ms).get().error().message(),
            "timed out after 1 ms, waiting for mutex \"accounts\", which green thread \"writer\" holds");
  go.set();
  EXPECT_TRUE(writer.get(60s));
}

}  // namespace
