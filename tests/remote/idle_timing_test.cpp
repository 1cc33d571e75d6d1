// C7 with a CAF system: nothing wakes up while nothing happens. CAF alone wakes a hundred times a second and more.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <troupe/remote/caf.hpp>

namespace {

using namespace std::chrono_literals;

using go = caf::atom_constant<caf::atom("go")>;

/// How often the threads of this process have gone to sleep by themselves.
long switches() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("voluntary_ctxt_switches:")) sum += std::stol(line.substr(line.find(':') + 1));
  }
  return sum;
}

TEST(C7_Idle, a_process_with_a_caf_system_does_not_wake_up) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer has a thread of its own, which wakes up";
#endif
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto echo = sys->spawn([](caf::event_based_actor* me) -> caf::behavior {
    me->delayed_send(me, 1h, 7);
    return {[](go) { return 1; }, [](int) {}};
  });
  const auto detached =
      sys->spawn<caf::detached>([](caf::event_based_actor*) -> caf::behavior { return {[](go) { return 1; }}; });
  const auto blocking = sys->spawn([](caf::blocking_actor* me) { me->receive([](int) {}); });
  for (int i = 0; i != 100; ++i)
    for (const auto& each : {echo, detached})
      self->request(each, 10s, go::value).receive([](int) {}, [](caf::error&) { FAIL(); });
  long before = 0, after = 1;
  for (int i = 0; i != 20 && after != before; ++i) {  // the housekeeper takes a tick or two to lie down
    before = switches();
    std::this_thread::sleep_for(300ms);
    after = switches() - 1;  // of this thread
  }
  before = switches();
  std::this_thread::sleep_for(2s);
  EXPECT_LE(switches() - before, 1) << "that of the thread which looks";
  caf::anon_send(blocking, 1);
  for (const auto& each : {echo, detached}) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

}  // namespace
