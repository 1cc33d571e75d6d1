// Programs as CAF's users write them, on the workers of a runtime.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/remote/caf.hpp>

namespace {

using namespace std::chrono_literals;

using ping = caf::atom_constant<caf::atom("ping")>;
using pong = caf::atom_constant<caf::atom("pong")>;
using go = caf::atom_constant<caf::atom("go")>;

// --- ping and pong -------------------------------------------------------------------------------------------------

caf::behavior ponger(caf::event_based_actor* self) {
  return {[=](ping, int n) {
    if (n == 0) self->quit();
    return caf::make_message(pong::value, n);
  }};
}

TEST(caf_program, ping_pong_ends_and_tells_its_monitor) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  int rounds = 0;
  const auto peer = sys->spawn(ponger);
  self->spawn<caf::monitored>([peer, &rounds](caf::event_based_actor* me) -> caf::behavior {
    me->send(peer, ping::value, 1000);
    return {[=, &rounds](pong, int n) {
      ++rounds;
      if (n == 0)
        me->quit(caf::exit_reason::user_shutdown);
      else
        me->send(peer, ping::value, n - 1);
    }};
  });
  caf::error why;
  self->receive([&](const caf::down_msg& d) { why = d.reason; });
  EXPECT_EQ(rounds, 1001);
  EXPECT_EQ(why, caf::exit_reason::user_shutdown);
}

TEST(caf_program, actors_run_on_the_workers_and_on_no_other_threads) {
  troupe::runtime rt({.workers = 2, .name = "pool"});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  std::mutex mutex;
  std::set<std::string> threads;
  std::vector<caf::actor> actors;
  for (int i = 0; i != 50; ++i)
    actors.push_back(sys->spawn([&](caf::event_based_actor* me) -> caf::behavior {
      return {[=, &mutex, &threads](int) {
        const std::lock_guard guard(mutex);
        threads.insert(troupe::current_worker() ? troupe::current_worker()->name() : "none of the runtime's");
        me->quit();
      }};
    }));
  for (const caf::actor& a : actors) caf::anon_send(a, 1);
  self->wait_for(actors);
  threads.erase("pool/0");
  threads.erase("pool/1");
  EXPECT_EQ(threads, std::set<std::string>());
}

// --- dining philosophers -------------------------------------------------------------------------------------------

using take = caf::atom_constant<caf::atom("take")>;
using put_back = caf::atom_constant<caf::atom("put")>;

/// Free, or with a philosopher: two behaviours. Says whether the one who wants it has it now.
caf::behavior chopstick(caf::event_based_actor* self) {
  return {[=](take) {
    const caf::strong_actor_ptr owner = self->current_sender();
    self->become(
        caf::keep_behavior, [](take) { return false; },
        [=](put_back) {
          EXPECT_EQ(self->current_sender(), owner);
          self->unbecome();
        });
    return true;
  }};
}

class philosopher : public caf::event_based_actor {
public:
  philosopher(caf::actor_config& cfg, caf::actor left, caf::actor right, int meals)
      : event_based_actor(cfg), left_(std::move(left)), right_(std::move(right)), meals_(meals) {}

protected:
  caf::behavior make_behavior() override {
    send(this, go::value);
    return {
        [this](go) { request(left_, 10s, take::value).then([this](bool mine) { mine ? take_right() : again(); }); }};
  }

private:
  void take_right() {
    request(right_, 10s, take::value).then([this](bool mine) {
      if (mine) return eat();
      send(left_, put_back::value);
      again();
    });
  }
  void eat() {
    send(left_, put_back::value);
    send(right_, put_back::value);
    if (--meals_ == 0)
      quit();
    else
      again();
  }
  void again() { delayed_send(this, std::chrono::microseconds(100), go::value); }

  caf::actor left_, right_;
  int meals_;
};

TEST(caf_program, philosophers_eat_with_the_chopsticks_of_their_neighbours) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  std::array<caf::actor, 5> chopsticks;
  for (caf::actor& c : chopsticks) c = sys->spawn(chopstick);
  std::vector<caf::actor> philosophers;
  for (std::size_t i = 0; i != 5; ++i)
    philosophers.push_back(sys->spawn<philosopher>(chopsticks[i], chopsticks[(i + 1) % 5], 20));
  self->wait_for(philosophers);
  for (const caf::actor& c : chopsticks) caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
}

// --- a stack with three behaviours ---------------------------------------------------------------------------------

using pop = caf::atom_constant<caf::atom("pop")>;
using push = caf::atom_constant<caf::atom("push")>;

