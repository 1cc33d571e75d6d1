#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace deferred {

using namespace std::chrono_literals;
using troupe::errc;

struct question {
  int n = 0;
};
struct give_all {};
struct drop_all {};
struct owned {
  int n = 0;
};
struct kept {
  int n = 0;
};

/// Keeps the promises of its answers.
class keeper : public troupe::actor {
public:
  void on(const question& q, troupe::promise<int> reply) {
    wanted_.emplace_back(q.n, std::move(reply));
    with_promise_ += wanted_.back().second ? 1 : 0;
  }
  void on(owned o, troupe::promise<int> reply) { wanted_.emplace_back(o.n, std::move(reply)); }
  troupe::task<> on(kept&& k, troupe::promise<int> reply) {
    wanted_.emplace_back(k.n, std::move(reply));
    co_return;
  }
  int on(give_all) {
    for (auto& [n, reply] : wanted_) reply.give(n * 10);
    wanted_.clear();
    return with_promise_;
  }
  void on(drop_all) { wanted_.clear(); }

private:
  std::vector<std::pair<int, troupe::promise<int>>> wanted_;
  int with_promise_ = 0;
};

static_assert(std::is_same_v<troupe::reply_of<keeper, question>, int>);
static_assert(std::is_same_v<troupe::reply_of<keeper, owned>, int>);
static_assert(std::is_same_v<troupe::reply_of<keeper, kept>, int>);
static_assert(std::is_constructible_v<troupe::address<int(question)>, troupe::ref<keeper>>);

TEST(DeferredReply, comes_when_the_handler_of_another_message_gives_it) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>();
  auto first = k.ask(question{1});
  auto second = k.ask(owned{2});
  auto third = k.ask(kept{3});
  EXPECT_EQ(k.ask(give_all{}).get().value(), 1);
  EXPECT_EQ(first.get().value(), 10);
  EXPECT_EQ(second.get().value(), 20);
  EXPECT_EQ(third.get().value(), 30);
  EXPECT_EQ(rt.counts().late_replies, 0u);
}

TEST(DeferredReply, to_a_message_that_was_only_sent_goes_nowhere) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>();
  k.send(question{1});
  k.send(owned{2});
  k.send(kept{3});
  EXPECT_EQ(k.ask(give_all{}).get().value(), 0) << "there was a promise without anybody who asked";
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().late_replies, 0u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(DeferredReply, that_is_dropped_says_so_and_names_who_was_asked) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn_named<keeper>("the keeper");
  auto asked = k.ask(question{1});
  k.send(drop_all{});
  const auto got = asked.get();
  EXPECT_EQ(got.error(), errc::cancelled);
  EXPECT_EQ(got.error().message(), "the promise was dropped without a result (deferred::question asked of the keeper)");
}

TEST(DeferredReply, that_is_not_given_by_the_end_of_the_actor_says_so) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>();
  auto asked = k.ask(question{1});
  k.close();
  EXPECT_EQ(asked.get().error(), errc::cancelled);
}

struct hand_out {};

/// Gives its promises away.
class giver : public troupe::actor {
public:
  explicit giver(std::vector<troupe::promise<int>>& to) : to_(&to) {}
  void on(hand_out, troupe::promise<int> reply) { to_->push_back(std::move(reply)); }

private:
  std::vector<troupe::promise<int>>* to_;
};

TEST(DeferredReply, can_be_given_by_a_thread_after_the_end_of_the_actor_and_a_timeout_still_names_that) {
  troupe::runtime rt({.workers = 2});
  std::vector<troupe::promise<int>> promises;
  {
    auto g = rt.spawn_named<giver>("one that has gone", std::ref(promises));
    auto answered = g.ask(hand_out{});
    auto late = g.ask(hand_out{}, 1ms);
    g.close();
    ASSERT_TRUE(g.join(60s));
    g = {};
    EXPECT_EQ(late.get().error().message(), "no result came in time (deferred::hand_out asked of one that has gone)");
    std::thread other([&] { EXPECT_TRUE(promises[0].give(7)); });
    EXPECT_EQ(answered.get().value(), 7);
    other.join();
  }
  EXPECT_FALSE(promises[1].give(8));
}

