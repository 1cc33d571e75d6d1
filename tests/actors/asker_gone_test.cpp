// What becomes of a handler when whoever has asked gives up.

#include <troupe/actors/actor.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/with_timeout.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

namespace asker_gone {

using namespace std::chrono_literals;
using troupe::errc;

struct work {};
struct ask_on {};
struct lock_up {};
struct shielded {};
struct other_failure {};
struct get_count {};
struct note {};

/// What the handlers of a server have seen; written in its slices, read when it rests.
struct diary {
  troupe::event begun;
  troupe::mutex door{"door"};
  bool slept = true;
  bool stop_requested = false;
  std::optional<std::stop_token> token;
  std::string error;
  std::atomic<int> done{0};
};

class server : public troupe::actor {
public:
  explicit server(diary& l) : log_(&l) {}

  troupe::task<int> on(work) {
    log_->token = troupe::this_task::stop_token();
    log_->begun.set();
    log_->slept = co_await troupe::this_task::sleep_for(1h);
    log_->stop_requested = troupe::this_task::stop_requested();
    ++log_->done;
    co_return 1;
  }
  troupe::task<int> on(lock_up) {
    log_->begun.set();
    auto held = co_await log_->door.scoped();  // throws when it is called off
    co_return 1;
  }
  troupe::task<int> on(shielded) {
    log_->begun.set();
    auto body = shield(sleep_a_little());
    co_await body;
    ++log_->done;
    co_return 1;
  }
  troupe::task<int> on(other_failure) {
    log_->begun.set();
    (void)co_await troupe::this_task::sleep_for(1h);
    throw std::runtime_error("of another sort");
  }
  int on(get_count) const { return log_->done; }
  troupe::task<> on(note) {
    const bool slept = co_await troupe::this_task::sleep_for(1ms);
    if (slept) ++log_->done;
  }

private:
  static troupe::task<> sleep_a_little() {
    const bool slept = co_await troupe::this_task::sleep_for(5ms);
    EXPECT_TRUE(slept);
  }

  diary* log_;
};

/// Asks another, and waits for that in its own handler.
class middleman : public troupe::actor {
public:
  explicit middleman(troupe::ref<server> s, diary& l) : server_(std::move(s)), log_(&l) {}
  troupe::task<int> on(ask_on) {
    auto asked = server_.ask(work{});
    auto got = co_await asked;
    log_->error = got ? std::string() : std::string(to_string(got.error().code()));
    co_return got.value_or(0);
  }

private:
  troupe::ref<server> server_;
  diary* log_;
};

TEST(AskerGone, by_a_timeout_calls_off_the_waits_of_the_handler_and_the_actor_goes_on) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  auto asked = s.ask(work{});
  l.begun.wait().get();
  EXPECT_EQ(asked.get(1ms).error(), errc::timeout);
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 1);  // an hour's sleep would have been in the way
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_FALSE(l.slept);
  EXPECT_TRUE(l.stop_requested);
  EXPECT_TRUE(l.token->stop_requested());
  EXPECT_EQ(rt.counts().called_off, 1u);
  EXPECT_EQ(rt.counts().failed, 0u);
  EXPECT_EQ(rt.counts().handled, 2u);
}

TEST(AskerGone, by_cancel_or_by_dropping_the_future_does_the_same) {
  for (const bool drop : {false, true}) {
    diary l;
    troupe::runtime rt({.workers = 2});
    const auto s = rt.spawn<server>(l);
    {
      auto asked = s.ask(work{});
      l.begun.wait().get();
      if (!drop) {
        EXPECT_TRUE(asked.cancel());
        EXPECT_EQ(asked.get().error(), errc::cancelled);
      }
    }
    EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 1);
    EXPECT_FALSE(l.slept);
    EXPECT_EQ(rt.counts().called_off, 1u);
  }
}

