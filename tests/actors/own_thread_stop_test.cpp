// Handlers that block on a thread of their own, and are told that their actor is to end.

#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

namespace own_thread_stop {

using namespace std::chrono_literals;
using troupe::own_thread;

struct block {};
struct poll {};
struct is_told {};

struct watch {
  std::atomic<int> begun{0};
  std::atomic<int> told{0};
};

/// Waits for what never comes, as a library does that knows nothing of actors.
void wait_for_ever(watch& w) {
  const std::stop_token stop = troupe::this_task::stop_token();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  ++w.begun;
  never.wait(lock, stop, [] { return false; });
  if (stop.stop_requested()) ++w.told;
}

class blocker : public troupe::actor {
public:
  explicit blocker(watch& w) : watch_(w) {}
  void on(block) { wait_for_ever(watch_); }
  void on(poll) {
    ++watch_.begun;
    while (!troupe::this_task::stop_requested()) std::this_thread::sleep_for(100us);
    ++watch_.told;
  }
  bool on(is_told) { return troupe::this_task::stop_token().stop_requested() || troupe::this_task::stop_requested(); }

private:
  watch& watch_;
};

void wait_for(const std::atomic<int>& n, int value) {
  while (n != value) std::this_thread::sleep_for(100us);
}

/// One waits for its token, one asks again and again: both learn of the kill.
template <class A>
void expect_told_by_kill() {
  troupe::runtime rt({.workers = 1});
  watch w;
  auto waits = rt.spawn<A>(own_thread, w);
  auto polls = rt.spawn<A>(own_thread, w);
  EXPECT_FALSE(waits.ask(is_told{}).get().value());
  waits.send(block{});
  polls.send(poll{});
  wait_for(w.begun, 2);
  waits.kill();
  polls.kill();
  EXPECT_EQ(waits.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(polls.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(w.told, 2);
}

TEST(OwnThreadStop, a_kill_tells_the_handler_that_blocks) { expect_told_by_kill<blocker>(); }

TEST(OwnThreadStop, the_last_step_of_a_shutdown_tells_it_and_nobody_is_stuck) {
  watch w;
  troupe::runtime rt({.workers = 1});
  rt.spawn<blocker>(own_thread, w).send(block{});
  rt.spawn<blocker>(own_thread, w).send(poll{});
  wait_for(w.begun, 2);
  EXPECT_TRUE(rt.shutdown(5s).clean());
  EXPECT_EQ(w.told, 2);
}

class overlaps : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  explicit overlaps(watch& w) : watch_(w) {}
  troupe::task<> on(block) {
    (void)co_await troupe::this_task::sleep_for(1us);
    wait_for_ever(watch_);
  }
  troupe::task<> on(poll) {
    (void)co_await troupe::this_task::sleep_for(1us);
    ++watch_.begun;
    while (!troupe::this_task::stop_requested()) std::this_thread::sleep_for(100us);
    ++watch_.told;
  }

  bool on(is_told) { return troupe::this_task::stop_token().stop_requested() || troupe::this_task::stop_requested(); }

private:
  watch& watch_;
};

TEST(OwnThreadStop, a_kill_tells_the_handlers_of_a_reentrant_class_too) { expect_told_by_kill<overlaps>(); }

TEST(OwnThreadStop, a_kill_tells_on_start_too) {
  class begins : public troupe::actor {
  public:
    explicit begins(watch& w) : watch_(w) {}
    void on_start() { wait_for_ever(watch_); }
    void on(block) {}

  private:
    watch& watch_;
  };
  troupe::runtime rt({.workers = 1});
  watch w;
  auto b = rt.spawn<begins>(own_thread, w);
  wait_for(w.begun, 1);
  b.kill();
  EXPECT_EQ(b.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(w.told, 1);
}

TEST(OwnThreadStop, a_close_tells_nobody) {
  troupe::runtime rt({.workers = 1});
  watch w;
  auto b = rt.spawn<blocker>(own_thread, w);
  b.send(block{});
  wait_for(w.begun, 1);
  b.close();
  EXPECT_FALSE(b.join(20ms)) << "it blocks";
  EXPECT_EQ(w.told, 0);
  b.kill();
  EXPECT_EQ(b.join(60s)->kind, troupe::exit_kind::killed);
}

TEST(OwnThreadStop, an_actor_that_is_made_anew_is_told_and_then_has_a_token_of_its_own) {
  troupe::runtime rt({.workers = 1});
  watch w;
  auto sup = rt.supervise();
  auto b = sup.spawn<blocker>({.own_thread = true}, std::ref(w));
  for (int round = 1; round != 4; ++round) {
    b.send(block{});
    wait_for(w.begun, round);
    ASSERT_TRUE(sup.restart_child(b));
    EXPECT_FALSE(b.ask(is_told{}, 60s).get().value());
    EXPECT_EQ(w.told, round);
  }
}

TEST(OwnThreadStop, other_plain_handlers_have_a_token_that_is_never_told) {
  troupe::runtime rt({.workers = 1});
  watch w;
  EXPECT_FALSE(rt.spawn<blocker>(w).ask(is_told{}, 60s).get().value());
  troupe::runtime seeded({.seed = 1});
  EXPECT_FALSE(seeded.spawn<blocker>(own_thread, w).ask(is_told{}).get().value());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they take all addresses there are

/// Spawns until the system gives no more threads, and ends the process.
[[noreturn]] void spawn_too_many() {
  troupe::runtime rt({.workers = 1});
  watch w;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{200} << 20);
  const rlimit limit{most, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  std::vector<troupe::ref<blocker>> all;
  all.reserve(10'000);
  try {
    for (int i = 0; i != 10'000; ++i) all.push_back(rt.spawn<blocker>(own_thread, w));
  } catch (const std::system_error& e) {
    std::fprintf(stderr, "%s (code %d)\n", e.what(), e.code().value());
    std::_Exit(rt.alive() == all.size() ? 0 : 1);
  }
  std::_Exit(3);
}

TEST(OwnThreadDeathTest, where_the_system_gives_no_thread_the_error_names_the_actor_and_what_to_do) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(spawn_too_many(), testing::ExitedWithCode(0),
              "no thread of its own can be started for actor .*blocker#[0-9]+ .*ulimit -u.*: Resource temporarily");
}

#endif

}  // namespace own_thread_stop