// --- delegate ------------------------------------------------------------------------------------------------------

struct square {
  int n = 0;
};
struct crash_now {};

class worker : public troupe::actor {
public:
  int on(const square& s) { return ++handled_, s.n * s.n; }
  int on(crash_now) { throw std::runtime_error("boom"); }
  int on(give_all) { return handled_; }

private:
  int handled_ = 0;
};

class front : public troupe::actor {
public:
  explicit front(troupe::ref<worker> w) : worker_(w), by_address_(w) {}
  troupe::delegated<int> on(const square& s) { return delegate(worker_, square{s}); }
  troupe::delegated<int> on(crash_now c) { return delegate(worker_, c); }
  troupe::task<troupe::delegated<int>> on(const question& q) { co_return delegate(by_address_, square{q.n}); }

private:
  troupe::ref<worker> worker_;
  troupe::address<int(square)> by_address_;
};

static_assert(std::is_same_v<troupe::reply_of<front, square>, int>);
static_assert(std::is_same_v<troupe::reply_of<front, question>, int>);

TEST(Delegate, lets_the_other_actor_answer_whoever_asked) {
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<worker>();
  const auto f = rt.spawn<front>(w);
  EXPECT_EQ(f.ask(square{5}).get().value(), 25);
  EXPECT_EQ(f.ask(question{6}).get().value(), 36);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 4u) << "each of the four messages counts";
}

TEST(Delegate, only_sends_on_what_was_only_sent) {
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<worker>();
  const auto f = rt.spawn<front>(w);
  f.send(square{5});
  f.send(question{6});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(w.ask(give_all{}).get().value(), 2);
  EXPECT_EQ(rt.counts().late_replies, 0u);
}

TEST(Delegate, to_an_actor_that_crashes_or_has_ended_answers_with_that) {
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<worker>();
  const auto f = rt.spawn<front>(w);
  const auto crashed = f.ask(crash_now{}).get();
  EXPECT_EQ(crashed.error(), errc::crashed);
  EXPECT_NE(crashed.error().message().find("boom"), std::string::npos);
  ASSERT_TRUE(w.join(60s));
  EXPECT_EQ(f.ask(square{1}).get().error(), errc::closed);
}

// --- replies as messages -------------------------------------------------------------------------------------------

struct start {
  std::chrono::nanoseconds timeout;
};
struct what_came {};

/// Asks, and goes on meanwhile.
class asker : public troupe::actor {
public:
  explicit asker(troupe::ref<keeper> k) : keeper_(std::move(k)) {}

  void on(start s) {
    keeper_.ask(question{4}, s.timeout).then(this, [this](troupe::result<int> r) {
      came_.push_back(r ? std::to_string(*r) : r.error().message());
      if (wanted_) wanted_.give(came_.back());
    });
  }
  void on(what_came, troupe::promise<std::string> reply) {
    if (came_.empty())
      wanted_ = std::move(reply);
    else
      reply.give(came_.back());
  }

private:
  troupe::ref<keeper> keeper_;
  std::vector<std::string> came_;
  troupe::promise<std::string> wanted_;
};

TEST(ReplyByThen, comes_between_the_messages_of_the_actor) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>();
  const auto a = rt.spawn<asker>(k);
  a.send(start{troupe::forever});
  auto came = a.ask(what_came{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(k.ask(give_all{}).get().value(), 1);
  EXPECT_EQ(came.get().value(), "40");
}

TEST(ReplyByThen, is_an_error_when_the_time_is_over_or_nobody_will_answer) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn_named<keeper>("k");
  const auto a = rt.spawn<asker>(k);
  a.send(start{1ms});
  EXPECT_EQ(a.ask(what_came{}).get().value(), "no result came in time (deferred::question asked of k)");
  k.close();
  ASSERT_TRUE(k.join(60s));
  const auto b = rt.spawn<asker>(k);
  b.send(start{1h});
  EXPECT_EQ(b.ask(what_came{}).get().value(), "the actor had been closed or had ended (deferred::question asked of k)");
}