class fixed_stack : public caf::event_based_actor {
public:
  fixed_stack(caf::actor_config& cfg, std::size_t size) : event_based_actor(cfg), size_(size) {
    full_.assign([](push, int) { return caf::make_error(caf::sec::runtime_error); },
                 [this](pop) -> int {
                   const int top = values_.back();
                   values_.pop_back();
                   become(filled_);
                   return top;
                 });
    filled_.assign(
        [this](push, int value) {
          values_.push_back(value);
          if (values_.size() == size_) become(full_);
        },
        [this](pop) -> int {
          const int top = values_.back();
          values_.pop_back();
          if (values_.empty()) become(empty_);
          return top;
        });
    empty_.assign(
        [this](push, int value) {
          values_.push_back(value);
          become(filled_);
        },
        [](pop) { return caf::make_error(caf::sec::invalid_argument); });
  }

protected:
  caf::behavior make_behavior() override { return empty_; }

private:
  std::size_t size_;
  std::vector<int> values_;
  caf::behavior full_, filled_, empty_;
};

TEST(caf_program, a_fixed_stack_says_when_it_is_full_and_when_it_is_empty) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto stack = self->spawn<fixed_stack>(std::size_t{5});
  int refused = 0;
  for (int i = 0; i != 10; ++i)
    self->request(stack, 10s, push::value, i).receive([] {}, [&](caf::error&) { ++refused; });
  EXPECT_EQ(refused, 5);
  std::vector<int> values;
  for (bool more = true; more;)
    self->request(stack, 10s, pop::value)
        .receive([&](int value) { values.push_back(value); },
                 [&](caf::error& e) {
                   more = false;
                   EXPECT_EQ(e, caf::sec::invalid_argument);
                 });
  EXPECT_EQ(values, (std::vector<int>{4, 3, 2, 1, 0}));
  self->send_exit(stack, caf::exit_reason::user_shutdown);
}

// --- a calculator of typed actors ----------------------------------------------------------------------------------

using plus = caf::atom_constant<caf::atom("plus")>;
using minus = caf::atom_constant<caf::atom("minus")>;
using calculator =
    caf::typed_actor<caf::replies_to<plus, int, int>::with<int>, caf::replies_to<minus, int, int>::with<int>>;

calculator::behavior_type by_function() {
  return {[](plus, int a, int b) { return a + b; }, [](minus, int a, int b) { return a - b; }};
}

class by_class : public calculator::base {
public:
  explicit by_class(caf::actor_config& cfg) : calculator::base(cfg) {}

protected:
  behavior_type make_behavior() override {
    return {[](plus, int a, int b) { return a + b; }, [](minus, int a, int b) { return a - b; }};
  }
};

/// Has no thread to itself: the answers come through another.
calculator::behavior_type by_delegate(calculator::pointer self, calculator other) {
  return {
      [=](plus, int a, int b) { return self->delegate(other, plus::value, a, b); },
      [=](minus, int a, int b) {
        auto answer = self->make_response_promise<int>();
        self->request(other, 10s, minus::value, a, b).then([=](int value) mutable { answer.deliver(value); });
        return answer;
      },
  };
}

calculator::behavior_type by_blocked_thread(calculator::pointer) { return by_function(); }

TEST(caf_program, typed_calculators_of_all_makes_add_and_subtract) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const calculator first = sys->spawn<by_class>();
  const std::vector<calculator> all{first, sys->spawn(by_function), sys->spawn(by_delegate, first),
                                    sys->spawn<caf::detached>(by_blocked_thread)};
  for (const calculator& each : all) {
    self->request(each, 10s, plus::value, 40, 2).receive([](int v) { EXPECT_EQ(v, 42); }, [](caf::error&) { FAIL(); });
    self->request(each, 10s, minus::value, 40, 2).receive([](int v) { EXPECT_EQ(v, 38); }, [](caf::error&) { FAIL(); });
  }
  auto f = caf::make_function_view(first);
  EXPECT_EQ(f(plus::value, 1, 2), 3);
  for (const calculator& each : all) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

// --- what else CAF has ---------------------------------------------------------------------------------------------

TEST(caf_program, a_group_reaches_all_its_members) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  std::atomic<int> joined = 0, got = 0;
  const auto group = sys->groups().get_local("news");
  std::vector<caf::actor> members;
  for (int i = 0; i != 10; ++i)
    members.push_back(sys->spawn_in_group(group, [&](caf::event_based_actor* me) -> caf::behavior {
      ++joined;
      return {[=, &got](const std::string& text) {
        EXPECT_EQ(text, "hello");
        ++got;
        me->quit();
      }};
    }));
  caf::anon_send(group, std::string("hello"));
  self->wait_for(members);
  EXPECT_EQ(joined, 10);
  EXPECT_EQ(got, 10);
}

