// C7: no tick, no polling, no spinning: zero wake-ups while nothing happens.

#include "support.hpp"

#include <filesystem>
#include <fstream>

namespace contracts {
namespace {

struct work {};

class worker_actor : public troupe::actor {
public:
  void on(work) { ++n_; }

private:
  int n_ = 0;
};

struct activity {
  long switches = 0;
  long ticks = 0;  // of processor time, 10 ms each
  int threads = 0;
};

/// What the threads whose names begin with `name` have done so far.
activity of_threads(const std::string& name) {
  activity sum;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string line;
    std::ifstream comm(task.path() / "comm");
    std::getline(comm, line);
    if (!line.starts_with(name)) continue;
    ++sum.threads;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, line)) {
      if (line.starts_with("voluntary_ctxt_switches:")) sum.switches += std::stol(line.substr(line.find(':') + 1));
    }
    std::ifstream stat(task.path() / "stat");
    std::getline(stat, line);
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i != 11; ++i) fields >> skipped;
    long user = 0;
    long kernel = 0;
    fields >> user >> kernel;
    sum.ticks += user + kernel;
  }
  return sum;
}

/// The housekeeper takes a tick or two to lie down, or more where the machine has little time for it.
void wait_for_rest(const std::string& name) {
  for (int i = 0; i != 200; ++i) {
    const activity before = of_threads(name);
    std::this_thread::sleep_for(300ms);
    if (of_threads(name).switches == before.switches) return;
  }
}

void check_idle(const std::string& name, long allowed) {
  wait_for_rest(name);
  const activity before = of_threads(name);
  std::this_thread::sleep_for(2s);
  const activity after = of_threads(name);
  EXPECT_EQ(after.threads, 4) << "three workers and the housekeeper";
  EXPECT_LE(after.switches - before.switches, allowed);
  EXPECT_LE(after.ticks - before.ticks, 1);
}

TEST(C7_Idle, nothing_wakes_up_after_the_work_is_done) {
  troupe::runtime rt({.workers = 3, .name = "idle"});
  auto a = rt.spawn<worker_actor>();
  for (int i = 0; i != 10'000; ++i) a.send(work{});
  ASSERT_TRUE(rt.wait_idle(60s));
  check_idle("idle/", 0);
}

TEST(C7_Idle, nothing_wakes_up_with_far_timers_and_suspended_handlers_pending) {
  class sleeper : public troupe::actor {
  public:
    troupe::task<> on(work) { co_await troupe::this_task::sleep_for(1h); }
  };
  troupe::runtime rt({.workers = 3, .name = "idle"});
  std::vector<troupe::ref<sleeper>> all;
  for (int i = 0; i != 100; ++i) all.push_back(rt.spawn<sleeper>());
  for (auto& s : all) s.send(work{});
  troupe::promise<int> never(rt.scheduler());
  auto waits = rt.spawn(
      [](troupe::future<int> f) -> troupe::task<int> {
        auto r = co_await f;
        co_return r.value_or(0);
      },
      never.get_future());
  // An hour ahead the wheel may want to be turned once or twice in two seconds.
  check_idle("idle/", 12);
  for (auto& s : all) s.kill();
  rt.shutdown(200ms);
}

TEST(C7_Idle, a_timer_that_is_due_wakes_one_worker) {
  constexpr long naps = 200;
  troupe::runtime rt({.workers = 3, .name = "idle"});
  const activity before = of_threads("idle/");
  const auto begin = std::chrono::steady_clock::now();
  auto naps_on = rt.spawn([]() -> troupe::task<> {
    for (long i = 0; i != naps; ++i) {
      auto nap = troupe::this_task::sleep_for(2ms);
      co_await nap;
    }
  });
  ASSERT_TRUE(naps_on.join(60s).has_value());
  const long housekeepers = (std::chrono::steady_clock::now() - begin) / 10ms;
  EXPECT_LE(of_threads("idle/").switches - before.switches, naps + naps / 2 + housekeepers)
      << "a second worker finds nothing to do";
}

}  // namespace
}  // namespace contracts
