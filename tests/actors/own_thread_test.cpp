#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/fork_join.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::eventually;
using troupe::own_thread;

struct where {};
struct nap {};
struct crash {};
struct number {
  int n;
};
struct get_sum {};

std::vector<std::string> actor_threads(const troupe::runtime& rt) {
  std::vector<std::string> names;
  for (const troupe::thread_info& t : rt.threads())
    if (t.role == troupe::thread_role::actor) names.push_back(t.name);
  return names;
}

class dweller : public troupe::actor {
public:
  std::thread::id on(where) const { return std::this_thread::get_id(); }
  troupe::task<std::thread::id> on(nap) {
    co_await troupe::this_task::sleep_for(1ms);
    co_return std::this_thread::get_id();
  }
  void on(number n) { sum_ += n.n; }
  int on(get_sum) const { return sum_; }
  void on(crash) { throw std::runtime_error("torn"); }
  std::string on(const std::string&) const {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.data();
  }

private:
  int sum_ = 0;
};

TEST(OwnThread, all_slices_of_the_actor_run_on_one_thread_that_bears_its_name) {
  troupe::runtime rt({.workers = 2});
  auto a = rt.spawn<dweller>({.name = "lodger", .own_thread = true});
  auto b = rt.spawn<dweller>(own_thread);
  EXPECT_THAT(actor_threads(rt), ElementsAre("lodger", b.name()));
  const auto home = a.ask(where{}).get().value();
  EXPECT_NE(home, std::this_thread::get_id());
  EXPECT_NE(home, b.ask(where{}).get().value());
  for (int i = 0; i != 20; ++i) {
    EXPECT_EQ(a.ask(where{}).get().value(), home);
    EXPECT_EQ(a.ask(nap{}).get().value(), home) << "a coroutine goes on where it was";
  }
  EXPECT_EQ(a.ask(std::string()).get().value(), "lodger");
  EXPECT_STREQ(to_string(troupe::thread_role::actor), "actor");
  EXPECT_NE(rt.spawn<dweller>({}).ask(where{}).get().value(), home) << "no options, no thread";
  EXPECT_EQ(actor_threads(rt).size(), 2u);
}

TEST(OwnThread, the_actor_may_block_while_the_only_worker_goes_on) {
  class blocker : public troupe::actor {
  public:
    explicit blocker(troupe::ref<dweller> other) : other_(std::move(other)) {}
    int on(number n) {
      other_.send(n);
      return other_.ask(get_sum{}).get().value();  // blocks the thread
    }

  private:
    troupe::ref<dweller> other_;
  };
  // There are no stand-ins: a worker that blocked would be the last.
  troupe::runtime rt({.workers = 1, .stand_ins = 0});
  auto other = rt.spawn<dweller>();
  auto b = rt.spawn<blocker>(own_thread, other);
  int sum = 0;
  for (int i = 1; i <= 100; ++i) EXPECT_EQ(b.ask(number{i}).get().value(), sum += i);
}

