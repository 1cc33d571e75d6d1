// What an actor can do with the message at hand, where there is none.

#include <troupe/actors/runtime.hpp>
#include <troupe/actors/supervisor.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace message_at_hand {

using namespace std::chrono_literals;

struct crash {
  std::shared_ptr<int> weight = std::make_shared<int>(0);  // so that a message destroyed twice shows
};
struct question {
  std::string text = "long enough to stand in memory of its own";
};
struct hello {};

std::string what_stash_says(const auto& stash) {
  try {
    stash();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
    return e.what();
  }
  return "nothing";
}

/// What was seen outside of handlers.
struct diary {
  int starts = 0;
  std::string in_constructor, in_on_start, in_on_stop, in_destructor;
  bool asker_gone = false;
  bool torn = false;  ///< an object has gone that was to be made anew
};

class frail : public troupe::actor {
public:
  explicit frail(diary& d) : d_(&d) { d_->in_constructor = look(); }
  ~frail() { d_->in_destructor = look(); }
  void on_start() {
    ++d_->starts;
    d_->in_on_start = look();
  }
  void on_stop() { d_->in_on_stop = look(); }
  void on(const crash&) { throw std::runtime_error("torn"); }
  int on(const question&) { throw std::runtime_error("torn by a question"); }
  void on(hello) {}

private:
  std::string look() {
    d_->asker_gone = d_->asker_gone || asker_gone();
    return what_stash_says([&] { stash(); });
  }

  diary* d_;
};

constexpr auto outside = "outside of the handler of a message";

void expect_nothing_at_hand(const std::string& text, const char* where) {
  EXPECT_NE(text.find(outside), std::string::npos) << where << ": " << text;
}

class MessageAtHand : public testing::TestWithParam<bool> {
protected:
  /// With or without a limit.
  troupe::child_options options() const {
    troupe::child_options o;
    if (GetParam()) o.mailbox = troupe::mailbox_options{.capacity = 100};
    return o;
  }
};

TEST_P(MessageAtHand, is_none_in_the_constructor_on_start_and_destructor_behind_a_crash) {
  diary d;
  troupe::runtime rt({.workers = 2});
  const auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  const auto f = sup.spawn<frail>(options(), std::ref(d));
  for (int i = 0; i != 3; ++i) {
    f.send(crash{});
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(d.starts, i + 2);
    expect_nothing_at_hand(d.in_constructor, "constructor");
    expect_nothing_at_hand(d.in_on_start, "on_start");
    expect_nothing_at_hand(d.in_destructor, "destructor");
  }
  f.close();
  ASSERT_TRUE(f.join(60s));
  expect_nothing_at_hand(d.in_on_stop, "on_stop");
  expect_nothing_at_hand(d.in_destructor, "destructor");
  EXPECT_EQ(rt.counts().failed, 3u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST_P(MessageAtHand, has_no_asker_in_on_start_behind_a_crash_at_a_question) {
  diary d;
  troupe::runtime rt({.workers = 2});
  const auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  const auto f = sup.spawn<frail>(options(), std::ref(d));
  for (int i = 0; i != 3; ++i) {
    EXPECT_EQ(f.ask(question{}).get(60s).error(), troupe::errc::crashed);
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(d.starts, i + 2);
    EXPECT_FALSE(d.asker_gone);
  }
}

TEST_P(MessageAtHand, that_comes_again_after_a_crash_cannot_be_put_off_in_on_start) {
  diary d;
  troupe::runtime rt({.workers = 2});
  const auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  troupe::child_options twice = options();
  twice.poison_after = 2;
  const auto f = sup.spawn<frail>(twice, std::ref(d));
  f.send(crash{});
  f.send(hello{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(d.starts, 3);
  expect_nothing_at_hand(d.in_on_start, "on_start");
  EXPECT_EQ(rt.counts().poison, 1u);
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Mailboxes, MessageAtHand, testing::Bool(),
                         [](const auto& with) { return with.param ? "with_a_limit" : "without"; });

TEST(MessageAtHandBehindOnIdle, is_there_again_once_that_has_crashed) {
  class sleepy : public troupe::actor {
  public:
    explicit sleepy(bool& dreamt) : dreamt_(&dreamt) {
      if (!*dreamt_) set_idle_timeout(1ms);
    }
    void on_idle() {
      *dreamt_ = true;
      throw std::runtime_error("a bad dream");
    }
    std::string on(const hello&) {
      return what_stash_says([&] { stash(); });
    }
    std::string on(const question&) { return "awake"; }

  private:
    bool* dreamt_;
  };
  bool dreamt = false;
  troupe::runtime rt({.seed = 7});
  const auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  const auto s = sup.spawn<sleepy>({}, std::ref(dreamt));
  rt.spawn([]() -> troupe::task<> { co_await troupe::this_task::sleep_for(10ms); }).get().value();
  ASSERT_TRUE(dreamt);
  auto put_off = s.ask(hello{});
  EXPECT_EQ(s.ask(question{}).get().value(), "awake");
  EXPECT_FALSE(put_off.done()) << "stashed: nobody answers";
}

}  // namespace message_at_hand
