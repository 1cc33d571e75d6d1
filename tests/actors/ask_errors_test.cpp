#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace ask_errors {

using namespace std::chrono_literals;

struct get_mean {};

class mean : public troupe::actor {
public:
  troupe::task<double> on(get_mean) {
    co_await troupe::this_task::sleep_for(1h);
    co_return 0;
  }
};

class asker : public troupe::actor {
public:
  explicit asker(troupe::ref<mean> whom) : whom_(std::move(whom)) {}
  std::string on(const std::string&) { return whom_.ask(get_mean{}, 1h).get().error().message(); }

private:
  troupe::ref<mean> whom_;
};

std::string parties(const troupe::any_ref& asked) { return " (ask_errors::get_mean asked of " + asked.name() + ")"; }

TEST(AskErrors, of_a_timeout_name_the_message_and_the_actor) {
  troupe::runtime rt;
  const auto m = rt.spawn<mean>();
  const auto named = rt.spawn_named<mean>("mean of NYSE");
  EXPECT_EQ(m.ask(get_mean{}, 1ms).get().error().message(), "no result came in time" + parties(m));
  const troupe::address<double(get_mean)> address = named;
  EXPECT_EQ(address.ask({}, 1ms).get().error().message(),
            "no result came in time (ask_errors::get_mean asked of mean of NYSE)");
  auto awaited = rt.spawn(
      [](troupe::ref<mean> whom) -> troupe::task<std::string> {
        auto reply = whom.ask<get_mean>(1ms);
        auto answer = co_await reply;
        co_return answer.error().message();
      },
      m);
  EXPECT_EQ(awaited.get(60s).value(), "no result came in time" + parties(m));
  m.kill();
  named.kill();
}

TEST(AskErrors, of_a_get_on_a_worker_name_the_message_and_the_actor) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  const auto m = rt.spawn<mean>();
  const auto text = rt.spawn<asker>(m).ask(std::string(), 60s).get().value();
  EXPECT_TRUE(text.starts_with("get() would block a worker")) << text;
  EXPECT_TRUE(text.ends_with(parties(m))) << text;
  m.kill();
}

TEST(AskErrors, of_actors_that_end_name_the_message_and_the_actor) {
  troupe::runtime rt;
  const auto m = rt.spawn<mean>();
  auto asked = m.ask(get_mean{});
  m.kill();
  EXPECT_EQ(asked.get(60s).error().message(), "the actor was killed" + parties(m));
  (void)m.join(60s);
  const auto late = m.ask(get_mean{}).get(60s).error();
  EXPECT_EQ(late, troupe::errc::closed);
  EXPECT_EQ(late.message(), "the actor had been closed or had ended" + parties(m));
}

TEST(AskErrors, name_an_actor_that_ends_at_the_moment_of_the_timeout) {
  troupe::runtime rt;
  for (int i = 0; i != 200; ++i) {
    const auto m = rt.spawn_named<mean>("an actor with a name of some length, number " + std::to_string(i));
    auto asked = m.ask(get_mean{}, std::chrono::microseconds(i));
    std::thread killer([to = troupe::any_ref(m)] { to.kill(); });
    const auto name = parties(m);
    const auto text = asked.get().error().message();
    EXPECT_TRUE(text.ends_with(name)) << text;
    killer.join();
  }
}

struct work {};
struct hold {};

class worker : public troupe::actor {
public:
  troupe::task<> on(hold) { co_await troupe::this_task::sleep_for(20ms); }
  int on(work) { return ++done_; }

private:
  int done_ = 0;
};

TEST(Ask, whose_asker_has_given_up_before_its_turn_is_not_handled_but_counted) {
  troupe::runtime rt({.seed = 3});
  const auto w = rt.spawn<worker>();
  w.send(hold{});
  rt.spawn([w]() -> troupe::task<> {
      auto timed_out = w.ask(work{}, 1ms);
      auto answer = co_await timed_out;
      EXPECT_EQ(answer.error(), troupe::errc::timeout);
      auto cancelled = w.ask(work{});
      EXPECT_TRUE(cancelled.cancel());
      { auto dropped = w.ask(work{}); }
      auto kept = w.ask(work{});
      auto first = co_await kept;
      EXPECT_EQ(first.value(), 1);
    })
      .get()
      .value();
  rt.run();
  EXPECT_EQ(rt.counts().dropped, 3u);
  EXPECT_EQ(rt.counts().handled, 2u);
  EXPECT_EQ(rt.counts().late_replies, 0u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

}  // namespace ask_errors
