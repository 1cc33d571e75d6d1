// Each planted bug is found within 1,000 runs, the line that is printed replays it, and the program without the bug
// passes them all.

#include <troupe/testing/explore.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::runtime;
using troupe::task;
using troupe::testing::explore;
using troupe::testing::explore_options;
using troupe::testing::explore_report;
namespace this_task = troupe::this_task;

/// Explores without failing the test; what was reported goes to `printed`.
template <class Body>
explore_report explore_quietly(const explore_options& options, Body body, std::string* printed = nullptr) {
  testing::TestPartResultArray parts;
  explore_report report;
  {
    testing::ScopedFakeTestPartResultReporter intercept(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &parts);
    report = explore(options, body);
  }
  EXPECT_LE(parts.size(), 1) << "one failure for all runs";
  if (printed && parts.size() != 0) *printed = parts.GetTestPartResult(0).message();
  return report;
}

/// Sets TROUPE_SEED for as long as it lives.
class seed_variable {
public:
  explicit seed_variable(const std::string& value) { setenv("TROUPE_SEED", value.c_str(), 1); }
  ~seed_variable() { unsetenv("TROUPE_SEED"); }
  seed_variable(const seed_variable&) = delete;
  seed_variable& operator=(const seed_variable&) = delete;
};

/// The bug is found, and found again by what was printed, and by the recording, with the same words.
template <class Body>
void expect_found_and_replayed(Body body, const std::string& words) {
  std::string printed;
  const explore_report found = explore_quietly({}, body, &printed);
  ASSERT_FALSE(found.passed());
  EXPECT_LE(found.runs, 1'000u);
  EXPECT_NE(found.failure.find(words), std::string::npos) << found.failure;
  EXPECT_NE(printed.find("TROUPE_SEED=" + found.schedule + " "), std::string::npos) << printed;
  EXPECT_NE(printed.find(std::string(" --gtest_filter=") +
                         testing::UnitTest::GetInstance()->current_test_info()->test_suite_name() + "."),
            std::string::npos)
      << printed;
  testing::Test::RecordProperty("schedule", found.schedule);
  std::printf("found by run %u, %s\n%s", found.runs, found.schedule.c_str(), printed.c_str());

  for (const std::string& schedule : {found.schedule, "replay:" + found.recording}) {
    seed_variable set(schedule);
    const explore_report again = explore_quietly({}, body);
    EXPECT_EQ(again.runs, 1u);
    EXPECT_EQ(again.failure, found.failure) << schedule;
    EXPECT_EQ(again.recording, found.recording) << schedule;
  }
}

// --- a lost wake-up --------------------------------------------------------------------------------------------------

/// Opens once. Whoever comes before waits.
class gate {
public:
  gate(runtime& rt, bool looks_again) : home_(rt.scheduler()), looks_again_(looks_again) {}

  task<> pass() {
    if (open_) co_return;
    co_await this_task::yield();  // stands for anything that waits between the look and the wait
    if (looks_again_ && open_) co_return;
    troupe::promise<int> opened(home_);
    troupe::future<int> wait = opened.get_future();
    waiters_.push_back(std::move(opened));
    (void)co_await wait;
  }

  void open() {
    open_ = true;
    for (auto& w : std::exchange(waiters_, {})) w.give(0);
  }

private:
  troupe::scheduler& home_;
  bool looks_again_;
  bool open_ = false;
  std::vector<troupe::promise<int>> waiters_;
};

auto wait_at_a_gate(bool looks_again) {
  return [looks_again](runtime& rt) {
    gate g(rt, looks_again);
    auto opener = rt.spawn(
        [](gate& its) -> task<> {
          its.open();
          co_return;
        },
        std::ref(g));
    auto passer = rt.spawn([](gate& its) -> task<> { co_await its.pass(); }, std::ref(g));
    passer.get().value();
    opener.get().value();
  };
}

TEST(Explore, a_lost_wake_up_is_found_as_a_deadlock) {
  expect_found_and_replayed(wait_at_a_gate(false), "  green thread 2 waits for a future<int>");
}

TEST(Explore, a_gate_that_looks_again_passes) {
  const explore_report r = explore(1'000, wait_at_a_gate(true));
  EXPECT_TRUE(r.passed());
  EXPECT_EQ(r.runs, 1'000u);
}

// --- an order that nobody promised -----------------------------------------------------------------------------------

struct open_account {};
struct deposit {
  int amount;
};
struct done {};

class account : public troupe::actor {
public:
  explicit account(int& balance) : balance_(balance) {}
  void on(open_account) { open_ = true; }
  void on(deposit d) {
    if (open_) balance_ += d.amount;
  }

private:
  int& balance_;
  bool open_ = false;
};

class clerk : public troupe::actor {
public:
  clerk(troupe::ref<account> a, std::optional<troupe::ref<clerk>> next) : account_(a), next_(std::move(next)) {}
  void on(open_account o) {
    account_.send(o);
    if (next_) next_->send(done{});
  }
  void on(done) { account_.send(deposit{10}); }

private:
  troupe::ref<account> account_;
  std::optional<troupe::ref<clerk>> next_;
};

auto two_clerks(bool one_tells_the_other) {
  return [one_tells_the_other](runtime& rt) {
    int balance = 0;
    auto a = rt.spawn<account>(balance);
    auto second = rt.spawn<clerk>(a, std::nullopt);
    auto first = rt.spawn<clerk>(a, one_tells_the_other ? std::optional(second) : std::nullopt);
    first.send(open_account{});
    if (!one_tells_the_other) second.send(done{});
    rt.run();
    EXPECT_EQ(balance, 10) << "the deposit came first";
  };
}

TEST(Explore, an_order_between_two_senders_that_nobody_promised_is_found) {
  expect_found_and_replayed(two_clerks(false), "the deposit came first");
}

TEST(Explore, two_clerks_of_whom_one_tells_the_other_pass) { EXPECT_TRUE(explore(1'000, two_clerks(true)).passed()); }

// --- a deadlock ------------------------------------------------------------------------------------------------------

/// One at a time has it; the others wait in line.
class resource {
public:
  explicit resource(runtime& rt) : home_(rt.scheduler()) {}

  task<> take() {
    if (!std::exchange(taken_, true)) co_return;
    troupe::promise<int> turn(home_);
    troupe::future<int> wait = turn.get_future();
    line_.push_back(std::move(turn));
    (void)co_await wait;
  }

  void put_back() {
    if (line_.empty()) {
      taken_ = false;
      return;
    }
    troupe::promise<int> next = std::move(line_.front());
    line_.erase(line_.begin());
    next.give(0);
  }

private:
  troupe::scheduler& home_;
  bool taken_ = false;
  std::vector<troupe::promise<int>> line_;
};

task<> use_both(resource& one, resource& other) {
  co_await one.take();
  co_await this_task::yield();
  co_await other.take();
  other.put_back();
  one.put_back();
}

/// An actor that uses two resources at each message.
class user : public troupe::actor {
public:
  user(resource& one, resource& other) : one_(one), other_(other) {}
  task<> on(done) { co_await use_both(one_, other_); }

private:
  resource& one_;
  resource& other_;
};

auto two_users(bool in_one_order) {
  return [in_one_order](runtime& rt) {
    resource a(rt);
    resource b(rt);
    auto ada = rt.spawn_named<user>("Ada", a, b);
    auto bob = rt.spawn_named<user>("Bob", in_one_order ? a : b, in_one_order ? b : a);
    auto first = ada.ask(done{}, troupe::forever);
    auto second = bob.ask(done{}, troupe::forever);
    first.get().value();
    second.get().value();
  };
}

TEST(Explore, a_deadlock_is_found_and_says_who_waits) {
  expect_found_and_replayed(two_users(false), "deadlock in the test");
  const explore_report r = explore_quietly({}, two_users(false));
  EXPECT_TRUE(std::regex_search(r.failure, std::regex("  Ada, in .*done, waits for a future<int>"))) << r.failure;
  EXPECT_TRUE(std::regex_search(r.failure, std::regex("  Bob, in .*done, waits for a future<int>"))) << r.failure;
}

TEST(Explore, two_users_that_take_in_one_order_pass) { EXPECT_TRUE(explore(1'000, two_users(true)).passed()); }

// --- rare ones -------------------------------------------------------------------------------------------------------

/// What runs late in nearly all schedules where each step is drawn by itself: `setup` is one step, and the user has
/// many to go.
void setup_comes_late(runtime& rt) {
  bool ready = false;
  bool used_too_early = false;
  const auto work = [](int steps) -> task<> {
    for (int i = 0; i != steps; ++i) co_await this_task::yield();
  };
  for (int i = 0; i != 4; ++i) auto dropped = rt.spawn(work, 20);
  auto setup = rt.spawn(
      [](bool& it) -> task<> {
        it = true;
        co_return;
      },
      std::ref(ready));
  auto user = rt.spawn(
      [work](bool& it, bool& early) -> task<> {
        co_await work(20);
        early = !it;
      },
      std::ref(ready), std::ref(used_too_early));
  rt.run();
  EXPECT_FALSE(used_too_early) << "used before it was set up";
}

TEST(Explore, an_order_that_choices_at_random_hardly_ever_give_is_found_by_pct) {
  expect_found_and_replayed(setup_comes_late, "used before it was set up");
  const explore_report r = explore_quietly({.strategies = {troupe::schedule_strategy::random()}}, setup_comes_late);
  EXPECT_TRUE(r.passed()) << r.schedule;
}

// --- other ways to fail ----------------------------------------------------------------------------------------------

TEST(Explore, two_that_wait_for_each_other_by_polling_are_a_livelock) {
  const auto body = [](runtime& rt) {
    auto flags = std::make_shared<std::pair<bool, bool>>();
    for (int i = 0; i != 2; ++i) {
      auto dropped = rt.spawn(
          [](std::shared_ptr<std::pair<bool, bool>> f, int me) -> task<> {
            while (!(me == 0 ? f->second : f->first)) co_await this_task::yield();
            (me == 0 ? f->first : f->second) = true;
          },
          flags, i);
    }
    rt.run();
  };
  const explore_report r = explore_quietly({.max_steps = 1'000}, body);
  EXPECT_EQ(r.runs, 1u);
  EXPECT_NE(r.failure.find("livelock in the test"), std::string::npos) << r.failure;
}

TEST(Explore, sleeping_for_ever_is_a_livelock_by_virtual_time) {
  const auto body = [](runtime& rt) {
    auto dropped = rt.spawn([]() -> task<> {
      for (;;) co_await this_task::sleep_for(24h);
    });
    rt.run();
  };
  const explore_report r = explore_quietly({}, body);
  EXPECT_NE(r.failure.find("livelock in the test"), std::string::npos) << r.failure;
}

TEST(Explore, whoever_still_waits_at_the_end_is_a_deadlock) {
  const auto body = [](runtime& rt) {
    auto kept = std::make_shared<troupe::promise<int>>(rt.scheduler());
    auto dropped = rt.spawn(
        [](std::shared_ptr<troupe::promise<int>> p) -> task<> {
          auto never = p->get_future();
          (void)co_await never;
        },
        kept);
    rt.run();
  };
  const explore_report r = explore_quietly({}, body);
  EXPECT_NE(r.failure.find("deadlock at the end"), std::string::npos) << r.failure;
}

TEST(Explore, an_exception_of_the_body_is_a_failure) {
  const explore_report r = explore_quietly({}, [](runtime&) { throw std::runtime_error("no way out"); });
  EXPECT_EQ(r.runs, 1u);
  EXPECT_NE(r.failure.find("no way out"), std::string::npos) << r.failure;
}

class expects_order : public troupe::actor {
public:
  void on(int n) { EXPECT_EQ(n, 1) << "in a handler"; }
};

TEST(Explore, an_assertion_in_a_handler_is_a_failure_and_the_first_is_reported) {
  const auto body = [](runtime& rt) {
    auto a = rt.spawn<expects_order>();
    a.send(1), a.send(2), a.send(3);
    rt.run();
  };
  std::string printed;
  const explore_report r = explore_quietly({}, body, &printed);
  EXPECT_EQ(r.runs, 1u);
  EXPECT_NE(printed.find("in a handler"), std::string::npos) << printed;
}

TEST(Explore, a_run_that_failed_is_not_played_on) {
  int handled = 0;
  class counts : public troupe::actor {
  public:
    explicit counts(int& n) : n_(n) {}
    void on(int) { ++n_; }
    void on_stop() { ++n_; }

  private:
    int& n_;
  };
  const auto body = [&](runtime& rt) {
    auto a = rt.spawn<counts>(handled);
    a.send(1);
    FAIL();
  };
  EXPECT_FALSE(explore_quietly({}, body).passed());
  EXPECT_EQ(handled, 0);
}

TEST(Explore, sources_end_with_the_test) {
  class ticker : public troupe::loop_actor<> {
    task<> run() override {
      while (!stop_requested()) co_await this_task::sleep_for(1s);
    }
  };
  const explore_report r = explore(20, [](runtime& rt) {
    auto t = rt.spawn<ticker>();
    (void)rt.wait_idle(1min);
  });
  EXPECT_EQ(r.runs, 20u);
}

TEST(Explore, a_malformed_seed_in_the_environment_is_a_failure) {
  seed_variable set("7:pct");
  std::string printed;
  EXPECT_FALSE(explore_quietly(
                   {}, [](runtime&) {}, &printed)
                   .passed());
  EXPECT_NE(printed.find("'7:pct' is no schedule"), std::string::npos) << printed;
}

}  // namespace