TEST(AskerGone, reaches_through_a_chain_of_questions) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  const auto m = rt.spawn<middleman>(s, l);
  {
    auto asked = m.ask(ask_on{});
    l.begun.wait().get();
  }
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(l.error, "cancelled");
  EXPECT_FALSE(l.slept);
  EXPECT_EQ(rt.counts().called_off, 2u);
}

TEST(AskerGone, by_the_kill_of_the_actor_that_asked_does_the_same) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  const auto m = rt.spawn<middleman>(s, l);
  m.send(ask_on{});
  l.begun.wait().get();
  m.kill();
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 1);
  EXPECT_EQ(rt.counts().called_off, 1u);
}

TEST(AskerGone, what_the_handler_throws_because_of_it_ends_the_handler_and_not_the_actor) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  auto held = l.door.scoped().get();
  {
    auto asked = s.ask(lock_up{});
    l.begun.wait().get();
  }
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 0);
  EXPECT_EQ(rt.counts().failed, 0u);
}

TEST(AskerGone, does_not_hide_what_the_handler_throws_for_another_reason) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  {
    auto asked = s.ask(other_failure{});
    l.begun.wait().get();
  }
  EXPECT_EQ(s.join(60s)->kind, troupe::exit_kind::crashed);
  EXPECT_EQ(rt.counts().failed, 1u);
}

TEST(AskerGone, does_not_reach_what_is_shielded) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  {
    auto asked = s.ask(shielded{});
    l.begun.wait().get();
  }
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 1);
}

TEST(AskerGone, says_nothing_to_the_next_handler_of_the_actor) {
  diary l;
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<server>(l);
  {
    auto asked = s.ask(work{});
    l.begun.wait().get();
  }
  s.send(note{});  // its sleep is not called off
  EXPECT_EQ(s.ask(get_count{}, 60s).get().value(), 2);
  const std::stop_token of_the_first = *l.token;
  EXPECT_TRUE(of_the_first.stop_requested());
  l.begun.clear();
  auto second = s.ask(work{}, 60s);
  l.begun.wait().get();
  EXPECT_FALSE(l.token->stop_requested());
  s.kill();
  EXPECT_EQ(second.get().error(), errc::killed);
}

/// Works without waiting, and looks whether anybody still wants it.
class poller : public troupe::actor {
public:
  poller(troupe::event& begun, std::atomic<int>& seen) : begun_(&begun), seen_(&seen) {}
  int on(work) {
    begun_->set();
    while (!asker_gone()) std::this_thread::sleep_for(100us);
    return ++*seen_;
  }
  void on(note) {
    if (asker_gone()) ++*seen_;
  }
  int on(get_count) const { return asker_gone() ? -1 : seen_->load(); }

private:
  troupe::event* begun_;
  std::atomic<int>* seen_;
};

TEST(AskerGone, is_seen_by_a_handler_that_polls) {
  troupe::event begun;
  std::atomic<int> seen{0};
  troupe::runtime rt({.workers = 2});
  const auto p = rt.spawn<poller>(begun, seen);
  {
    auto asked = p.ask(work{});
    begun.wait().get();
  }
  p.send(note{});
  EXPECT_EQ(p.ask(get_count{}, 60s).get().value(), 1);
}

