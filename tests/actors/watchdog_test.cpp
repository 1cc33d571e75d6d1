#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

/// Where the handler below is found by its name in the table of exported symbols.
extern "C" [[gnu::noinline]] void hang_here(const std::atomic<bool>& until) {
  while (!until.load()) std::this_thread::sleep_for(1ms);
}

namespace {

using troupe::stuck_handler;

struct hang {
  const std::atomic<bool>* until;
};

class sleepy : public troupe::actor {
public:
  void on(hang h) { hang_here(*h.until); }
  int on(int n) const { return n; }
};

/// What the watchdog has told since the last test began.
class reports {
public:
  reports() {
    std::lock_guard guard(mutex());
    list().clear();
  }
  static void note(const stuck_handler& s) {
    std::lock_guard guard(mutex());
    list().push_back(s);
  }
  static std::vector<stuck_handler> all() {
    std::lock_guard guard(mutex());
    return list();
  }
  static bool wait_for(std::size_t n) {
    for (int i = 0; i != 6000; ++i) {
      if (all().size() >= n) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

private:
  static std::mutex& mutex() {
    static std::mutex m;
    return m;
  }
  static std::vector<stuck_handler>& list() {
    static std::vector<stuck_handler> l;
    return l;
  }
};

TEST(Watchdog, names_actor_message_thread_and_place_once_and_others_go_on) {
  reports told;
  troupe::runtime rt({.workers = 1, .name = "dog", .watchdog = {.limit = 50ms, .on_stuck = &reports::note}});
  std::atomic<bool> over{false};
  auto s = rt.spawn_named<sleepy>("s");
  auto other = rt.spawn<sleepy>();
  s.send(hang{&over});
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_EQ(other.ask(7, 60s).get().value_or(0), 7);  // C8: a thread stands in
  std::this_thread::sleep_for(200ms);
  over = true;
  ASSERT_TRUE(rt.wait_idle(60s));

  const auto all = told.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "s");
  EXPECT_NE(all[0].handler.find("hang"), std::string::npos) << all[0].handler;
  EXPECT_EQ(all[0].worker, "dog/0");
  EXPECT_GE(all[0].since, 50ms);
  EXPECT_NE(all[0].stack.find("hang_here"), std::string::npos) << all[0].stack;
}

TEST(Watchdog, tells_again_of_the_next_handler) {
  reports told;
  troupe::runtime rt({.workers = 1, .watchdog = {.limit = 20ms, .stacks = false, .on_stuck = &reports::note}});
  auto s = rt.spawn<sleepy>();
  for (std::size_t i = 1; i != 3; ++i) {
    std::atomic<bool> over{false};
    s.send(hang{&over});
    ASSERT_TRUE(told.wait_for(i));
    over = true;
    ASSERT_TRUE(rt.wait_idle(60s));
  }
  const auto all = told.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].stack.empty());
}

TEST(Watchdog, that_is_off_says_nothing) {
  reports told;
  troupe::runtime rt({.workers = 1, .watchdog = {.limit = 0ms, .on_stuck = &reports::note}});
  std::atomic<bool> over{false};
  rt.spawn<sleepy>().send(hang{&over});
  std::this_thread::sleep_for(100ms);
  over = true;
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(told.all().empty());
}

}  // namespace