TEST(OwnThread, messages_keep_their_order_both_ways_and_all_are_counted) {
  struct pass {
    int n;
  };
  class checker : public troupe::actor {
  public:
    explicit checker(std::atomic<int>& next) : next_(next) {}
    void on(pass p) {
      if (p.n == next_) ++next_;
    }

  private:
    std::atomic<int>& next_;
  };
  class relay : public troupe::actor {
  public:
    explicit relay(troupe::ref<checker> to) : to_(std::move(to)) {}
    void on(pass p) { to_.send(p); }

  private:
    troupe::ref<checker> to_;
  };
  constexpr int n = 20'000;
  troupe::runtime rt({.workers = 2});
  std::atomic<int> in_pool{0};
  std::atomic<int> on_thread{0};
  auto from_thread = rt.spawn<relay>(own_thread, rt.spawn<checker>(in_pool));
  auto to_thread = rt.spawn<relay>(rt.spawn<checker>(own_thread, on_thread));
  for (int i = 0; i != n; ++i) {
    from_thread.send(pass{i});
    to_thread.send(pass{i});
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(in_pool, n);
  EXPECT_EQ(on_thread, n);
  const auto c = rt.counts();
  EXPECT_EQ(c.sent, 4u * n);
  EXPECT_EQ(c.handled, 4u * n);
  EXPECT_EQ(c.queued(), 0u);
}

/// Passes a number on, one less each time.
class player : public troupe::actor {
public:
  void on(const troupe::ref<player>& other) { other_ = other; }
  void on(number n) {
    if (n.n != 0) other_.send(number{n.n - 1});
  }

private:
  troupe::ref<player> other_;
};

TEST(OwnThread, nothing_is_idle_while_a_message_goes_to_and_fro_between_threads_and_workers) {
  troupe::runtime rt({.workers = 2});
  auto a = rt.spawn<player>(own_thread);
  auto b = rt.spawn<player>();
  auto c = rt.spawn<player>(own_thread);
  a.send(b);
  b.send(c);
  c.send(a);
  for (int round = 0; round != 200; ++round) {
    const auto before = rt.counts().handled;
    (round % 2 != 0 ? a : b).send(number{30});
    ASSERT_TRUE(rt.wait_idle(60s));
    const auto now = rt.counts();
    ASSERT_EQ(now.queued(), 0u);
    ASSERT_GE(now.handled - before, 31u);
  }
}

TEST(OwnThread, the_thread_ends_after_its_actor_however_that_ends) {
  troupe::runtime rt({.workers = 2});
  const auto end = [&](auto how) {
    auto a = rt.spawn<dweller>(own_thread);
    a.send(number{1});
    how(a);
    EXPECT_TRUE(a.join(60s));
    EXPECT_TRUE(eventually([&] { return actor_threads(rt).empty(); }));
    a.send(number{2});  // to nobody
    EXPECT_FALSE(a.ask(get_sum{}).get());
  };
  end([](auto& a) { a.close(); });
  end([](auto& a) { a.kill(); });
  end([](auto& a) { a.send(crash{}); });
  end([](auto& a) {
    a.send(nap{});
    a.kill();
  });
  class fails : public troupe::actor {
  public:
    fails() { throw std::runtime_error("no"); }
    void on(number) {}
  };
  EXPECT_THROW(rt.spawn<fails>(own_thread), std::runtime_error);
  EXPECT_TRUE(eventually([&] { return actor_threads(rt).empty(); }));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(OwnThread, an_actor_that_is_made_anew_keeps_its_thread) {
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.max_restarts = 100, .backoff = {0ns, 0ns, 0}});
  auto a = sup.spawn<dweller>({.name = "lodger", .own_thread = true});
  const auto home = a.ask(where{}).get().value();
  for (int i = 0; i != 10; ++i) {
    a.send(number{1});
    a.send(crash{});
    EXPECT_EQ(a.ask(get_sum{}).get().value(), 0);
    EXPECT_EQ(a.ask(where{}).get().value(), home);
  }
  EXPECT_THAT(actor_threads(rt), ElementsAre("lodger"));
  sup.close();
  EXPECT_TRUE(sup.join(60s));
  EXPECT_TRUE(eventually([&] { return actor_threads(rt).empty(); }));
}

TEST(OwnThread, monitors_timers_and_delayed_messages_work_there) {
  class watcher : public troupe::actor {
  public:
    explicit watcher(std::atomic<int>& seen) : seen_(seen) {}
    void on_start() { set_idle_timeout(5ms); }
    void on_idle() { seen_ |= 1; }
    void on(const troupe::any_ref& other) { monitor(this, other); }
    void on(const troupe::down&) { seen_ |= 2; }
    void on(number) { seen_ |= 4; }

  private:
    std::atomic<int>& seen_;
  };
  troupe::runtime rt({.workers = 2});
  std::atomic<int> seen{0};
  auto w = rt.spawn<watcher>(own_thread, seen);
  auto mortal = rt.spawn<dweller>(own_thread);
  w.send(troupe::any_ref(mortal));
  w.send_later(3ms, number{1});
  mortal.send(crash{});
  EXPECT_TRUE(eventually([&] { return seen == 7; }));
}

