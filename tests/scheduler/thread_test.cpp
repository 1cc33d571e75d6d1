#include <troupe/scheduler/thread.hpp>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::errc;
using troupe::thread;
using troupe::thread_info;
using troupe::thread_role;

class Thread : public testing::Test {
protected:
  ~Thread() override {
    if (!stopped_) stop();
  }

  bool stop() {
    stopped_ = true;
    return pool->stop(troupe::timers::never);
  }

  std::vector<thread_info> listed(thread_role role) const {
    auto all = troupe::threads(*pool);
    std::erase_if(all, [&](const thread_info& t) { return t.role != role; });
    return all;
  }

  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "own"});

private:
  bool stopped_ = false;
};

TEST_F(Thread, gives_what_its_function_returns_to_everyone_who_joins) {
  thread t(
      *pool, "adder", [](int a, std::unique_ptr<int> b) { return a + *b; }, 40, std::make_unique<int>(2));
  EXPECT_EQ(*t.join(), 42);
  EXPECT_EQ(*t.join(), 42);
  EXPECT_FALSE(t.alive());
}

TEST_F(Thread, gives_a_result_that_cannot_be_copied_once) {
  thread t(*pool, "maker", [] { return std::make_unique<int>(7); });
  EXPECT_EQ(**t.join(), 7);
  EXPECT_EQ(t.join().error(), errc::invalid_argument);
}

struct idle_thread final : troupe::detail::thread_state {
  using thread_state::thread_state;
  void call() noexcept override {}
};

TEST_F(Thread, does_not_start_behind_the_end_of_its_runtime) {
  const auto t = std::make_shared<idle_thread>(troupe::thread_options{"late"});
  std::vector<std::string> stuck;
  t->end(troupe::timers::never, stuck);
  EXPECT_THROW(t->start(*pool), troupe::troupe_error);
  EXPECT_TRUE(listed(thread_role::own).empty());
}

TEST_F(Thread, gives_the_exception_of_its_function) {
  thread t(*pool, "thrower", [] { throw std::out_of_range("row 7"); });
  const auto r = t.join();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), errc::crashed);
  EXPECT_EQ(r.error().message(), "row 7");
  EXPECT_THROW(std::rethrow_exception(r.error().cause()), std::out_of_range);
}

TEST_F(Thread, join_gives_up_when_the_time_is_over_and_may_be_tried_again) {
  troupe::event go;
  thread t(*pool, "waiter", [&] { go.wait().get(); });
  EXPECT_EQ(t.join(1ms).error(), errc::timeout);
  EXPECT_TRUE(t.alive());
  go.set();
  EXPECT_TRUE(t.join());
}

TEST_F(Thread, cannot_join_itself) {
  troupe::event made;
  std::unique_ptr<thread<bool>> t;
  t = std::make_unique<thread<bool>>(*pool, "self", [&] {
    made.wait().get();
    return t->join().error() == errc::would_deadlock;
  });
  made.set();
  EXPECT_TRUE(*t->join());
}

TEST_F(Thread, stops_when_it_is_told_to_and_looks) {
  thread t(
      *pool, "patient",
      [](std::stop_token stop, int n) {
        troupe::event stopped;
        std::stop_callback tell(stop, [&] { stopped.set(); });
        stopped.wait().get();
        return n;
      },
      3);
  EXPECT_TRUE(t.request_stop());
  EXPECT_FALSE(t.request_stop());
  EXPECT_EQ(*t.join(), 3);
}

TEST_F(Thread, green_threads_await_its_end) {
  troupe::event go;
  thread t(*pool, "slow", [&] { return go.wait().get(), 5; });
  auto r = troupe::spawn(
      *pool,
      [](thread<int>* joined, troupe::event* e) -> troupe::task<int> {
        auto early = joined->ended(1ms);
        const auto none = co_await early;
        e->set();
        auto late = joined->ended();
        const auto some = co_await late;
        co_return none ? 0 : *some;
      },
      &t, &go);
  EXPECT_EQ(*r.get(), 5);
}

