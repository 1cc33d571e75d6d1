#include <troupe/actors/runtime.hpp>
#include <troupe/base/poison.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct poke {};

/// Writes down what is called.
class diary : public troupe::actor {
public:
  explicit diary(std::vector<std::string>& out) : out_(out) { out_.push_back("made"); }
  ~diary() { out_.push_back("destroyed"); }
  void on_start() { out_.push_back("started"); }
  void on_stop() { out_.push_back("stopped"); }
  void on(poke) { out_.push_back("poked"); }

private:
  std::vector<std::string>& out_;
};

using entries = std::vector<std::string>;

TEST(Lifecycle, start_messages_stop_and_destructor_come_in_this_order) {
  entries out;
  troupe::runtime rt({.workers = 2});
  auto d = rt.spawn<diary>(out);
  d.send(poke{});
  d.close();
  EXPECT_EQ(d.join(60s)->kind, troupe::exit_kind::normal);
  EXPECT_EQ(out, (entries{"made", "started", "poked", "stopped", "destroyed"}));
}

TEST(Lifecycle, a_killed_actor_is_not_asked_to_stop) {
  entries out;
  troupe::runtime rt({.workers = 2});
  auto d = rt.spawn<diary>(out);
  EXPECT_TRUE(rt.wait_idle(60s));
  d.kill();
  EXPECT_EQ(d.join(60s)->kind, troupe::exit_kind::killed);
  EXPECT_EQ(out, (entries{"made", "started", "destroyed"}));
}

TEST(Lifecycle, closing_twice_or_killing_after_the_end_does_nothing) {
  entries out;
  troupe::runtime rt({.workers = 2});
  auto d = rt.spawn<diary>(out);
  d.close();
  d.close();
  EXPECT_EQ(d.join(60s)->kind, troupe::exit_kind::normal);
  d.kill();
  EXPECT_EQ(d.join(60s)->kind, troupe::exit_kind::normal);
  EXPECT_FALSE(d.alive());
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().ended, 1u);
}

class closes_itself : public troupe::actor {
public:
  void on(int n) {
    if (n == 0) close_self();
  }
};

TEST(Lifecycle, an_actor_that_closes_itself_handles_what_was_sent_before) {
  troupe::runtime rt({.workers = 1});
  auto c = rt.spawn<closes_itself>();
  c.send(0);
  EXPECT_EQ(c.join(60s)->kind, troupe::exit_kind::normal);
  c.send(1);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

TEST(Lifecycle, a_reference_outlives_actor_and_runtime) {
  troupe::ref<closes_itself> kept;
  EXPECT_FALSE(kept);
  {
    troupe::runtime rt({.workers = 1});
    kept = rt.spawn_named<closes_itself>("survivor");
  }
  EXPECT_TRUE(kept);
  EXPECT_FALSE(kept.alive());
  EXPECT_EQ(kept.name(), "survivor");
  EXPECT_EQ(kept.try_send(1), troupe::send_status::closed);
  kept.close();
  kept.kill();
  EXPECT_EQ(kept.join(0ms)->kind, troupe::exit_kind::shutdown);
}

TEST(Lifecycle, dropping_the_last_reference_closes_nothing) {
  troupe::runtime rt({.workers = 1});
  { auto dropped = rt.spawn<closes_itself>(); }
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.alive(), 1u);
}

TEST(Lifecycle, names_are_given_or_made_of_class_and_number) {
  troupe::runtime rt({.workers = 1});
  auto a = rt.spawn_named<closes_itself>("given");
  auto b = rt.spawn<closes_itself>();
  auto c = rt.spawn<closes_itself>();
  EXPECT_EQ(a.name(), "given");
  EXPECT_NE(b.name().find("closes_itself#"), std::string::npos);
  EXPECT_NE(b.name(), c.name());
  EXPECT_NE(b.id(), c.id());
}

TEST(Lifecycle, references_compare_and_hash_by_the_actor_that_they_stand_for) {
  troupe::runtime rt({.workers = 1});
  auto a = rt.spawn<closes_itself>();
  auto b = rt.spawn<closes_itself>();
  const auto same = a;
  EXPECT_TRUE(a == same);
  EXPECT_FALSE(a == b);
  std::unordered_set<troupe::ref<closes_itself>> set{a, b, same};
  EXPECT_EQ(set.size(), 2u);
}

class parent : public troupe::actor {
public:
  explicit parent(troupe::runtime& rt) : child_(rt.spawn<closes_itself>()) {}
  void on(poke) { child_.send(0); }
  bool on(int) { return child_.alive(); }

private:
  troupe::ref<closes_itself> child_;
};

TEST(Lifecycle, an_actor_may_spawn_another_in_its_constructor) {
  troupe::runtime rt({.workers = 2});
  auto p = rt.spawn<parent>(rt);
  EXPECT_TRUE(*p.ask(1, 60s).get());
  p.send(poke{});
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_FALSE(*p.ask(1, 60s).get());
}

TEST(Lifecycle, an_actor_that_is_not_spawned_is_refused) { EXPECT_THROW(closes_itself(), troupe::troupe_error); }

/// Ends only after an answer has come.
class waits_for_an_answer : public troupe::actor {
public:
  explicit waits_for_an_answer(troupe::future<int> answer) : answer_(std::move(answer)) {}
  troupe::task<> on(poke) { (void)co_await answer_; }

private:
  troupe::future<int> answer_;
};

class joiner : public troupe::actor {
public:
  std::string on(troupe::any_ref other) {
    other.close();
    const auto reason = other.join(60s);
    return reason ? "joined" : std::string(to_string(reason.error().code()));
  }
};

