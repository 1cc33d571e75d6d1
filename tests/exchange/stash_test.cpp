#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace stash_of_exchange {

using namespace std::chrono_literals;

struct note {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);  // so that one destroyed twice or never shows
};
struct open_up {};
struct seen {};

class reader : public troupe::actor {
public:
  void on(const note& n) {
    if (!open_) return stash();
    seen_.push_back(n.n);
  }
  void on(open_up) {
    open_ = true;
    unstash_all();
  }
  std::vector<int> on(seen) { return seen_; }

private:
  bool open_ = false;
  std::vector<int> seen_;
};

class StashOfExchange : public testing::TestWithParam<troupe::exchange_kind> {
protected:
  /// A direct exchange wants keys.
  std::string key() const { return GetParam() == troupe::exchange_kind(troupe::direct{}) ? "k" : ""; }
};

TEST_P(StashOfExchange, keeps_messages_and_their_order_whatever_becomes_of_the_subscription) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  const auto r = rt.spawn<reader>();
  const auto other = rt.spawn<reader>();
  other.send(open_up{});
  auto sub = notes.attach(r, key());
  for (int i = 0; i != 3; ++i) notes.publish(key(), note{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 3u) << "what is stashed counts as queued";
  sub.detach();
  auto again = notes.attach(r, key());
  r.send(open_up{});
  notes.publish(key(), note{3});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{0, 1, 2, 3}));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST_P(StashOfExchange, is_lost_with_the_actor_and_counted) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  const auto r = rt.spawn<reader>();
  auto sub = notes.attach(r, key());
  for (int i = 0; i != 3; ++i) notes.publish(key(), note{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  r.close();
  ASSERT_TRUE(r.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 3u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StashOfExchange,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::work_queue{})));

TEST(StashOfBroadcast, comes_back_before_what_was_published_later_when_a_message_of_it_opens_the_stash) {
  class opens : public troupe::actor {
  public:
    void on(const note& n) {
      if (n.n == 2) unstash_all(), open_ = true;
      if (n.n < 2 && !open_) return stash();
      seen_.push_back(n.n);
    }
    std::vector<int> on(seen) { return seen_; }

  private:
    bool open_ = false;
    std::vector<int> seen_;
  };
  for (const bool deterministic : {false, true}) {
    troupe::runtime_options options{.workers = 2};
    if (deterministic) options.seed = 5;
    troupe::runtime rt(options);
    troupe::exchange<note> notes(rt, "notes");
    const auto r = rt.spawn<opens>();
    auto sub = notes.attach(r);
    for (int i = 0; i != 5; ++i) notes.publish(note{i});
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(r.ask(seen{}).get().value(), (std::vector<int>{2, 0, 1, 3, 4}));
    ASSERT_TRUE(rt.wait_idle(60s));
    EXPECT_EQ(rt.counts().queued(), 0u);
  }
}

TEST(StashOfBroadcast, of_the_present_message_is_not_undone_by_unstash_all) {
  class clumsy : public troupe::actor {
  public:
    void on(const note&) {
      if (++runs_ > 3) return;
      stash();
      unstash_all();
    }
    int on(seen) { return runs_; }

  private:
    int runs_ = 0;
  };
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes");
  const auto c = rt.spawn<clumsy>();
  auto sub = notes.attach(c);
  notes.publish(note{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(c.ask(seen{}).get().value(), 1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 1u);
}

TEST(SelectiveReceiveOfExchange, sets_aside_what_is_published_and_keeps_its_order) {
  class picks : public troupe::loop_actor<note, std::string> {
  public:
    explicit picks(std::vector<int>& to) : to_(&to) {}
    troupe::task<> run() override {
      auto first = co_await receive_if<note>([](const note& n) { return n.n == 2; });
      to_->push_back(first ? first->n : -1);
      auto text = co_await receive<std::string>();
      to_->push_back(text ? 100 : -1);
      for (;;) {
        auto m = co_await receive();
        if (!m) break;
        to_->push_back(std::get<note>(*m).n);
      }
    }

  private:
    std::vector<int>* to_;
  };
  std::vector<int> got;
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes");
  const auto p = rt.spawn<picks>(std::ref(got));
  auto sub = notes.attach(p);
  for (int i = 0; i != 5; ++i) notes.publish(note{i});
  p.send(std::string("go on"));
  p.close();
  ASSERT_TRUE(p.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(got, (std::vector<int>{2, 100, 0, 1, 3, 4}));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

class moody : public troupe::actor {
  struct awake {
    void on(const note&) {}
  };

public:
  using states = troupe::states<awake>;
  void on(open_up) { become(awake_); }

private:
  awake awake_;
};

TEST(StatesOfExchange, count_what_no_state_handles_as_dead_letters) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<note> notes(rt, "notes");
  troupe::exchange<note> keyed(rt, "keyed", troupe::direct{});
  const auto m = rt.spawn<moody>();
  auto one = notes.attach(m);
  auto two = keyed.attach(m, "k");
  notes.publish(note{1});
  keyed.publish("k", note{2});
  ASSERT_TRUE(rt.wait_idle(60s));
  m.send(open_up{});
  ASSERT_TRUE(rt.wait_idle(60s));  // what is published may overtake what was sent before
  notes.publish(note{3});
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto counts = rt.counts();
  EXPECT_EQ(counts.dead_letters, 2u);
  EXPECT_EQ(counts.handled, 2u);
  EXPECT_EQ(counts.queued(), 0u);
}

}  // namespace stash_of_exchange
