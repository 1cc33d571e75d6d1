// The life of a CAF system on a runtime, and what goes wrong in it.

#include <atomic>
#include <chrono>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/base/log.hpp>
#include <troupe/remote/caf.hpp>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;

using go = caf::atom_constant<caf::atom("go")>;

class idler : public caf::event_based_actor {
public:
  explicit idler(caf::actor_config& cfg) : event_based_actor(cfg) {}
  const char* name() const override { return "idler"; }
  caf::behavior make_behavior() override {
    return {[](go) { return 1; }};
  }
};

std::mutex log_mutex;
std::string log_text;

/// Catches the log while it lives.
struct captured_log {
  captured_log() {
    log_text.clear();
    troupe::set_log_sink([](std::string_view line) noexcept {
      std::lock_guard guard(log_mutex);
      log_text += std::string(line) + '\n';
    });
  }
  ~captured_log() { troupe::set_log_sink(nullptr); }
  std::string text() const {
    std::lock_guard guard(log_mutex);
    return log_text;
  }
};

TEST(caf_system, ends_by_itself_when_its_actors_have_ended) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  const auto a = sys->spawn<idler>();
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  EXPECT_TRUE(sys.shutdown(10s).clean());
}

// Whoever spawns an actor holds the logger of the system, for whose end CAF waits without a limit.