TEST(AskerGone, on_all_schedules_either_the_answer_comes_or_the_handler_learns_it) {
  struct outcome {
    int answered = 0;
    int finished = 0;
    int called_off = 0;
  };
  outcome all;
  troupe::testing::explore(500, [&all](troupe::runtime& rt) {
    auto out = std::make_shared<outcome>();
    class slow : public troupe::actor {
    public:
      explicit slow(std::shared_ptr<outcome> o) : out_(std::move(o)) {}
      troupe::task<int> on(work) {
        co_await troupe::this_task::yield();
        const bool slept = co_await troupe::this_task::sleep_for(2ms);
        slept ? ++out_->finished : ++out_->called_off;
        co_return 1;
      }

    private:
      std::shared_ptr<outcome> out_;
    };
    const auto s = rt.spawn<slow>(out);
    for (int i = 1; i != 4; ++i) {
      rt.spawn([s, out, i]() -> troupe::task<> {
        auto asked = s.ask(work{}, std::chrono::milliseconds(i));
        auto got = co_await asked;
        if (got) ++out->answered;
      });
    }
    rt.run();
    EXPECT_GE(out->finished, out->answered);
    EXPECT_GE(rt.counts().called_off, static_cast<std::uint64_t>(out->called_off));
    EXPECT_EQ(rt.counts().failed, 0u);
    EXPECT_EQ(rt.counts().queued(), 0u);
    all.answered += out->answered;
    all.called_off += out->called_off;
  });
  EXPECT_GT(all.answered, 0);
  EXPECT_GT(all.called_off, 0);
}

/// Notes whether a handler was told to stop before anybody could mean it.
class quick : public troupe::actor {
public:
  quick(std::atomic<int>& begun, std::atomic<int>& told) : begun_(&begun), told_(&told) {}
  troupe::task<int> on(work) {
    if (troupe::this_task::stop_requested()) ++*told_;
    const bool waited = co_await troupe::this_task::sleep_for(0ns);
    if (waited) ++*begun_;
    for (int i = 0; i != 3; ++i) co_await troupe::this_task::yield();
    co_return 1;
  }

private:
  std::atomic<int>* begun_;
  std::atomic<int>* told_;
};

TEST(AskerGone, races_with_the_end_of_the_handler_without_harm) {
  std::atomic<int> begun{0};
  std::atomic<int> told_too_early{0};
  troupe::runtime rt({.workers = 2});
  const auto q = rt.spawn<quick>(begun, told_too_early);
  for (int i = 0; i != 5'000; ++i) {
    auto asked = q.ask(work{});
    while (begun != i + 1) std::this_thread::yield();
    for (int spin = 0; spin != i % 100 && !asked.done(); ++spin) continue;  // meets it before, at and behind its end
    if (i % 2 == 0) asked.cancel();
  }
  EXPECT_EQ(q.ask(work{}, 60s).get().value(), 1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(told_too_early.load(), 0);
  EXPECT_EQ(rt.counts().handled, 5'001u);
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.counts().failed, 0u);
}

TEST(AskerGone, is_told_to_the_end_before_the_next_handler_begins) {
  class keeper : public troupe::actor {
  public:
    keeper(troupe::event& begun, troupe::event& over, std::stop_token& token, std::atomic<int>& next)
        : begun_(&begun), over_(&over), token_(&token), next_(&next) {}
    troupe::task<int> on(work) {
      *token_ = troupe::this_task::stop_token();
      begun_->set();
      co_await over_->wait();
      co_return 1;
    }
    troupe::task<> on(note) {
      *next_ = troupe::this_task::stop_requested() ? -1 : 1;
      const bool slept = co_await troupe::this_task::sleep_for(1ms);
      if (!slept) *next_ = -2;
    }

  private:
    troupe::event* begun_;
    troupe::event* over_;
    std::stop_token* token_;
    std::atomic<int>* next_;
  };
  troupe::event begun;
  troupe::event over;
  std::stop_token token;
  std::atomic<int> next{0};
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>(begun, over, token, next);
  auto asked = k.ask(work{});
  begun.wait().get();
  k.send(note{});
  std::atomic<bool> telling{false};
  std::atomic<bool> go_on{false};
  std::stop_callback slow(token, [&] {
    telling = true;
    while (!go_on) std::this_thread::yield();
  });
  std::thread canceller([&] { EXPECT_TRUE(asked.cancel()); });
  while (!telling) std::this_thread::yield();
  over.set();  // the handler comes to its end, while it is being told
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(next.load(), 0);
  go_on = true;
  canceller.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(next.load(), 1);
}

}  // namespace asker_gone
