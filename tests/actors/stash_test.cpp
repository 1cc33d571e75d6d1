#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace stashing {

using namespace std::chrono_literals;
using troupe::errc;

struct item {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);  // so that a message destroyed twice or never shows
};
struct open_up {};
struct seen {};
struct value_of {
  int n = 0;
};
struct slow_item {
  int n = 0;
};
struct unique {
  std::unique_ptr<int> n;
};

/// Puts off items and questions until it is open.
class shop : public troupe::actor {
public:
  void on(const item& i) {
    if (!open_) return stash();
    seen_.push_back(i.n);
  }
  int on(const value_of& v) {
    if (!open_) return stash(), -1;
    seen_.push_back(v.n);
    return v.n * 10;
  }
  troupe::task<> on(const slow_item& i) {
    co_await troupe::this_task::yield();
    if (open_)
      seen_.push_back(i.n);
    else
      stash();
    co_await troupe::this_task::yield();
  }
  void on(open_up) {
    open_ = true;
    unstash_all();
  }
  std::vector<int> on(seen) { return seen_; }
  std::string on(unique u) {
    try {
      stash();
    } catch (const troupe::troupe_error& e) {
      return e.what();
    }
    return std::to_string(*u.n);
  }

private:
  bool open_ = false;
  std::vector<int> seen_;
};

TEST(Stash, gives_back_sent_and_asked_messages_before_all_others_in_their_order) {
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<shop>();
  s.send(item{1});
  auto second = s.ask(value_of{2});
  s.send(slow_item{3});
  s.send(item{4});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_FALSE(second.done());
  EXPECT_EQ(rt.counts().queued(), 4u) << "what is stashed counts as queued";
  s.send(open_up{});
  s.send(item{5});
  EXPECT_EQ(s.ask(seen{}).get().value(), (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(second.get().value(), 20);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stash, may_be_used_again_for_the_same_message) {
  troupe::runtime rt({.workers = 2});
  class picky : public troupe::actor {
  public:
    void on(const item& i) {
      if (++tries_ < 5) {
        stash();
        self(this).send(open_up{});
        return;
      }
      last_ = i.n;
    }
    void on(open_up) { unstash_all(); }
    int on(seen) { return last_ * 100 + tries_; }

  private:
    int tries_ = 0;
    int last_ = 0;
  };
  const auto p = rt.spawn<picky>();
  p.send(item{7});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(p.ask(seen{}).get().value(), 705);
}

TEST(Stash, loses_what_is_in_it_at_the_end_and_answers_who_asked) {
  troupe::runtime rt({.workers = 2});
  const auto closed = rt.spawn<shop>();
  closed.send(item{1});
  auto asked = closed.ask(value_of{2});
  closed.close();
  EXPECT_EQ(asked.get().error(), errc::closed);
  const auto killed = rt.spawn<shop>();
  killed.send(item{1});
  killed.send(slow_item{1});
  auto asked_too = killed.ask(value_of{2});
  ASSERT_TRUE(rt.wait_idle(60s));
  killed.kill();
  EXPECT_EQ(asked_too.get().error(), errc::killed);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 2u);
  EXPECT_EQ(rt.counts().dropped, 3u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stash, says_why_it_cannot_put_off_what_its_handler_has_taken_or_what_is_no_message) {
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<shop>();
  const auto text = s.ask(unique{std::make_unique<int>(3)}).get().value();
  EXPECT_NE(text.find("let it take const stashing::unique&"), std::string::npos) << text;
  class early : public troupe::actor {
  public:
    void on_start() { stash(); }
    void on(int) {}
  };
  const auto why = rt.spawn<early>().join(60s).value();
  EXPECT_NE(why.text.find("outside of the handler of a message"), std::string::npos) << why.text;
}

TEST(Stash, of_one_message_twice_is_an_error_and_of_the_present_one_is_not_undone_by_unstash_all) {
  troupe::runtime rt({.workers = 2});
  class clumsy : public troupe::actor {
  public:
    void on(const item&) {
      if (++runs_ == 1) {
        stash();
        unstash_all();
        return;
      }
      stash();
      stash();
    }
    void on(open_up) { unstash_all(); }
    int on(seen) { return runs_; }

  private:
    int runs_ = 0;
  };
  const auto c = rt.spawn<clumsy>();
  c.send(item{1});
  EXPECT_EQ(c.ask(seen{}).get().value(), 1);
  c.send(open_up{});
  const auto why = c.join(60s).value();
  EXPECT_NE(why.text.find("twice"), std::string::npos) << why.text;
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stash, loses_nothing_while_others_push_on_many_threads) {
  troupe::runtime rt({.workers = 2});
  class gate : public troupe::actor {
  public:
    void on(const item& i) {
      if (++calls_ % 3 == 0 || i.n < next_) {
        ++seen_;
        return;
      }
      stash();
      if (calls_ % 7 == 0) unstash_all();
    }
    void on(open_up) {
      next_ = 1 << 30;
      unstash_all();
    }
    int on(seen) { return seen_; }

  private:
    int calls_ = 0;
    int next_ = -1;
    int seen_ = 0;
  };
  const auto g = rt.spawn<gate>();
  constexpr int each = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i != each; ++i) g.send(item{i});
    });
  for (auto& t : threads) t.join();
  g.send(open_up{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(g.ask(seen{}).get().value(), 3 * each);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stash, works_in_a_mailbox_with_a_limit_and_takes_no_room_there) {
  troupe::runtime rt({.workers = 2});
  const auto s = rt.spawn<shop>({.mailbox = {{.capacity = 2}}});
  for (int i = 0; i != 6; ++i) {
    s.send(item{i});
    ASSERT_TRUE(rt.wait_idle(60s));
  }
  s.send(open_up{});
  s.send(item{6});
  EXPECT_EQ(s.ask(seen{}).get().value(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stash, keeps_the_order_on_all_schedules) {
  troupe::testing::explore(300, [](troupe::runtime& rt) {
    const auto s = rt.spawn<shop>();
    auto sender = rt.spawn([&]() -> troupe::task<> {
      for (int i = 0; i != 4; ++i) {
        s.send(item{i});
        co_await troupe::this_task::yield();
      }
    });
    auto opener = rt.spawn([&]() -> troupe::task<> {
      co_await troupe::this_task::yield();
      s.send(open_up{});
    });
    rt.run();
    EXPECT_EQ(s.ask(seen{}).get().value(), (std::vector<int>{0, 1, 2, 3}));
  });
}

}  // namespace stashing
