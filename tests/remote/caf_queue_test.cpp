// Actors of CAF's as consumers of queues: they answer for a message by what they do with it.

#include <atomic>
#include <chrono>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/exchange/confirm.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/remote/caf.hpp>
#include <troupe/testing/conserved.hpp>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;
using tests::eventually;

struct job {
  int n = 0;
};
struct other_job {
  int n = 0;
};

class worker : public troupe::actor {
public:
  explicit worker(std::vector<int>& done) : done_(&done) {}
  void on(const job& j) { done_->push_back(j.n); }

private:
  std::vector<int>* done_;
};

class caf_queue : public testing::Test {
protected:
  troupe::runtime rt{{.workers = 2}};
  troupe::testing::conserved guard{rt};
  troupe::caf_system sys{rt};
};

TEST_F(caf_queue, a_message_is_acknowledged_when_its_handler_has_returned) {
  std::binary_semaphore begun(0), go_on(0);
  const auto in_caf = sys->spawn<caf::detached>([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const job&) {
      begun.release();
      go_on.acquire();
    }};
  });
  const auto consumer = sys.to_troupe<job>(in_caf);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  auto s = jobs.attach(consumer, {.prefetch = 1});
  auto done = jobs.publish_confirmed({1}, troupe::confirm::acknowledged);
  begun.acquire();
  EXPECT_EQ(jobs.queue_counts().unacknowledged, 1u);
  EXPECT_FALSE(done.done());
  go_on.release();
  EXPECT_TRUE(done.get(10s).has_value());
  EXPECT_EQ(jobs.queue_counts().unacknowledged, 0u);
  consumer.close();
}

TEST_F(caf_queue, what_a_consumer_that_crashes_has_not_done_goes_to_others) {
  const auto in_caf = sys->spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_exception_handler(
        [](caf::scheduled_actor*, std::exception_ptr&) -> caf::error { return caf::exit_reason::unhandled_exception; });
    return {[](const job& j) {
      if (j.n == 2) throw std::runtime_error("no");
    }};
  });
  const auto first = sys.to_troupe<job>(in_caf);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<int> done;
  for (int i = 1; i <= 20; ++i) jobs.publish({i});
  {
    auto s = jobs.attach(first, {.prefetch = 8});
    ASSERT_TRUE(eventually([&] { return !first.alive() && jobs.queue_counts().unacknowledged == 0; }));
  }
  EXPECT_EQ(jobs.queue_counts().waiting, 19u);  // but for the first
  auto t = jobs.attach(rt.spawn<worker>(done));
  ASSERT_TRUE(rt.wait_idle(10s));
  std::vector<int> expected;
  for (int i = 2; i <= 20; ++i) expected.push_back(i);
  EXPECT_EQ(done, expected);
}

TEST_F(caf_queue, what_waits_for_a_consumer_that_quits_goes_to_others_and_its_last_is_done) {
  const auto in_caf = sys->spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[=](const job& j) {
      if (j.n == 3) self->quit();
    }};
  });
  const auto first = sys.to_troupe<job>(in_caf);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<int> done;
  for (int i = 1; i <= 10; ++i) jobs.publish({i});
  auto s = jobs.attach(first);
  ASSERT_TRUE(eventually([&] { return !first.alive() && jobs.queue_counts().unacknowledged == 0; }));
  EXPECT_EQ(jobs.queue_counts().waiting, 7u);
  auto t = jobs.attach(rt.spawn<worker>(done));
  ASSERT_TRUE(rt.wait_idle(10s));
  EXPECT_EQ(done, (std::vector<int>{4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(caf_queue, a_message_without_a_handler_is_a_dead_letter) {
  const auto in_caf = sys->spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    return {[](const other_job&) {}};
  });
  const auto consumer = sys.to_troupe<job, other_job>(in_caf);
  troupe::exchange<job> dead(rt, "dead");
  std::vector<int> letters;
  const auto reader = rt.spawn<worker>(letters);
  auto d = dead.attach(reader);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.dead_letters = "dead"});
  auto s = jobs.attach(consumer);
  jobs.publish({7});
  ASSERT_TRUE(rt.wait_idle(10s));
  EXPECT_EQ(letters, std::vector<int>{7});
  EXPECT_EQ(jobs.queue_counts().dead_letters, 1u);
  EXPECT_TRUE(consumer.alive());
  consumer.close();
}

TEST_F(caf_queue, members_of_a_group_take_over_from_one_that_crashes) {
  std::atomic<int> handled = 0;
  const auto make = [&](int dies_at) {
    return sys.to_troupe<job>(sys->spawn([&, dies_at](caf::event_based_actor* self) -> caf::behavior {
      self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr&) -> caf::error {
        return caf::exit_reason::unhandled_exception;
      });
      return {[&, dies_at](const job& j) {
        if (j.n == dies_at) throw std::runtime_error("no");
        ++handled;
      }};
    }));
  };
  troupe::exchange<job> jobs(rt, "jobs");
  const auto frail = make(5), strong = make(-1);
  auto s = jobs.attach(frail, {.group = "g"});
  for (int i = 0; i != 10; ++i) jobs.publish({i});
  auto t = jobs.attach(strong, {.group = "g"});
  EXPECT_TRUE(eventually([&] { return handled == 10; })) << handled;
  strong.close();
}

}  // namespace
