#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <thread>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/handlers.hpp>
#include <troupe/actors/runtime.hpp>

namespace {

using namespace std::chrono_literals;

struct hello {};

/// Lets the test shut the runtime down while it is constructed.
class slow_to_make : public troupe::actor {
public:
  slow_to_make(std::latch* begun, std::latch* go_on) {
    begun->count_down();
    go_on->wait();
  }
  void on(hello) {}
};

TEST(LateSpawn, an_actor_that_is_made_while_the_runtime_shuts_down_ends) {
  troupe::runtime rt({.workers = 2});
  std::latch begun(1), go_on(1);
  std::thread other([&] {
    try {
      auto late = rt.spawn<slow_to_make>(&begun, &go_on);
      late.send(hello{});
      EXPECT_TRUE(late.join(10s).has_value()) << "it lives for ever";
    } catch (const troupe::troupe_error& e) {
      EXPECT_EQ(e.code(), troupe::errc::shutdown);
    }
  });
  begun.wait();
  EXPECT_TRUE(rt.shutdown(10s).clean());
  go_on.count_down();
  other.join();
  const troupe::message_counts c = rt.counts();
  EXPECT_EQ(c.spawned, c.ended);
  EXPECT_EQ(c.queued(), 0u);
}

class visitor : public troupe::actor {
public:
  int on(hello) {
    int answer = 0;
    {
      troupe::runtime inner({.workers = 1});
      auto twin = inner.spawn(troupe::handlers{[](hello) -> int { return 2; }});
      if (auto r = twin.ask(hello{}, 10s).get()) answer = *r;
    }
    return answer + 1;
  }
};

TEST(LateSpawn, a_handler_may_make_a_runtime_and_end_it) {
  troupe::runtime rt({.workers = 2});
  auto v = rt.spawn<visitor>();
  for (int i = 0; i != 3; ++i) {
    auto r = v.ask(hello{}, 20s).get();
    ASSERT_TRUE(r.has_value()) << r.error().message();
    EXPECT_EQ(*r, 3);
  }
}

}  // namespace