TEST(OwnThread, what_its_handler_forks_runs_on_its_thread_too) {
  class forker : public troupe::actor {
  public:
    troupe::task<bool> on(where) {
      auto [a, b] = co_await troupe::fork_join(look(), look());
      const auto home = std::this_thread::get_id();
      co_return a == home&& b == home;
    }

  private:
    static troupe::task<std::thread::id> look() {
      co_await troupe::this_task::yield();
      co_return std::this_thread::get_id();
    }
  };
  troupe::runtime rt({.workers = 2});
  auto f = rt.spawn<forker>(own_thread);
  for (int i = 0; i != 20; ++i) EXPECT_TRUE(f.ask(where{}).get().value());
}

TEST(OwnThread, loops_and_callables_can_have_one) {
  class echo : public troupe::loop_actor<number> {
  public:
    explicit echo(std::atomic<int>& sum) : sum_(sum) {}
    troupe::task<> run() override {
      for (;;) {
        auto n = co_await receive();
        if (!n) break;
        sum_ += n->n;
      }
    }

  private:
    std::atomic<int>& sum_;
  };
  troupe::runtime rt({.workers = 1});
  std::atomic<int> sum{0};
  auto loop = rt.spawn<echo>(own_thread, sum);
  auto callables = rt.spawn(own_thread, troupe::handlers{[&](number n) { sum += n.n; }});
  EXPECT_EQ(actor_threads(rt).size(), 2u);
  for (int i = 0; i != 100; ++i) {
    loop.send(number{1});
    callables.send(number{1});
  }
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(sum, 200);
}

TEST(OwnThread, the_list_of_actors_says_what_it_does) {
  class holder : public troupe::actor {
  public:
    void on(std::atomic<int>* state) {
      *state = 1;
      while (*state == 1) std::this_thread::sleep_for(1ms);
    }
  };
  troupe::runtime rt({.workers = 1});
  std::atomic<int> state{0};
  auto h = rt.spawn<holder>(own_thread);
  h.send(&state);
  ASSERT_TRUE(eventually([&] { return state == 1; }));
  const auto all = rt.actors();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].state, troupe::task_state::running);
  EXPECT_THAT(all[0].message, testing::HasSubstr("atomic"));
  EXPECT_FALSE(rt.wait_idle(20ms)) << "it is at work";
  state = 2;
  EXPECT_TRUE(rt.wait_idle(60s));
}

TEST(OwnThread, one_has_it_also_beside_a_runtime_without_threads) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto a = rt.spawn<player>(own_thread);
  auto b = rt.spawn<player>();
  a.send(b);
  b.send(a);
  a.send(number{200});
  rt.run();
  EXPECT_EQ(rt.counts().queued(), 0u);
  EXPECT_EQ(rt.counts().handled, 203u);
  auto d = rt.spawn<dweller>(own_thread);
  EXPECT_NE(d.ask(where{}).get().value(), std::this_thread::get_id());
  EXPECT_TRUE(rt.shutdown(60s).clean());
}

TEST(OwnThread, in_a_runtime_with_a_seed_it_is_a_job_like_others) {
  const auto play = [](std::uint64_t seed) {
    troupe::runtime rt({.seed = seed});
    auto a = rt.spawn<player>(own_thread);
    auto b = rt.spawn<player>();
    a.send(b);
    b.send(a);
    a.send(number{50});
    auto d = rt.spawn<dweller>({.own_thread = true});
    EXPECT_EQ(d.ask(nap{}).get().value(), std::this_thread::get_id());
    EXPECT_THAT(actor_threads(rt), IsEmpty());
    rt.run();
    return rt.trace();
  };
  for (const std::uint64_t seed : {1, 2, 3}) EXPECT_EQ(play(seed), play(seed));
}

TEST(OwnThread, after_a_shutdown_there_are_no_more_threads) {
  troupe::runtime rt({.workers = 2});
  std::vector<troupe::ref<player>> all;
  for (int i = 0; i != 8; ++i) all.push_back(rt.spawn<player>(own_thread));
  for (std::size_t i = 0; i != all.size(); ++i) all[i].send(all[(i + 1) % all.size()]);
  all[0].send(number{500});
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(rt.counts().handled, 8u + 501u) << "what was on its way has been handled";
  EXPECT_THAT(actor_threads(rt), IsEmpty());
  EXPECT_THROW(rt.spawn<player>(own_thread), troupe::troupe_error);
}

}  // namespace