TEST(caf_system, ends_although_its_actors_have_spawned_others_on_the_workers) {
  troupe::runtime rt({.workers = 2});
  const auto start = std::chrono::steady_clock::now();
  {
    troupe::caf_system sys(rt);
    for (int i = 0; i != 20; ++i) {
      const auto parent = sys->spawn([](caf::event_based_actor* me) -> caf::behavior {
        return {[=](go) {
          me->anon_send(me->spawn<idler>(), go::value);
          me->quit();
        }};
      });
      caf::anon_send(parent, go::value);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

class employer : public troupe::actor {
public:
  employer(caf::actor_system& sys, std::atomic<int>& all) : sys_(&sys), all_(&all) {}
  int on(int n) {
    for (--*all_; *all_ != 0;) std::this_thread::yield();                     // on all workers at a time
    for (int i = 0; i != n; ++i) (void)sys_->spawn<idler, caf::lazy_init>();  // has no slice that could let go
    return n;
  }

private:
  caf::actor_system* sys_;
  std::atomic<int>* all_;
};

TEST(caf_system, ends_although_actors_of_troupes_have_spawned_some_of_cafs) {
  constexpr int workers = 6;
  std::atomic<int> together = workers;
  troupe::runtime rt({.workers = workers});
  troupe::caf_system sys(rt);
  std::vector<troupe::ref<employer>> all;
  std::vector<decltype(all[0].ask(5, 10s))> done;
  for (int i = 0; i != workers; ++i) all.push_back(rt.spawn<employer>(*sys, together));
  for (auto& each : all) done.push_back(each.ask(5, 10s));
  for (auto& each : done) ASSERT_EQ(each.get().value(), 5);
  EXPECT_TRUE(sys.shutdown(10s).clean());
}

TEST(caf_system, the_timeouts_of_actors_that_have_ended_keep_no_runtime_busy) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  const auto asked = sys->spawn<idler>();
  std::atomic<int> answer = 0;
  sys->spawn([&, asked](caf::event_based_actor* me) {  // ends when it has the answer
    me->request(asked, 60s, go::value).then([&](int i) { answer = i; });
  });
  ASSERT_TRUE(tests::eventually([&] { return answer == 1; }));
  EXPECT_TRUE(rt.wait_idle(10s));
  caf::anon_send_exit(asked, caf::exit_reason::user_shutdown);
}

TEST(caf_system, says_so_where_a_thread_that_has_spawned_actors_goes_on) {
  captured_log log;
  troupe::runtime rt({.workers = 2});
  std::binary_semaphore spawned(0), over(0);
  troupe::caf_system sys(rt);
  std::thread other([&] {
    caf::anon_send_exit(sys->spawn<idler>(), caf::exit_reason::user_shutdown);
    spawned.release();
    over.acquire();
  });
  spawned.acquire();
  const troupe::shutdown_report report = sys.shutdown(200ms);
  ASSERT_EQ(report.stuck.size(), 1u);
  EXPECT_TRUE(tests::contains(report.stuck[0].name, "a thread that has spawned actors")) << report.stuck[0].name;
  EXPECT_TRUE(tests::contains(log.text(), "left to itself")) << log.text();
  over.release();
  other.join();
}

TEST(caf_system, names_and_kills_the_actors_that_do_not_end) {
  captured_log log;
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  const auto a = sys->spawn<idler>();
  caf::error why;
  a->attach_functor([&](const caf::error& e) { why = e; });
  caf::scoped_actor(*sys)->request(a, 10s, go::value).receive([](int) {}, [](caf::error&) { FAIL(); });
  const troupe::shutdown_report report = sys.shutdown(200ms);
  ASSERT_EQ(report.stuck.size(), 1u);
  EXPECT_TRUE(tests::contains(report.stuck[0].name, "idler#")) << report.stuck[0].name;
  EXPECT_EQ(why, caf::exit_reason::kill);
  EXPECT_TRUE(tests::contains(log.text(), "idler#")) << log.text();
  EXPECT_TRUE(sys.shutdown(1s).clean()) << "nothing is left to do";
}

TEST(caf_system, ends_although_an_actor_sends_to_itself_for_ever) {
  captured_log log;
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  const auto a = sys->spawn([](caf::event_based_actor* me) -> caf::behavior {
    me->send(me, go::value);
    return {[=](go) { me->send(me, go::value); }};
  });
  EXPECT_EQ(sys.shutdown(200ms).stuck.size(), 1u);
}

TEST(caf_system, is_left_to_itself_where_a_handler_never_returns) {
  captured_log log;
  std::atomic<bool> in = false, out = false;
  {
    troupe::runtime rt({.workers = 2});
    troupe::caf_system sys(rt);
    const auto a = sys->spawn([&](caf::event_based_actor*) -> caf::behavior {
      return {[&](go) {
        in = true;
        while (!out) std::this_thread::sleep_for(1ms);
      }};
    });
    caf::anon_send(a, go::value);
    ASSERT_TRUE(tests::eventually([&] { return in.load(); }));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(sys.shutdown(200ms).stuck.size(), 1u);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    EXPECT_TRUE(tests::contains(log.text(), "left to itself")) << log.text();
    out = true;
  }
}

TEST(caf_system, outlives_its_runtime_and_kills_what_can_run_no_more) {
  captured_log log;
  caf::error first_end, second_end;
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  const auto first = sys->spawn<idler>();
  const auto second = sys->spawn<idler>();
  first->attach_functor([&](const caf::error& e) { first_end = e; });
  second->attach_functor([&](const caf::error& e) { second_end = e; });
  caf::scoped_actor self(*sys);
  for (const auto& each : {first, second})
    self->request(each, 10s, go::value).receive([](int) {}, [](caf::error&) { FAIL(); });
  EXPECT_TRUE(rt.shutdown(10s).clean());
  EXPECT_TRUE(first_end && second_end) << "they were told before the workers ended";
  caf::anon_send(first, go::value);
  const auto late = sys->spawn<idler>();  // ends where it stands: nobody will run it
  caf::anon_send(late, go::value);
}

TEST(caf_system, is_not_made_on_a_runtime_that_has_been_shut_down) {
  troupe::runtime rt({.workers = 1});
  rt.shutdown(10s);
  EXPECT_THROW(troupe::caf_system sys(rt), troupe::troupe_error);
}

TEST(caf_system, may_be_made_twice_on_one_runtime_with_one_configuration_and_beside_a_plain_one) {
  troupe::runtime rt({.workers = 2});
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 1u);
  caf::actor_system plain(config);
  const auto in_plain = plain.spawn<idler>();
  {
    troupe::caf_system one(rt, config), two(rt, config);
    EXPECT_TRUE(config.module_factories.empty());
    for (troupe::caf_system* sys : {&one, &two}) {
      const auto a = (*sys)->spawn<idler>();
      caf::scoped_actor self(**sys);
      self->request(a, 10s, go::value).receive([](int v) { EXPECT_EQ(v, 1); }, [](caf::error&) { FAIL(); });
      self->request(in_plain, 10s, go::value).receive([](int v) { EXPECT_EQ(v, 1); }, [](caf::error&) { FAIL(); });
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    }
  }
  caf::scoped_actor self(plain);
  self->request(in_plain, 10s, go::value).receive([](int v) { EXPECT_EQ(v, 1); }, [](caf::error&) { FAIL(); });
  caf::anon_send_exit(in_plain, caf::exit_reason::user_shutdown);
}

TEST(caf_system, survives_an_actor_that_throws_and_one_that_quits_in_a_handler) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto quiet = [](caf::scheduled_actor*, std::exception_ptr&) -> caf::error {
    return caf::exit_reason::unhandled_exception;
  };
  const auto thrower = self->spawn<caf::monitored>([=](caf::event_based_actor* me) -> caf::behavior {
    me->set_exception_handler(quiet);
    return {[](go) { throw std::runtime_error("out of paper"); }};
  });
  const auto quitter = self->spawn<caf::monitored>([](caf::event_based_actor* me) -> caf::behavior {
    return {[=](go) { me->quit(caf::exit_reason::out_of_workers); }};
  });
  caf::anon_send(thrower, go::value);
  caf::anon_send(quitter, go::value);
  std::vector<caf::error> reasons(2);
  for (int i = 0; i != 2; ++i)
    self->receive([&](const caf::down_msg& d) { reasons[d.source == thrower ? 0 : 1] = d.reason; });
  EXPECT_EQ(reasons[0], caf::exit_reason::unhandled_exception);
  EXPECT_EQ(reasons[1], caf::exit_reason::out_of_workers);
}