TEST(Lifecycle, a_shutdown_that_has_no_time_destroys_who_waits_with_a_timeout) {
  class patient : public troupe::actor {
  public:
    patient(troupe::address<int(int)> to, std::vector<std::string>& out) : to_(std::move(to)), out_(out) {}
    ~patient() { out_.push_back("destroyed"); }
    troupe::task<> on(poke) {
      const auto r = co_await to_.ask(1, 1h);
      out_.push_back(r ? "answered" : "not answered");
    }

  private:
    troupe::address<int(int)> to_;
    std::vector<std::string>& out_;
  };
  class silent : public troupe::actor {
  public:
    void on(int, troupe::promise<int> reply) { kept_ = std::move(reply); }

  private:
    troupe::promise<int> kept_;
  };
  entries out;
  troupe::runtime rt({.seed = 1});
  const auto p = rt.spawn<patient>(rt.spawn<silent>(), std::ref(out));
  p.send(poke{});
  ASSERT_TRUE(rt.wait_idle(1ms) || p.alive());
  EXPECT_FALSE(rt.shutdown(0s).clean());
  EXPECT_EQ(out, (entries{"destroyed"}));
}

TEST(Lifecycle, a_handler_may_join_on_its_own_runtime_while_another_thread_stands_in) {
  troupe::runtime rt({.workers = 1});
  const troupe::any_ref other = rt.spawn<closes_itself>();
  EXPECT_EQ(rt.spawn<joiner>().ask(other, 60s).get().value(), "joined");
}

TEST(Lifecycle, a_handler_that_joins_where_nobody_can_stand_in_is_refused_and_not_stuck) {
  troupe::runtime rt({.workers = 2, .stand_ins = 0});
  troupe::promise<int> answer(rt.scheduler());
  auto other = rt.spawn<waits_for_an_answer>(answer.get_future());
  other.send(poke{});
  EXPECT_EQ(rt.spawn<joiner>().ask(troupe::any_ref(other), 60s).get().value(), "would_deadlock");
  answer.give(1);
}

TEST(Lifecycle, several_runtimes_live_in_one_process_and_their_actors_may_ask_each_other) {
  class relay : public troupe::actor {
  public:
    explicit relay(troupe::address<int(int)> to) : to_(std::move(to)) {}
    troupe::task<int> on(int n) {
      auto r = co_await to_.ask(n, 60s);
      co_return r.value_or(-1);
    }

  private:
    troupe::address<int(int)> to_;
  };
  class adder : public troupe::actor {
  public:
    int on(int n) { return n + 1; }
  };
  troupe::runtime first({.workers = 1, .name = "first"});
  troupe::runtime second({.workers = 1, .name = "second"});
  auto r = first.spawn<relay>(second.spawn<adder>());
  for (int n = 0; n != 200; ++n) ASSERT_EQ(*r.ask(n, 60s).get(), n + 1);
}

/// Objects of several sizes stand in their cells, the largest does not.
template <std::size_t Bytes>
class sized : public troupe::actor {
public:
  explicit sized(int& alive) : alive_(&alive) { bytes_.fill(static_cast<char>(Bytes)), ++*alive_; }
  ~sized() { --*alive_; }
  bool on(poke) const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](char c) { return c == static_cast<char>(Bytes); });
  }

private:
  int* alive_;
  std::array<char, Bytes> bytes_;
};

template <std::size_t... Bytes>
void make_of_sizes() {
  int alive = 0;
  {
    troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
    std::vector<std::function<bool()>> asks;
    std::vector<troupe::any_ref> refs;
    for (int i = 0; i != 3; ++i) {
      const auto make = [&](auto r) {
        refs.push_back(r);
        asks.push_back([r] { return r.ask(poke{}).get().value(); });
      };
      (make(rt.spawn<sized<Bytes>>(alive)), ...);
    }
    EXPECT_EQ(alive, static_cast<int>(refs.size()));
    for (auto& each : asks) EXPECT_TRUE(each());
  }
  EXPECT_EQ(alive, 0);
}

TEST(Lifecycle, actors_of_all_sizes_keep_to_their_memory) {
  make_of_sizes<1, 16, 48, 96, 104, 105, 111, 112, 113, 120, 200>();
}

/// Small, but for what derives from it.
class small_base : public troupe::actor {
public:
  void on(poke) { self(this).send(1); }  // by a reference to a small_base
  void on(int) { seen_ = number_; }
  int on(std::string) const { return seen_; }

private:
  int number_ = 42;
  int seen_ = 0;
};
template <std::size_t Bytes>
class derived_from_small : public small_base {
  std::array<char, Bytes> more_{};
};

TEST(Lifecycle, a_base_class_finds_its_object_whatever_its_size) {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  const auto check = [](auto r) {
    r.send(poke{});
    return r.ask(std::string("what have you seen?")).get().value();
  };
  const auto after = [&](auto r) {
    (void)check(r);  // the message to itself comes behind the first question
    return check(r);
  };
  EXPECT_EQ(after(rt.spawn<small_base>()), 42);
  EXPECT_EQ(after(rt.spawn<derived_from_small<16>>()), 42);
  EXPECT_EQ(after(rt.spawn<derived_from_small<200>>()), 42);
}

#ifdef TROUPE_ADDRESS_SANITIZER
class says_where_it_is : public troupe::actor {
public:
  explicit says_where_it_is(const int*& where) { where = &number_; }

private:
  int number_ = 1;
};

TEST(LifecycleDeath, whoever_touches_an_actor_after_its_end_is_reported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int* where = nullptr;
  troupe::runtime rt({.workers = 1});
  const auto held = rt.spawn<says_where_it_is>(where);
  EXPECT_EQ(*where, 1);
  held.kill();
  ASSERT_TRUE(held.join(60s));
  EXPECT_DEATH((void)*static_cast<const volatile int*>(where), "use-after-poison");
}
#endif

}  // namespace
