#include <troupe/base/log.hpp>
#include <troupe/testing/conserved.hpp>
#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// Consumers that end, crash and are detached while messages pass: each message is done exactly once.

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
  int not_once() const {
    int n = 0;
    for (const auto& d : done_) n += d != 1 ? 1 : 0;
    return n;
  }

private:
  std::vector<std::atomic<int>> done_;
  std::atomic<int> sum_{0};
};

/// Crashes at each job whose number its own life divides.
class crashing : public troupe::actor {
public:
  crashing(ledger& l, int life) : ledger_(&l), life_(life) {}
  void on(const job& j) {
    if (life_ != 0 && j.number % life_ == life_ - 1) throw std::runtime_error("crash");
    ledger_->note(j);
  }

private:
  ledger* ledger_;
  int life_;
};

class waiting : public troupe::actor {
public:
  explicit waiting(ledger& l) : ledger_(&l) {}
  troupe::task<> on(const job& j) {
    co_await troupe::this_task::yield();
    ledger_->note(j);
  }

private:
  ledger* ledger_;
};

class overlapping : public waiting {
public:
  static constexpr bool reentrant = true;
  using waiting::on;
  using waiting::waiting;
};

/// Answers for some later, and for some not at all.
class by_hand : public troupe::actor {
public:
  explicit by_hand(ledger& l) : ledger_(&l) {}
  void on(troupe::delivery<job> d) {
    if (d->number % 5 == 0) {
      late_.push_back(std::move(d));
      if (late_.size() < 3) return;
      for (auto& l : late_) answer(l);
      late_.clear();
      return;
    }
    if (d->number % 7 == 0 && !d.redelivered()) return;
    if (d->number % 11 == 0 && !d.redelivered()) return void(d.nack());
    answer(d);
  }

private:
  void answer(troupe::delivery<job>& d) {
    if (d.ack()) ledger_->note(d.message());
  }

  ledger* ledger_;
  std::vector<troupe::delivery<job>> late_;
};

struct quiet_log {
  quiet_log() {
    troupe::set_log_sink([](std::string_view) noexcept {});
  }
  ~quiet_log() { troupe::set_log_sink(nullptr); }
};

TEST(QueueStress, each_job_is_done_once_while_consumers_crash_are_killed_closed_and_detached) {
  const quiet_log quiet;
  constexpr int publishers = 2;
  constexpr int each = 50'000;
  ledger done(publishers * each);
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<std::thread> threads;
  for (int p = 0; p != publishers; ++p) {
    threads.emplace_back([&, p] {
      for (int i = 0; i != each; ++i) EXPECT_EQ(jobs.publish({p * each + i}), 1u);
    });
  }
  std::mt19937 random(42);
  while (done.sum() != publishers * each) {
    std::vector<troupe::subscription> subs;
    std::vector<troupe::any_ref> all;
    const auto add = [&](auto r) {
      subs.push_back(jobs.attach(r, {.prefetch = 1 + random() % 100}));
      all.push_back(r);
    };
    add(rt.spawn<crashing>(done, 0));
    add(rt.spawn<crashing>(done, 1000 + static_cast<int>(random() % 1000)));
    add(rt.spawn<waiting>(done));
    add(rt.spawn<overlapping>(done));
    add(rt.spawn<by_hand>(done));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    for (std::size_t i = 0; i != all.size(); ++i) {
      switch (random() % 4) {
        case 0: all[i].kill(); break;
        case 1: all[i].close(); break;
        case 2: subs[i].detach(); break;
        default: break;
      }
    }
    for (std::size_t i = 0; i != all.size(); ++i) all[i].close();
    for (std::size_t i = 0; i != all.size(); ++i) ASSERT_TRUE(all[i].join(60s));
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(done.not_once(), 0);
  ASSERT_TRUE(rt.wait_idle(60s));
  const auto c = rt.counts();
  EXPECT_EQ(c.queued(), 0u);
  EXPECT_EQ(c.dead_letters, 0u);
}

TEST(QueueStress, whoever_waits_is_told_of_each_message) {
  // One at a time: if nobody came for one, the next would not be published.
  troupe::runtime rt({.workers = 2});
  const troupe::testing::conserved guard(rt);
  constexpr int rounds = 20'000;
  ledger done(rounds);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<troupe::subscription> subs;
  for (int i = 0; i != 3; ++i) subs.push_back(jobs.attach(rt.spawn<crashing>(done, 0), {.prefetch = 1}));
  for (int i = 0; i != rounds; ++i) {
    jobs.publish({i});
    if (i % 8 == 0) {
      const auto until = std::chrono::steady_clock::now() + 60s;
      while (done.sum() != i + 1 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
      ASSERT_EQ(done.sum(), i + 1);
    }
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(done.not_once(), 0);
}

struct numbered {
  int publisher = 0;
  int number = 0;
};

/// Of each publisher: its messages come in their order.
class orderly : public troupe::actor {
public:
  orderly(int publishers, std::atomic<int>& wrong) : last_(static_cast<std::size_t>(publishers)), wrong_(&wrong) {}
  void on(const numbered& m) {
    if (m.number != ++last_[static_cast<std::size_t>(m.publisher)]) ++*wrong_;
  }

private:
  std::vector<int> last_;
  std::atomic<int>* wrong_;
};

TEST(QueueStress, a_publisher_s_messages_keep_their_order_to_one_consumer_wherever_it_runs) {
  constexpr int publishers = 8;
  constexpr int each = 60'000;
  std::atomic<int> wrong{0};
  troupe::runtime rt({.workers = 3});
  const troupe::testing::conserved guard(rt);
  troupe::exchange<numbered> numbers(rt, "numbers", troupe::queue{});
  auto sub = numbers.attach(rt.spawn<orderly>(publishers, wrong), {.prefetch = 64});
  std::vector<troupe::green_thread<void>> all;
  for (int p = 0; p != publishers; ++p) {
    all.push_back(rt.spawn(
        [](troupe::exchange<numbered> to, int me) -> troupe::task<> {
          for (int i = 1; i <= each; ++i) {
            to.publish({me, i});
            if (i % 32 == 0) co_await troupe::blocking([] {});  // and goes on at any worker
          }
        },
        numbers, p));
  }
  for (auto& one : all) ASSERT_TRUE(one.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(numbers.counts().published, static_cast<std::uint64_t>(publishers * each));
}

}  // namespace
