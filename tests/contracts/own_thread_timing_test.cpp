// C6 and C7 for actors on threads of their own.

#include "support.hpp"

#include <filesystem>
#include <fstream>

namespace contracts {
namespace {

using clock = std::chrono::steady_clock;
using troupe::own_thread;

struct nap {
  std::atomic<bool>* begun;
  std::atomic<bool>* over;
};
struct number {
  int n;
};

class blocks : public troupe::actor {
public:
  explicit blocks(std::atomic<int>& woke_up) : woke_up_(woke_up) {}
  void on(nap n) {
    *n.begun = true;
    EXPECT_TRUE(eventually([&] { return n.over->load(); }));
    self(this).send(number{1});  // all that it can touch is still there
    other_ = self(this);
    ++woke_up_;
  }
  void on(number) {}

private:
  std::atomic<int>& woke_up_;
  troupe::any_ref other_;
};

TEST(C6_Shutdown, names_an_actor_that_blocks_its_own_thread_and_returns_by_the_deadline) {
  static std::atomic<int> woke_up{0};
  static std::atomic<bool> begun{false};
  static std::atomic<bool> over{false};
  woke_up = 0;
  begun = over = false;
  {
    troupe::runtime rt({.workers = 2});
    auto b = rt.spawn<blocks>({.name = "sleepyhead", .own_thread = true}, woke_up);
    const auto sent = clock::now();
    b.send(nap{&begun, &over});
    ASSERT_TRUE(eventually([] { return begun.load(); }));
    std::this_thread::sleep_for(20ms);
    const auto asked = clock::now();
    const troupe::shutdown_report report = rt.shutdown(300ms);
    EXPECT_LT(clock::now() - asked, 30s);
    const auto since_begun = clock::now() - sent;
    ASSERT_EQ(report.stuck.size(), 1u) << "the actor, and not its thread once more";
    EXPECT_EQ(report.stuck[0].name, "sleepyhead");
    EXPECT_NE(report.stuck[0].handler.find("nap"), std::string::npos) << report.stuck[0].handler;
    EXPECT_GE(report.stuck[0].since, 20ms);
    EXPECT_LE(report.stuck[0].since, since_begun);
    EXPECT_EQ(woke_up.load(), 0);
  }
  over = true;
  // The thread that was left to itself comes back after runtime and references have gone.
  EXPECT_TRUE(eventually([] { return woke_up.load() == 1; }));
  std::this_thread::sleep_for(50ms);
}

TEST(C6_Shutdown, waits_for_a_handler_that_returns_in_time_on_its_own_thread) {
  std::atomic<int> woke_up{0};
  std::atomic<bool> begun{false};
  std::atomic<bool> over{false};
  troupe::runtime rt({.workers = 1});
  auto b = rt.spawn<blocks>(own_thread, woke_up);
  b.send(nap{&begun, &over});
  b.send(number{2});
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  std::thread ends([&] {
    std::this_thread::sleep_for(50ms);
    over = true;
  });
  EXPECT_TRUE(rt.shutdown(60s).clean());
  ends.join();
  EXPECT_EQ(woke_up, 1);
  const auto c = rt.counts();
  EXPECT_EQ(c.queued(), 0u);
  EXPECT_EQ(c.handled, 3u);
}

/// Voluntary context switches of the threads with that name.
long switches_of(const std::string& name) {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string line;
    std::ifstream comm(task.path() / "comm");
    std::getline(comm, line);
    if (line != name) continue;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, line)) {
      if (line.starts_with("voluntary_ctxt_switches:")) sum += std::stol(line.substr(line.find(':') + 1));
    }
  }
  return sum;
}

TEST(C7_Idle, a_thread_of_its_own_sleeps_while_there_is_no_message) {
  troupe::runtime rt({.workers = 1});
  std::atomic<int> unused{0};
  auto b = rt.spawn<blocks>({.name = "idler", .own_thread = true}, unused);
  for (int i = 0; i != 1'000; ++i) b.send(number{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  std::this_thread::sleep_for(100ms);
  const long before = switches_of("idler");
  ASSERT_GT(before, 0);
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(switches_of("idler"), before);
}

}  // namespace
}  // namespace contracts
