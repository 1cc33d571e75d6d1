#include <troupe/scheduler/barrier.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/latch.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/select.hpp>
#include <troupe/scheduler/semaphore.hpp>

#include "sync_fixture.hpp"

#include <cstddef>

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

TEST_F(Misuse, a_capacity_that_was_negative_is_refused) {
  EXPECT_TRUE(throws(errc::invalid_argument, [] { troupe::channel<int> c(static_cast<std::size_t>(-2)); }));
  troupe::channel<int> c(static_cast<std::size_t>(-1));
  EXPECT_EQ(c.capacity(), troupe::unbounded);
}

TEST_F(Misuse, numbers_that_were_negative_are_refused) {
  const auto refused = [](auto make) { return throws(errc::invalid_argument, make); };
  constexpr auto minus_one = static_cast<std::size_t>(-1);
  EXPECT_TRUE(refused([] { troupe::barrier b(0); }));
  EXPECT_TRUE(refused([] { troupe::barrier b(minus_one); }));
  EXPECT_TRUE(refused([] { troupe::latch l(minus_one); }));
  EXPECT_TRUE(refused([] { troupe::semaphore s(minus_one); }));
  EXPECT_TRUE(refused([] { troupe::bounded_semaphore s(minus_one); }));
  EXPECT_TRUE(refused([] { troupe::bounded_semaphore s(2, 1); }));
  const troupe::semaphore most(troupe::semaphore::max);
  EXPECT_EQ(most.available(), troupe::semaphore::max);
  const troupe::latch open(0);
  EXPECT_TRUE(open.try_wait());
}

}  // namespace
