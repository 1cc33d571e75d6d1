// Handlers that overlap, on many schedules: each question has one answer, and nothing is lost, however the actor ends.

#include <troupe/actors/actor.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace overlapping_schedules {

using namespace std::chrono_literals;
using troupe::testing::explore;

struct slow {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);
};
struct put_off {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);
};
struct fail {};
struct open_up {};

class busy : public troupe::actor {
public:
  static constexpr bool reentrant = true;

  troupe::task<int> on(const slow& s) {
    const inside here(*this);
    (void)co_await troupe::this_task::sleep_for(std::chrono::milliseconds(s.n % 3));
    co_await troupe::this_task::yield();
    co_return s.n + *s.weight;
  }
  troupe::task<int> on(const put_off& p) {
    co_await troupe::this_task::yield();
    if (!open_) stash();
    co_await troupe::this_task::yield();
    co_return p.n + *p.weight;
  }
  void on(open_up) {
    open_ = true;
    unstash_all();
  }
  troupe::task<> on(fail) {
    co_await troupe::this_task::yield();
    throw std::runtime_error("on purpose");
  }
  ~busy() { EXPECT_EQ(inside_, 0); }  // handlers go before what they work on

private:
  struct inside {
    explicit inside(busy& b) : who(&b) { ++who->inside_; }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;
    ~inside() { --who->inside_; }
    busy* who;
  };

  bool open_ = false;
  int inside_ = 0;
};

enum class ending { none, close, kill, crash };

void ask_and_end(ending how, bool supervised) {
  explore(400, [=](troupe::runtime& rt) {
    const troupe::ref<busy> b =
        supervised ? rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}}).spawn<busy>() : rt.spawn<busy>();
    auto answers = std::make_shared<int>(0);
    for (int i = 0; i != 3; ++i) {
      rt.spawn([b, i, answers]() -> troupe::task<> {
        auto asked = b.ask(slow{i}, i == 1 ? 1ms : 1h);
        auto got = co_await asked;
        ++*answers;
        EXPECT_EQ(got.value_or(i), i);
      });
    }
    rt.spawn([b, how]() -> troupe::task<> {
      co_await troupe::this_task::yield();
      if (how == ending::close) b.close();
      if (how == ending::kill) b.kill();
      if (how == ending::crash) b.send(fail{});
    });
    rt.run();
    EXPECT_EQ(*answers, 3);
    EXPECT_EQ(rt.counts().queued(), 0u);
    EXPECT_EQ(b.alive(), how == ending::none || (how == ending::crash && supervised));
  });
}

TEST(ReentrantSchedules, each_question_has_an_answer_while_it_lives) { ask_and_end(ending::none, false); }
TEST(ReentrantSchedules, each_question_has_an_answer_when_it_is_closed) { ask_and_end(ending::close, false); }
TEST(ReentrantSchedules, each_question_has_an_answer_when_it_is_killed) { ask_and_end(ending::kill, false); }
TEST(ReentrantSchedules, each_question_has_an_answer_when_it_crashes) { ask_and_end(ending::crash, false); }
TEST(ReentrantSchedules, each_question_has_an_answer_when_it_is_made_anew) { ask_and_end(ending::crash, true); }

TEST(ReentrantSchedules, what_is_put_off_comes_back_once_its_handler_is_done) {
  explore(400, [](troupe::runtime& rt) {
    const auto b = rt.spawn<busy>();
    auto answers = std::make_shared<int>(0);
    for (int i = 0; i != 3; ++i) {
      rt.spawn([b, i, answers]() -> troupe::task<> {
        auto asked = b.ask(put_off{i}, 1h);
        auto got = co_await asked;
        EXPECT_EQ(got.value(), i);
        ++*answers;
      });
    }
    // Again and again: what is put off comes into the stash when its handler is done.
    rt.spawn([b, answers]() -> troupe::task<> {
      while (*answers != 3) {
        b.send(open_up{});
        co_await troupe::this_task::sleep_for(1ms);
      }
    });
    rt.run();
    EXPECT_EQ(*answers, 3);
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

}  // namespace overlapping_schedules