TEST_F(Thread, has_a_name_and_is_listed_until_it_has_ended) {
  troupe::event told;
  troupe::event go;
  std::array<char, 16> name{};
  int id = 0;
  thread t(*pool, {.name = "a name that is long", .daemon = true}, [&] {
    pthread_getname_np(pthread_self(), name.data(), name.size());
    id = gettid();
    told.set();
    go.wait().get();
  });
  told.wait().get();
  EXPECT_STREQ(name.data(), "a name that is ");
  const auto own = listed(thread_role::own);
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0].name, "a name that is long");
  EXPECT_EQ(own[0].native_id, id);
  EXPECT_TRUE(own[0].daemon);
  go.set();
  EXPECT_TRUE(t.join());
  EXPECT_TRUE(listed(thread_role::own).empty());
}

TEST_F(Thread, workers_and_the_housekeeper_are_listed) {
  const auto names = [&](thread_role role) {
    std::vector<std::string> all;
    for (const thread_info& t : listed(role)) all.push_back(t.name);
    return all;
  };
  EXPECT_THAT(names(thread_role::worker), testing::ElementsAre("own/0", "own/1"));
  EXPECT_THAT(names(thread_role::housekeeper), testing::ElementsAre("own/keeper"));
  EXPECT_TRUE(names(thread_role::stand_in).empty());
  EXPECT_STREQ(to_string(thread_role::stand_in), "stand-in");
  auto worker_id = troupe::spawn(*pool, []() -> troupe::task<int> { co_return gettid(); });
  const int id = *worker_id.get();
  const auto workers = listed(thread_role::worker);
  EXPECT_TRUE(std::any_of(workers.begin(), workers.end(), [&](const thread_info& t) { return t.native_id == id; }));
}

TEST_F(Thread, the_end_of_the_scheduler_waits_for_it_and_tells_daemons_nothing) {
  struct shared {
    troupe::event go, over;
    std::atomic<bool> done{false};
  };
  const auto s = std::make_shared<shared>();
  thread daemon(*pool, {.name = "daemon", .daemon = true}, [s] {
    s->go.wait().get();
    s->over.set();
  });
  (void)thread(*pool, "dropped", [s] { s->done = true; });
  EXPECT_TRUE(stop());
  EXPECT_TRUE(s->done);
  EXPECT_TRUE(daemon.alive());
  s->go.set();
  s->over.wait().get();
  EXPECT_TRUE(daemon.join());
  try {
    thread late(*pool, "late", [] {});
    ADD_FAILURE() << "a thread was started after the end";
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), errc::shutdown);
  }
}

TEST_F(Thread, an_exception_that_nobody_reads_is_logged) {
  static std::string logged;
  logged.clear();
  troupe::set_log_sink([](std::string_view line) noexcept { logged = line; });
  (void)thread(*pool, "lost", [] { throw std::runtime_error("nobody hears"); });
  EXPECT_TRUE(stop());
  troupe::set_log_sink(nullptr);
  EXPECT_EQ(logged, "thread \"lost\" ended with an exception: nobody hears");
}

TEST(SeededThread, is_a_job_of_the_loop) {
  const auto run = [](std::uint64_t seed) {
    troupe::run_loop loop({.seed = seed});
    std::string order;
    thread a(loop, "a", [&] { order += 'a'; });
    thread b(loop, "b", [&] { order += 'b'; });
    auto c = troupe::spawn(loop, [&]() -> troupe::task<> {
      order += 'c';
      co_await troupe::this_task::sleep_for(1h);
      order += 'C';
    });
    EXPECT_TRUE(c.get());
    EXPECT_TRUE(a.join());
    EXPECT_TRUE(b.join());
    return order;
  };
  bool differs = false;
  for (std::uint64_t seed = 0; seed != 20; ++seed) {
    EXPECT_EQ(run(seed), run(seed));
    differs = differs || run(seed) != run(0);
  }
  EXPECT_TRUE(differs);
}

}  // namespace