TEST(ReplyByThen, that_comes_after_the_end_of_the_actor_is_counted) {
  troupe::runtime rt({.workers = 2});
  const auto k = rt.spawn<keeper>();
  const auto a = rt.spawn<asker>(k);
  a.send(start{troupe::forever});
  ASSERT_TRUE(rt.wait_idle(60s));
  a.close();
  ASSERT_TRUE(a.join(60s));
  EXPECT_EQ(k.ask(give_all{}).get().value(), 1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().late_replies, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

struct crash_by_reply {};
struct slowly {};

class fragile : public troupe::actor {
public:
  explicit fragile(troupe::ref<worker> w) : worker_(std::move(w)) {}
  void on(crash_by_reply) {
    worker_.ask(square{2}).then(this, [](troupe::result<int>) { throw std::runtime_error("no reply for me"); });
  }
  void on(slowly, troupe::promise<int> reply) {
    reply_ = std::move(reply);
    worker_.ask<square>(troupe::forever, 2).then(this, [this](troupe::result<int> r) -> troupe::task<> {
      auto again = worker_.ask(square{r.value()});
      auto more = co_await again;
      reply_.give(more.value());
    });
  }

private:
  troupe::ref<worker> worker_;
  troupe::promise<int> reply_;
};

TEST(ReplyByThen, whose_function_throws_crashes_the_actor_and_no_message_counts_as_failed) {
  troupe::runtime rt({.workers = 2});
  const auto f = rt.spawn<fragile>(rt.spawn<worker>());
  f.send(crash_by_reply{});
  const auto why = f.join(60s).value();
  EXPECT_EQ(why.text, "no reply for me");
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().failed, 0u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(ReplyByThen, may_be_taken_by_a_coroutine) {
  troupe::runtime rt({.workers = 2});
  const auto f = rt.spawn<fragile>(rt.spawn<worker>());
  EXPECT_EQ(f.ask(slowly{}).get().value(), 16);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(ReplyByThen, is_waited_for_by_a_shutdown) {
  auto rt = std::make_unique<troupe::runtime>(troupe::runtime_options{.workers = 2});
  std::vector<troupe::promise<int>> promises;
  const auto g = rt->spawn<giver>(std::ref(promises));
  std::atomic<int> got = 0;
  class waits : public troupe::actor {
  public:
    waits(troupe::ref<giver> g, std::atomic<int>& got) {
      g.ask(hand_out{}).then(this, [&got](troupe::result<int> r) { got = r.value_or(-1); });
    }
    void on(int) {}
  };
  (void)rt->spawn<waits>(g, std::ref(got));
  ASSERT_TRUE(rt->wait_idle(60s));
  std::thread late([&] {
    std::this_thread::sleep_for(20ms);
    promises[0].give(9);
  });
  EXPECT_TRUE(rt->shutdown(60s).clean());
  EXPECT_EQ(got, 9);
  late.join();
}

TEST(ReplyByThen, comes_once_on_all_schedules_of_reply_timeout_and_end) {
  troupe::testing::explore(400, [](troupe::runtime& rt) {
    const auto k = rt.spawn<keeper>();
    const auto a = rt.spawn<asker>(k);
    a.send(start{1us});
    auto ender = rt.spawn([&]() -> troupe::task<> {
      co_await troupe::this_task::sleep_for(1us);
      a.close();
    });
    auto replier = rt.spawn([&]() -> troupe::task<> {
      co_await troupe::this_task::sleep_for(1us);
      k.send(give_all{});
    });
    rt.run();
    EXPECT_EQ(rt.counts().queued(), 0u);
    k.close();
    rt.run();
  });
}

}  // namespace deferred
