#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "dead_letters.hpp"

namespace {

using namespace losses;
using namespace std::chrono_literals;
using troupe::loss;
using troupe::mailbox_options;
using troupe::overflow;

struct go {};
class sender : public troupe::actor {
public:
  explicit sender(troupe::ref<target> to) : to_(to) {}
  void on(go) { to_.send(number{1}); }

private:
  troupe::ref<target> to_;
};

TEST(DeadLetters, name_reason_receiver_sender_and_type) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn<coroner>();
  auto watch = rt.watch_dead_letters(c);
  auto t = rt.spawn_named<target>("t");
  auto s = rt.spawn<sender>(t);
  t.close();
  ASSERT_TRUE(t.join(30s));
  s.send(go{});
  ASSERT_TRUE(rt.wait_idle(30s));
  t.send(number{2});
  const auto news = news_of(rt, c);
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].reason, loss::dead_letter);
  EXPECT_EQ(news[0].receiver, t);
  EXPECT_EQ(news[0].receiver.name(), "t");
  EXPECT_EQ(rt.find_actor(news[0].sender), s);
  EXPECT_NE(news[0].type.find("number"), std::string::npos);
  EXPECT_EQ(news[1].sender, 0u);
}

TEST(DeadLetters, tell_what_a_kill_and_a_full_mailbox_lose) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn<coroner>();
  auto watch = rt.watch_dead_letters(c);
  contracts::barrier gate;
  auto t = rt.spawn<target>({.mailbox = mailbox_options{.capacity = 2, .when_full = overflow::drop_oldest}});
  t.send(static_cast<const contracts::barrier*>(&gate));
  ASSERT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  for (int i = 0; i != 5; ++i) t.send(number{i});
  t.kill();
  gate.open();
  ASSERT_TRUE(t.join(30s));
  const auto news = news_of(rt, c);
  std::size_t overflowed = 0, killed = 0;
  for (const dead_letter& d : news) {
    overflowed += d.reason == loss::overflow;
    killed += d.reason == loss::killed;
  }
  EXPECT_EQ(overflowed, 3u);
  EXPECT_EQ(killed, 2u);
  EXPECT_EQ(rt.counts().dropped, 5u);
}

TEST(DeadLetters, are_not_told_once_nobody_watches) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn<coroner>();
  auto watch = rt.watch_dead_letters(c);
  auto t = rt.spawn<target>();
  t.close();
  ASSERT_TRUE(t.join(30s));
  t.send(number{1});
  watch.stop();
  t.send(number{2});
  EXPECT_EQ(news_of(rt, c).size(), 1u);
  EXPECT_EQ(rt.counts().dead_letters, 2u);
}

// The news would push out the next message, and so on.
TEST(DeadLetters, that_push_others_out_of_the_mailbox_of_their_watcher_come_to_an_end) {
  troupe::runtime rt({.workers = 2});
  class both : public target {
  public:
    using target::on;
    void on(const dead_letter&) {}
  };
  contracts::barrier gate;
  auto t = rt.spawn<both>({.mailbox = mailbox_options{.capacity = 1000, .when_full = overflow::drop_oldest}});
  auto watch = rt.watch_dead_letters(t);
  t.send(static_cast<const contracts::barrier*>(&gate));
  ASSERT_TRUE(contracts::eventually([&] { return gate.reached(); }));
  for (int i = 0; i != 3000; ++i) t.send(number{i});
  gate.open();
  expect_conserved(rt);
  EXPECT_GT(rt.counts().dropped, 2000u);
}

TEST(DeadLetters, of_a_watcher_that_has_ended_are_counted_only) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn<coroner>();
  auto watch = rt.watch_dead_letters(c);
  auto t = rt.spawn<target>();
  for (const troupe::any_ref& a : {troupe::any_ref(c), troupe::any_ref(t)}) {
    a.close();
    ASSERT_TRUE(a.join(30s));
  }
  t.send(number{1});
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

}  // namespace
