#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "journal.hpp"

namespace {

using namespace journals;
using namespace std::chrono_literals;
using troupe::exit_kind;

struct crash {};
struct crash_child {};
struct block {};

class leaf : public troupe::actor {
public:
  leaf(journal& out, std::string tag) : out_(out), tag_(std::move(tag)) {}
  ~leaf() { out_.write("-" + tag_); }
  void on_stop() { out_.write("stop " + tag_); }
  void on(int) { out_.write("int " + tag_); }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(std::atomic<bool>* open) {
    while (!open->load()) std::this_thread::sleep_for(1ms);
  }

private:
  journal& out_;
  std::string tag_;
};

class parent : public troupe::actor {
public:
  parent(journal& out, std::string tag, int depth = 0) : out_(out), tag_(std::move(tag)) {
    supervise_children({.max_restarts = 1, .window = 1h, .backoff = {0ns, 0ns, 0}});
    for (const char* c : {"1", "2"}) {
      if (depth == 0)
        leaves_.push_back(spawn_child<leaf>({}, std::ref(out), tag_ + c));
      else
        spawn_child<parent>({}, std::ref(out), tag_ + c, depth - 1);
    }
  }
  ~parent() { out_.write("-" + tag_); }
  void on_stop() { out_.write("stop " + tag_); }
  void on(crash) { throw std::runtime_error("worn"); }
  void on(crash_child) { leaves_[0].send(crash{}); }
  void on(int n) {
    for (const auto& l : leaves_) l.send(n);
  }
  std::vector<troupe::any_ref> on(std::string) const { return children(); }
  void on(std::atomic<bool>* open) { leaves_[1].send(open); }

private:
  journal& out_;
  std::string tag_;
  std::vector<troupe::ref<leaf>> leaves_;
};

TEST(Children, when_their_parent_is_closed_they_end_before_it_the_last_first_and_handle_what_was_sent) {
  journal out;
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != 200; ++round) {
    auto p = rt.spawn<parent>(out, "p", 1);
    p.close();
    ASSERT_EQ(p.join(60s)->kind, exit_kind::normal);
    ASSERT_EQ(out.take(), (entries{"stop p22", "-p22", "stop p21", "-p21", "stop p2", "-p2", "stop p12", "-p12",
                                   "stop p11", "-p11", "stop p1", "-p1", "stop p", "-p"}));
  }
  auto q = rt.spawn<parent>(out, "q");
  q.send(1);
  q.close();
  ASSERT_TRUE(q.join(60s));
  const entries all = out.take();
  EXPECT_EQ(std::count(all.begin(), all.end(), "int q1"), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), "int q2"), 1);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Children, when_their_parent_crashes_or_is_killed_they_are_killed_before_it) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto p = rt.spawn<parent>(out, "p");
  p.send(crash{});
  EXPECT_EQ(p.join(60s)->text, "worn");
  EXPECT_EQ(out.take(), (entries{"-p2", "-p1", "-p"}));
  auto k = rt.spawn<parent>(out, "k", 1);
  const auto children = k.ask(std::string(), 60s).get().value();
  ASSERT_EQ(children.size(), 2u);
  k.kill();
  EXPECT_EQ(k.join(60s)->kind, exit_kind::killed);
  EXPECT_EQ(children[0].join(0ms)->kind, exit_kind::killed);
  EXPECT_EQ(out.take(), (entries{"-k22", "-k21", "-k2", "-k12", "-k11", "-k1", "-k"}));
}

TEST(Children, those_of_a_parent_that_is_made_anew_end_and_it_has_new_ones) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.backoff = {0ns, 0ns, 0}});
  auto p = sup.spawn<parent>(std::ref(out), "p");
  const auto before = p.ask(std::string(), 60s).get().value();
  p.send(crash{});
  const auto after = p.ask(std::string(), 60s).get().value();
  EXPECT_EQ(out.take(), (entries{"-p2", "-p1", "-p"}));
  ASSERT_EQ(after.size(), 2u);
  for (int i : {0, 1}) {
    EXPECT_FALSE(before[static_cast<std::size_t>(i)].alive());
    EXPECT_TRUE(after[static_cast<std::size_t>(i)].alive());
  }
}

