#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using troupe::errc;

struct enter {};

/// Wants the lock in a handler that is a coroutine.
class guest : public troupe::actor {
public:
  explicit guest(troupe::mutex& door) : door_(&door) {}
  troupe::task<> on(enter) { auto in = co_await door_->scoped(); }

private:
  troupe::mutex* door_;
};

TEST(Deadlock, of_a_lock_and_the_end_of_an_actor_is_told_with_the_name_of_the_actor) {
  troupe::mutex door("door");  // outlives the handler that gives it up last
  troupe::runtime rt;
  auto visitor = rt.spawn<guest>(std::ref(door));
  auto host = rt.spawn([&]() -> troupe::task<std::string> {
    auto held = co_await door.scoped();
    visitor.send(enter{});
    visitor.close();
    auto end = visitor.when_ended();
    auto reason = co_await end;
    co_return reason ? std::string() : reason.error().message();
  });
  const auto story = host.get(60s);
  ASSERT_TRUE(story) << story.error();
  // Whoever of the two waits last is told: the handler throws, or the host gets the error.
  if (!story->empty()) {
    EXPECT_NE(story->find("mutex \"door\""), std::string::npos) << *story;
    EXPECT_NE(story->find("guest"), std::string::npos) << *story;
  }
}

}  // namespace
