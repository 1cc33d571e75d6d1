#include <troupe/base/log.hpp>
#include <troupe/exchange/publish_window.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// Queues on many schedules, and with deadlines that pass while their consumers are at work.

namespace {

using namespace std::chrono_literals;

struct job {
  int number = 0;
};

/// How often each job was done.
class ledger {
public:
  explicit ledger(int jobs) : done_(static_cast<std::size_t>(jobs)) {}
  void note(const job& j) {
    done_[static_cast<std::size_t>(j.number)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(1, std::memory_order_relaxed);
  }
  int sum() const { return sum_; }
  int missing() const {
    int n = 0;
    for (const auto& d : done_) n += d == 0 ? 1 : 0;
    return n;
  }

private:
  std::vector<std::atomic<int>> done_;
  std::atomic<int> sum_{0};
};

class steady : public troupe::actor {
public:
  explicit steady(ledger& l) : ledger_(&l) {}
  void on(const job& j) { ledger_->note(j); }

private:
  ledger* ledger_;
};

/// Crashes at its third job.
class fragile : public troupe::actor {
public:
  explicit fragile(ledger* l) : ledger_(l) {}
  void on(const job& j) {
    if (++jobs_ == 3) throw std::runtime_error("crash");
    ledger_->note(j);
  }

private:
  ledger* ledger_;
  int jobs_ = 0;
};

class waiting : public troupe::actor {
public:
  waiting(ledger& l, std::chrono::milliseconds time) : ledger_(&l), time_(time) {}
  troupe::task<> on(const job& j) {
    co_await troupe::this_task::sleep_for(time_);
    ledger_->note(j);
  }

private:
  ledger* ledger_;
  std::chrono::milliseconds time_;
};

class overlapping : public waiting {
public:
  static constexpr bool reentrant = true;
  using waiting::on;
  using waiting::waiting;
};

/// A loop that answers by hand, and leaves some without an answer.
class clerk : public troupe::loop_actor<troupe::delivery<job>> {
public:
  explicit clerk(ledger& l) : ledger_(&l) {}
  troupe::task<> run() override {
    while (auto d = co_await receive()) {
      if ((*d)->number % 3 == 0 && !d->redelivered()) continue;
      co_await troupe::this_task::yield();
      const auto acknowledged = d->ack();
      if (acknowledged) ledger_->note(d->message());
    }
  }

private:
  ledger* ledger_;
};

struct quiet_log {
  quiet_log() {
    troupe::set_log_sink([](std::string_view) noexcept {});
  }
  ~quiet_log() { troupe::set_log_sink(nullptr); }
};

TEST(QueueSchedules, nothing_is_lost_nor_done_twice_but_what_was_redelivered) {
  const quiet_log quiet;
  troupe::testing::explore(600, [](troupe::runtime& rt) {
    constexpr int n = 24;
    ledger done(n);
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.ack_timeout = 1s});
    const auto sup = rt.supervise({.max_restarts = 1000});
    std::vector<troupe::subscription> subs;
    subs.push_back(jobs.attach_input(sup.spawn<fragile>(&done), {.prefetch = 4}));
    const auto w = rt.spawn<waiting>(done, 400ms);
    const auto slow = rt.spawn<waiting>(done, 3000ms);
    const auto o = rt.spawn<overlapping>(done, 700ms);
    const auto k = rt.spawn<clerk>(done);
    subs.push_back(jobs.attach_input(w, {.prefetch = 2}));
    subs.push_back(jobs.attach_input(slow, {.prefetch = 2}));
    subs.push_back(jobs.attach_input(o, {.prefetch = 3}));
    subs.push_back(jobs.attach_input(k, {.prefetch = 2}));
    auto out = jobs.publisher();
    auto publishing = troupe::spawn(
        rt.scheduler(),
        [](troupe::publisher<job> p) -> troupe::task<> {
          for (int i = 0; i != n; ++i) {
            p.publish({i});
            co_await troupe::this_task::yield();
          }
        },
        std::move(out));
    auto ending = troupe::spawn(
        rt.scheduler(),
        [](troupe::any_ref a, troupe::any_ref b, troupe::subscription s) -> troupe::task<> {
          co_await troupe::this_task::yield();
          a.kill();
          co_await troupe::this_task::yield();
          s.detach();
          co_await troupe::this_task::sleep_for(500ms);
          b.kill();
        },
        troupe::any_ref(o), troupe::any_ref(k), std::move(subs[1]));
    auto late = rt.spawn<steady>(done);
    subs.push_back(jobs.attach_input(late));
    rt.run();
    EXPECT_EQ(done.missing(), 0);
    const auto c = jobs.queue_counts();
    EXPECT_EQ(c.waiting, 0u);
    EXPECT_EQ(c.unacknowledged, 0u);
    EXPECT_EQ(c.dead_letters, 0u);
    EXPECT_LE(static_cast<std::uint64_t>(done.sum()), n + c.redelivered);
    EXPECT_FALSE(late.alive());  // the queue has ended
  });
}

TEST(QueueSchedules, a_supervised_consumer_comes_back_to_its_queue) {
  const quiet_log quiet;
  troupe::testing::explore(200, [](troupe::runtime& rt) {
    ledger done(50);
    troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
    const auto sup = rt.supervise({.max_restarts = 1000});
    auto a = jobs.attach(sup.spawn<fragile>(&done), {.prefetch = 8});
    auto b = jobs.attach(sup.spawn<fragile>(&done), {.prefetch = 1});
    for (int i = 0; i != 50; ++i) jobs.publish({i});
    rt.run();
    EXPECT_EQ(done.sum(), 50);
    EXPECT_EQ(done.missing(), 0);
  });
}

TEST(QueueSchedules, deadlines_that_pass_while_messages_are_handled_lose_none) {
  constexpr int n = 20'000;
  ledger done(n);
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.ack_timeout = 200us});
  std::vector<troupe::subscription> subs;
  subs.push_back(jobs.attach(rt.spawn<steady>(done), {.prefetch = 64}));
  subs.push_back(jobs.attach(rt.spawn<waiting>(done, 1ms), {.prefetch = 4}));
  subs.push_back(jobs.attach(rt.spawn<overlapping>(done, 1ms), {.prefetch = 4}));
  subs.push_back(jobs.attach(rt.spawn<clerk>(done), {.prefetch = 16}));
  std::thread publisher([&] {
    for (int i = 0; i != n; ++i) EXPECT_TRUE(jobs.publish_confirmed({i}).get());
  });
  publisher.join();
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (done.missing() != 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(done.missing(), 0);
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto c = jobs.queue_counts();
  EXPECT_LE(static_cast<std::uint64_t>(done.sum()), n + c.redelivered);
}

}  // namespace