TEST(Children, they_are_made_anew_by_their_parent_which_crashes_when_they_do_it_too_often) {
  journal out;
  troupe::runtime rt({.workers = 2});
  auto p = rt.spawn<parent>(out, "p");
  p.send(crash_child{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-p1"}));
  EXPECT_EQ(p.ask(std::string(), 60s).get()->size(), 2u);
  p.send(crash_child{});
  EXPECT_EQ(p.join(60s)->kind, exit_kind::crashed);
  EXPECT_EQ(out.take(), (entries{"-p1", "-p2", "-p"}));
}

TEST(Children, a_kill_of_a_parent_that_waits_for_them_to_drain_kills_them) {
  journal out;
  std::atomic<bool> open{false};
  troupe::runtime rt({.workers = 2});
  auto p = rt.spawn<parent>(out, "p");
  const auto children = p.ask(std::string(), 60s).get().value();
  p.send(&open);
  p.send(1);
  p.close();
  while (!children[1].get_cell()->closing()) std::this_thread::sleep_for(1ms);
  p.kill();
  while (!children[1].get_cell()->was_killed()) std::this_thread::sleep_for(1ms);
  open = true;
  ASSERT_TRUE(p.join(60s));
  const entries all = out.take();
  EXPECT_EQ(std::count(all.begin(), all.end(), "int p2"), 0);
  EXPECT_EQ(all.back(), "-p");
}

TEST(Children, a_parent_that_has_been_closed_may_have_more_until_it_comes_to_that) {
  class late : public troupe::actor {
  public:
    explicit late(journal& out) : out_(out) {}
    ~late() { out_.write("-late"); }
    void on(int) { spawn_child<leaf>({}, std::ref(out_), "l").send(1); }

  private:
    journal& out_;
  };
  journal out;
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto p = rt.spawn<late>(out);
  p.send(1);
  p.close();
  EXPECT_EQ(p.join(60s)->kind, exit_kind::normal);
  EXPECT_EQ(out.take(), (entries{"int l", "stop l", "-l", "-late"}));
}

TEST(Children, those_of_a_constructor_that_throws_end) {
  class fails : public troupe::actor {
  public:
    explicit fails(journal& out) {
      spawn_child<leaf>({}, std::ref(out), "f");
      throw std::runtime_error("no");
    }
    void on(int) {}
  };
  journal out;
  troupe::runtime rt({.workers = 2});
  EXPECT_THROW(rt.spawn<fails>(out), std::runtime_error);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(out.take(), (entries{"-f"}));
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(Children, a_shutdown_ends_the_tree_from_its_leaves_in_the_reverse_order_of_the_start) {
  for (int round = 0; round != 100; ++round) {
    journal out;
    troupe::runtime rt({.workers = 2});
    auto sup = rt.supervise();
    auto a = sup.spawn<leaf>(std::ref(out), "a");
    auto mid = sup.supervise({});
    auto b = mid.spawn<leaf>(std::ref(out), "b");
    auto p = mid.spawn<parent>(std::ref(out), "p");
    auto c = sup.spawn<leaf>(std::ref(out), "c");
    EXPECT_TRUE(rt.shutdown(60s).clean());
    ASSERT_EQ(out.take(), (entries{"stop c", "-c", "stop p2", "-p2", "stop p1", "-p1", "stop p", "-p", "stop b", "-b",
                                   "stop a", "-a"}));
    EXPECT_EQ(a.join(0ms)->kind, exit_kind::shutdown);
    EXPECT_EQ(mid.join(0ms)->kind, exit_kind::shutdown);
    EXPECT_EQ(sup.join(0ms)->kind, exit_kind::shutdown);
  }
}

TEST(Children, a_shutdown_names_the_child_that_is_stuck_and_the_parents_that_wait_for_it) {
  std::atomic<bool> open{false};
  journal out;
  troupe::supervisor sup;
  {
    troupe::runtime rt({.workers = 1});
    sup = rt.supervise({.name = "sup"});
    auto b = sup.spawn<leaf>({.name = "b"}, std::ref(out), "b");
    auto c = sup.spawn<leaf>({.name = "c"}, std::ref(out), "c");
    b.send(&open);
    std::this_thread::sleep_for(20ms);
    const auto report = rt.shutdown(300ms);
    std::vector<std::string> names;
    for (const auto& s : report.stuck) {
      names.push_back(s.name);
      EXPECT_EQ(s.handler.empty(), s.name != "b");
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::string>{"b", "sup"}));
    EXPECT_FALSE(c.alive());
    open = true;
  }
  for (int i = 0; i != 60'000 && sup.alive(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(sup.alive());
}

TEST(Children, on_every_schedule_the_tree_ends_whatever_meets_its_end) {
  troupe::testing::explore(600, [](troupe::runtime& rt) {
    auto out = std::make_shared<journal>();
    auto sup = rt.supervise({.max_restarts = 1, .window = 1h, .backoff = {1ms, 1ms, 0}});
    auto p = sup.spawn<parent>(std::ref(*out), "p");
    auto q = sup.spawn<parent>(std::ref(*out), "q", 1);
    rt.spawn(
        [](troupe::ref<parent> who) -> troupe::task<> {
          who.send(crash_child{});
          who.send(1);
          who.send(crash_child{});
          co_return;
        },
        p);
    rt.spawn(
        [](troupe::ref<parent> who) -> troupe::task<> {
          who.send(crash{});
          co_return;
        },
        q);
    rt.spawn(
        [](troupe::ref<parent> who) -> troupe::task<> {
          who.close();
          co_return;
        },
        p);
    rt.spawn(
        [](troupe::supervisor who) -> troupe::task<> {
          who.close();
          co_return;
        },
        sup);
    rt.spawn(
        [](troupe::ref<parent> who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        p);
    rt.run();
    EXPECT_EQ(rt.alive(), 0u);
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

}  // namespace