TEST(caf_system, blocking_handlers_do_not_stop_other_actors) {
  troupe::runtime rt({.workers = 1});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  std::atomic<bool> out = false;
  const auto blocker = sys->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    return {[=, &out](go) {
      while (!out) std::this_thread::sleep_for(1ms);
      me->quit();
    }};
  });
  caf::anon_send(blocker, go::value);
  const auto other = sys->spawn<idler>();
  self->request(other, 10s, go::value).receive([](int v) { EXPECT_EQ(v, 1); }, [](caf::error&) { FAIL(); });
  out = true;
  caf::anon_send_exit(other, caf::exit_reason::user_shutdown);
}

/// C8: an actor of CAF's that always has messages leaves room for others after each budget.
TEST(caf_system, messages_of_caf_count_against_the_budget_of_a_slice) {
  troupe::runtime rt({.workers = 1, .budget = 10, .quantum = 0ns});
  troupe::caf_system sys(rt);
  std::vector<int> order;
  const auto note = [&](int who) {
    return [&order, who](caf::event_based_actor* me) -> caf::behavior {
      return {[&order, who, me](go) {
        order.push_back(who);
        if (std::count(order.begin(), order.end(), who) == 40) me->quit();
      }};
    };
  };
  const auto a = sys->spawn(note(1)), b = sys->spawn(note(2));
  sys->spawn([=](caf::event_based_actor* me) {  // on the only worker: both have all before either begins
    for (int i = 0; i != 40; ++i) {
      me->send(a, go::value);
      me->send(b, go::value);
    }
  });
  ASSERT_TRUE(sys.shutdown(10s).clean());  // what orders it for ThreadSanitizer too
  ASSERT_TRUE(rt.shutdown(10s).clean());
  ASSERT_EQ(order.size(), 80u);
  int longest = 0, run = 0;
  for (std::size_t i = 0; i != order.size(); ++i) {
    run = i != 0 && order[i] == order[i - 1] ? run + 1 : 1;
    if (i < 70) longest = std::max(longest, run);
  }
  EXPECT_EQ(longest, 10);
}

TEST(caf_system, runs_on_virtual_time_and_by_the_seed) {
  const auto run = [](std::uint64_t seed) {
    std::string order;
    troupe::runtime rt({.seed = seed});
    {
      troupe::caf_system sys(rt);
      for (char c = 'a'; c != 'g'; ++c)
        sys->spawn([&order, c](caf::event_based_actor* me) -> caf::behavior {
          me->delayed_send(me, std::chrono::hours(c - 'a' + 1), 1);
          order += c;
          return {[=, &order](int) {
            order += static_cast<char>(c - 32);
            me->quit();
          }};
        });
      EXPECT_TRUE(sys.shutdown(24h).clean());
    }
    return std::pair(order, rt.trace());
  };
  const auto start = std::chrono::steady_clock::now();
  const auto first = run(7);
  EXPECT_EQ(first.first.size(), 12u);
  EXPECT_EQ(first.first.substr(6), "ABCDEF");
  EXPECT_EQ(first, run(7));
  EXPECT_NE(first.first, run(8).first);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