TEST(caf_program, delayed_messages_and_receive_timeouts_come_when_they_are_due) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto start = std::chrono::steady_clock::now();
  std::chrono::nanoseconds delayed{}, idle{};
  const auto a = sys->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->delayed_send(me, 20ms, go::value);
    return {[=, &delayed](go) { delayed = std::chrono::steady_clock::now() - start; },
            caf::after(50ms) >>
                [=, &idle] {
                  idle = std::chrono::steady_clock::now() - start;
                  me->quit();
                }};
  });
  self->wait_for(a);
  EXPECT_GE(delayed, 20ms);
  EXPECT_GE(idle, 70ms);
  EXPECT_LT(idle, 5s);
}

TEST(caf_program, a_request_times_out_and_an_answered_one_does_not) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto mute = sys->spawn([](caf::event_based_actor* me) -> caf::behavior {
    return {[=](ping) { return me->make_response_promise(); }, [](pong) { return 7; }};
  });
  self->request(mute, 20ms, ping::value)
      .receive([] { FAIL(); }, [](const caf::error& e) { EXPECT_EQ(e, caf::sec::request_timeout); });
  self->request(mute, 10s, pong::value).receive([](int v) { EXPECT_EQ(v, 7); }, [](caf::error&) { FAIL(); });
  std::atomic<int> late = 0;
  const auto asker = sys->spawn([&](caf::event_based_actor* me) {
    me->request(mute, 20ms, ping::value)
        .then([] {}, [&late](const caf::error& e) { late = e == caf::sec::request_timeout ? 1 : 2; });
  });
  self->wait_for(asker);
  EXPECT_EQ(late, 1);
  caf::anon_send_exit(mute, caf::exit_reason::user_shutdown);
}

TEST(caf_program, linked_actors_end_together_and_one_that_traps_exits_does_not) {
  troupe::runtime rt({.workers = 2});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto idle = [](caf::event_based_actor*) -> caf::behavior { return {[](ping) {}}; };
  const auto first = sys->spawn(idle);
  const auto linked = sys->spawn([=](caf::event_based_actor* me) -> caf::behavior {
    me->link_to(first);
    return {[](ping) { return pong::value; }};
  });
  caf::error told;
  const auto trapping = sys->spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->link_to(first);
    me->set_exit_handler([=, &told](const caf::exit_msg& e) {
      told = e.reason;
      me->quit();
    });
    return {[](ping) { return pong::value; }};
  });
  for (const auto& each : {linked, trapping})
    self->request(each, 10s, ping::value).receive([](pong) {}, [](caf::error&) { FAIL(); });
  caf::anon_send_exit(first, caf::exit_reason::out_of_workers);
  self->wait_for(first, linked, trapping);
  EXPECT_EQ(told, caf::exit_reason::out_of_workers);
}

TEST(caf_program, detached_and_blocking_actors_have_threads_of_their_own) {
  troupe::runtime rt({.workers = 1});
  troupe::caf_system sys(rt);
  caf::scoped_actor self(*sys);
  const auto main_thread = std::this_thread::get_id();
  std::atomic<int> elsewhere = 0;
  const auto look = [&] {
    if (!troupe::current_worker() && std::this_thread::get_id() != main_thread) ++elsewhere;
  };
  const auto detached = sys->spawn<caf::detached>([&](caf::event_based_actor* me) -> caf::behavior {
    return {[=](ping) {
      look();
      me->quit();
      return pong::value;
    }};
  });
  const auto blocking = sys->spawn([&](caf::blocking_actor* me) {
    me->receive([&](ping) {
      look();
      return pong::value;
    });
  });
  for (const auto& each : {detached, blocking})
    self->request(each, 10s, ping::value).receive([](pong) {}, [](caf::error&) { FAIL(); });
  self->wait_for(detached, blocking);
  EXPECT_EQ(elsewhere, 2);
}

TEST(caf_program, what_actors_print_comes_in_whole_lines) {
  const std::string file = testing::TempDir() + "caf_printed.txt";
  {
    troupe::runtime rt({.workers = 2});
    troupe::caf_system sys(rt);
    caf::actor_ostream::redirect_all(*sys, file);
    caf::scoped_actor self(*sys);
    std::vector<caf::actor> writers;
    for (int i = 0; i != 10; ++i)
      writers.push_back(sys->spawn([=](caf::event_based_actor* me) {
        caf::aout(me) << "one ";
        caf::aout(me) << "line" << std::endl;
        caf::aout(me) << "no end";
      }));
    self->wait_for(writers);
  }
  std::ifstream in(file);
  int whole = 0, open = 0;
  for (std::string line; std::getline(in, line);) {
    for (; line.rfind("no end", 0) == 0; line.erase(0, 6)) ++open;
    if (line == "one line")
      ++whole;
    else
      EXPECT_EQ(line, "");
  }
  EXPECT_EQ(whole, 10);
  EXPECT_EQ(open, 10);
}

}  // namespace
