#include <troupe/base/log.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct job {
  int number = 0;
  std::shared_ptr<std::atomic<int>> done;  // how many handlers have had one
};

class worker : public troupe::actor {
public:
  void on(const job& j) { ++*j.done; }
};

/// Ends by itself after some jobs.
class short_timer : public troupe::actor {
public:
  explicit short_timer(int jobs) : left_(jobs) {}
  void on(const job& j) {
    ++*j.done;
    if (--left_ == 0) close_self();
  }

private:
  int left_;
};

/// The same as a loop, which leaves what it has not received.
class short_loop : public troupe::loop_actor<job> {
public:
  explicit short_loop(int jobs) : left_(jobs) {}
  troupe::task<> run() override {
    for (; left_ != 0; --left_) {
      auto j = co_await receive();
      if (!j) break;
      ++*j->done;
    }
  }

private:
  int left_;
};

/// Fails at its first job.
class clumsy : public troupe::actor {
public:
  void on(const job&) { throw std::runtime_error("dropped it"); }
};

std::shared_ptr<std::atomic<int>> counter() { return std::make_shared<std::atomic<int>>(0); }

TEST(WorkQueue, passes_over_members_that_have_been_told_to_close) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<job> x(rt, "x", troupe::work_queue{});
  const auto a = rt.spawn<worker>();
  const auto b = rt.spawn<worker>();
  auto sa = x.attach(a);
  auto sb = x.attach(b);
  const auto done = counter();
  a.close();  // nothing has run since: its end is still to come
  for (int i = 0; i != 10; ++i) EXPECT_EQ(x.publish({i, done}), 1u);
  rt.run();
  EXPECT_EQ(*done, 10);
  EXPECT_EQ(rt.counts().dead_letters, 0u);
  b.close();
  EXPECT_EQ(x.publish({10, done}), 0u);
  EXPECT_EQ(x.unroutable(), 1u);
}

TEST(WorkQueue, hands_on_what_a_member_leaves_behind_at_its_end) {
  for (const bool in_loop : {false, true}) {
    troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
    troupe::exchange<job> x(rt, "x", troupe::work_queue{});
    std::vector<troupe::subscription> subs;
    if (in_loop)
      subs.push_back(x.attach(rt.spawn<short_loop>(3)));
    else
      subs.push_back(x.attach(rt.spawn<short_timer>(3)));
    const auto done = counter();
    for (int i = 0; i != 10; ++i) x.publish({i, done});
    subs.push_back(x.attach(rt.spawn<worker>()));
    rt.run();
    EXPECT_EQ(*done, 10);
    const auto c = rt.counts();
    EXPECT_EQ(c.sent, 10u);
    EXPECT_EQ(c.handled, 10u);
    EXPECT_EQ(c.dead_letters + c.dropped, 0u);
  }
}

TEST(WorkQueue, hands_on_what_a_member_leaves_behind_when_it_crashes_or_is_detached) {
  troupe::set_log_sink([](std::string_view) noexcept {});
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<job> x(rt, "x", troupe::work_queue{});
  auto crashing = x.attach(rt.spawn<clumsy>());
  auto leaving = x.attach(rt.spawn<worker>());
  const auto done = counter();
  for (int i = 0; i != 10; ++i) x.publish({i, done});
  auto staying = x.attach(rt.spawn<worker>());
  leaving.detach();
  rt.run();
  troupe::set_log_sink(nullptr);
  EXPECT_EQ(*done, 9);
  const auto c = rt.counts();
  EXPECT_EQ(c.sent, 10u);
  EXPECT_EQ(c.handled, 9u);
  EXPECT_EQ(c.failed, 1u);
}

TEST(WorkQueue, loses_with_a_killed_member_only_what_the_kill_overtook) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<job> x(rt, "x", troupe::work_queue{});
  const auto a = rt.spawn<worker>();
  auto sa = x.attach(a);
  auto sb = x.attach(rt.spawn<worker>());
  const auto done = counter();
  for (int i = 0; i != 10; ++i) x.publish({i, done});
  a.kill();
  for (int i = 0; i != 10; ++i) x.publish({i, done});
  rt.run();
  EXPECT_EQ(*done, 15);
  EXPECT_EQ(rt.counts().dropped, 5u);
}

TEST(WorkQueue, counts_what_nobody_is_left_to_take_as_dead_letters) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<job> x(rt, "x", troupe::work_queue{});
  auto s = x.attach(rt.spawn<short_loop>(3));
  const auto done = counter();
  for (int i = 0; i != 10; ++i) x.publish({i, done});
  rt.run();
  EXPECT_EQ(*done, 3);
  EXPECT_EQ(rt.counts().dead_letters, 7u);
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(done.use_count(), 1);
}

TEST(WorkQueue, loses_nothing_to_members_that_end_while_others_publish) {
  constexpr int publishers = 3;
  constexpr int jobs = 4000;
  const auto done = counter();
  troupe::runtime rt({.workers = 2});
  {
    troupe::exchange<job> x(rt, "x", troupe::work_queue{});
    auto lives = x.attach(rt.spawn<worker>());
    std::atomic<int> publishing{publishers};
    std::vector<std::thread> threads;
    for (int p = 0; p != publishers; ++p) {
      threads.emplace_back([&] {
        for (int i = 0; i != jobs; ++i) EXPECT_EQ(x.publish({i, done}), 1u);
        --publishing;
      });
    }
    for (int i = 0; publishing != 0; ++i) {
      const auto closed = rt.spawn<worker>();
      const auto detached = rt.spawn<worker>();
      auto sa = x.attach(closed);
      auto sb = x.attach(detached);
      auto sc = x.attach(rt.spawn<short_timer>(1 + i % 5));
      auto sd = x.attach(rt.spawn<short_loop>(1 + i % 7));
      closed.close();
      sb.detach();
      (void)closed.join(60s);
    }
    for (auto& t : threads) t.join();
    ASSERT_TRUE(rt.wait_idle(60s));
  }
  const auto c = rt.counts();
  EXPECT_EQ(*done, publishers * jobs);
  EXPECT_EQ(c.sent, static_cast<std::uint64_t>(publishers * jobs));
  EXPECT_EQ(c.handled, c.sent);
  EXPECT_EQ(c.dead_letters + c.dropped, 0u);
  EXPECT_EQ(c.queued(), 0u);
}

TEST(WorkQueue, ends_with_the_runtime_while_it_hands_on) {
  const auto done = counter();
  {
    troupe::runtime rt({.workers = 2});
    troupe::exchange<job> x(rt, "x", troupe::work_queue{});
    std::vector<troupe::subscription> subs;
    for (int i = 0; i != 20; ++i) subs.push_back(x.attach(rt.spawn<short_loop>(10)));
    for (int i = 0; i != 1000; ++i) x.publish({i, done});
    rt.shutdown(60s);
    const auto c = rt.counts();
    EXPECT_EQ(c.queued(), 0u);
    EXPECT_EQ(*done, static_cast<int>(c.handled));
  }
  EXPECT_EQ(done.use_count(), 1);
}

}  // namespace
