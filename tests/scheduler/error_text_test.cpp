#include <troupe/base/log.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/executor.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/scope.hpp>
#include <troupe/scheduler/thread.hpp>

#include "sync_fixture.hpp"

#include <mutex>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::task;

class ErrorText : public Synchronisation {};

TEST_F(ErrorText, of_a_channel_says_who_closed_it_or_how_long_it_waited) {
  troupe::channel<int> c(0);
  EXPECT_EQ(c.try_receive_for(2ms).get().error().message(), "timed out after 2 ms, waiting for an item from a channel");
  EXPECT_EQ(c.try_send_for(1, 1500us).get().error().message(),
            "timed out after 1500 us, waiting for room in a channel");
  spawn(home(), {.name = "closer"},
        [&]() -> troupe::task<> {
          c.close();
          co_return;
        })
      .get()
      .value();
  c.close();
  const std::string closed = "the channel was closed by green thread \"closer\"";
  EXPECT_EQ(c.receive().get().error().message(), closed);
  EXPECT_EQ(c.try_receive().error().message(), closed);
  EXPECT_EQ(c.send(1).get().error().message(), closed);
  EXPECT_EQ(c.try_send(1).error().message(), closed);
}

TEST_F(ErrorText, of_a_join_names_whom_it_waited_for) {
  troupe::event go;
  auto green = spawn(home(), {.name = "reader"}, [&]() -> task<> { co_await go.wait(); });
  EXPECT_EQ(green.join(1ms).error().message(), "no result of green thread \"reader\" came in time");
  troupe::thread t(home(), "loader", [&] { go.wait().get(); });
  EXPECT_EQ(t.join(1ms).error().message(), "thread \"loader\" has not ended in time");
  go.set();
  EXPECT_TRUE(green.get(60s));
  EXPECT_TRUE(t.join(60s));
}

TEST_F(ErrorText, of_locks_and_signals_says_what_was_waited_for_and_how_long) {
  troupe::check_lock_order(false);  // it would add the holder
  troupe::mutex m("accounts");
  const auto held = m.scoped().get();
  auto green = spawn(home(), [&]() -> task<std::string> {
    auto r = co_await m.try_lock_for(2ms);
    co_return r.error().message();
  });
  EXPECT_EQ(*green.get(60s), "timed out after 2 ms, waiting for mutex \"accounts\"");
  troupe::event e;
  EXPECT_EQ(e.wait_for(0ns).get().error().message(), "timed out after 0 ns, waiting for an event");
}

TEST_F(ErrorText, in_the_log_names_the_green_thread) {
  static std::mutex mutex;
  static std::string log;
  log.clear();
  troupe::set_log_sink([](std::string_view line) noexcept {
    std::lock_guard guard(mutex);
    log.append(line).append("\n");
  });
  (void)spawn(home(), {.name = "reader"}, []() -> task<> {
    throw std::runtime_error("no such file");
    co_return;
  });
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  const auto fail = []() -> task<> {
    while (!troupe::this_task::stop_requested()) co_await troupe::this_task::yield();
    throw std::runtime_error("no such row");
  };
  auto scoped = spawn(home(), [&]() -> task<> {
    auto body = [&](troupe::scope& s) -> task<> {
      (void)s.spawn({.name = "cleaner"}, fail);
      throw std::runtime_error("first");
      co_return;
    };
    co_await troupe::with_scope(body);
  });
  EXPECT_EQ(scoped.get(60s).error().message(), "first");
  {
    troupe::executor jobs(home());
    (void)jobs.submit([] { throw std::runtime_error("no such job"); });
  }
  EXPECT_TRUE(pool->wait_quiescent(troupe::timers::never));
  troupe::set_log_sink(nullptr);
  EXPECT_EQ(log,
            "green thread \"reader\" ended with an exception: no such file\n"
            "green thread \"cleaner\" failed as well, in a scope that was called off: no such row\n"
            "a job ended with an exception: no such job\n");
}

}  // namespace
