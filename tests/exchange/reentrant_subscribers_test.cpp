// Subscribers whose handlers interleave at their waits.

#include <troupe/scheduler/event.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace reentrant_subscribers {

using namespace std::chrono_literals;

class reader : public troupe::actor {
public:
  static constexpr bool reentrant = true;
  reader(troupe::event& e, std::atomic<int>& begun, std::string& seen) : event_(&e), begun_(&begun), seen_(&seen) {}
  troupe::task<> on(const std::string& text) {
    ++*begun_;
    co_await event_->wait();
    *seen_ += text;
  }

private:
  troupe::event* event_;
  std::atomic<int>* begun_;
  std::string* seen_;
};

TEST(ReentrantSubscribers, handlers_of_messages_of_an_exchange_overlap_and_keep_their_messages) {
  troupe::event go;
  std::atomic<int> begun{0};
  std::string seen;
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::string> x(rt, "x");
  const auto r = rt.spawn<reader>(std::ref(go), std::ref(begun), std::ref(seen));
  auto subscription = x.attach(r);
  for (int i = 0; i != 100; ++i) x.publish(std::string(60, 'a'));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(begun.load(), 100);
  subscription.detach();
  go.set();
  r.close();
  ASSERT_TRUE(r.join(60s));
  EXPECT_EQ(seen, std::string(6000, 'a'));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 100u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

}  // namespace reentrant_subscribers
