#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/select.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Misuse : public Synchronisation {};

TEST_F(Misuse, an_operation_is_awaited_once) {
  const auto refused = [](auto& o) { return throws(errc::invalid_argument, [&] { (void)o.get(); }); };
  troupe::channel<int> c(1);
  auto sent = c.send(1);
  EXPECT_TRUE(sent.get());
  EXPECT_TRUE(refused(sent));
  auto received = c.receive();
  EXPECT_EQ(*received.get(), 1);
  EXPECT_TRUE(refused(received));
  auto late = c.try_receive_for(1ms);
  EXPECT_EQ(late.get().error(), errc::timeout);
  EXPECT_TRUE(refused(late));
  EXPECT_TRUE(c.empty());
  auto selected = select(c.receive(), troupe::after(0s));
  EXPECT_EQ(selected.get().index(), 1U);
  EXPECT_TRUE(refused(selected));
  troupe::mutex m;
  auto lock = m.lock();
  lock.get();
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { lock.get(); }));
  EXPECT_TRUE(m.unlock());
  troupe::promise<int> p(home());
  const auto f = p.get_future();
  auto came = f.wait(1ms);
  EXPECT_EQ(came.get().error(), errc::timeout);
  EXPECT_TRUE(refused(came));
}

TEST_F(Misuse, an_operation_that_a_green_thread_awaits_twice_throws) {
  auto green = spawn(home(), []() -> troupe::task<int> {
    int refused = 0;
    troupe::channel<int> c(1);
    auto sent = c.send(1);
    (co_await sent).value();
    try {
      (void)co_await sent;
    } catch (const troupe::troupe_error& e) {
      refused += e.code() == errc::invalid_argument ? 1 : 0;
    }
    auto sleep = troupe::this_task::sleep_for(1us);
    co_await sleep;
    try {
      co_await sleep;
    } catch (const troupe::troupe_error& e) {
      refused += e.code() == errc::invalid_argument ? 1 : 0;
    }
    co_await troupe::this_task::yield();
    co_return refused;
  });
  EXPECT_EQ(*green.get(60s), 2);
}

}  // namespace
