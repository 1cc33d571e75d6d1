#include <troupe/actors/actor_router.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::routing;

struct job {
  int key;
};
std::uint64_t hash_key(const job& j) { return static_cast<std::uint64_t>(j.key); }
struct total {};
struct crash {};

class worker : public troupe::actor {
public:
  void on(const job& j) {
    ++jobs_;
    keys_.insert(j.key);
  }
  std::uint64_t on(const std::string& question) {
    if (question == "fail") throw std::runtime_error("cannot");
    return id();
  }
  void on(crash) { throw std::runtime_error("torn"); }
  void on(std::atomic<bool>* open) {
    while (!*open) std::this_thread::sleep_for(1ms);
  }
  std::pair<int, std::set<int>> on(total) const { return {jobs_, keys_}; }

private:
  int jobs_ = 0;
  std::set<int> keys_;
};

using workers = std::vector<troupe::ref<worker>>;

workers some(troupe::runtime& rt, int n) {
  workers all;
  for (int i = 0; i != n; ++i) all.push_back(rt.spawn<worker>());
  return all;
}

std::vector<int> jobs_of(const workers& all) {
  std::vector<int> jobs;
  for (const auto& w : all) jobs.push_back(w.ask(total{}, 60s).get().value().first);
  return jobs;
}

TEST(ActorRouter, in_turn_each_gets_its_share_from_any_thread) {
  troupe::runtime rt({.workers = 2});
  const workers all = some(rt, 4);
  const troupe::actor_router<worker> r(rt, routing::round_robin, all);
  std::thread other([&] {
    for (int i = 0; i != 200; ++i) r.send(job{i});
  });
  for (int i = 0; i != 200; ++i) EXPECT_EQ(r.send(job{i}), 1u);
  other.join();
  EXPECT_EQ(jobs_of(all), (std::vector<int>{100, 100, 100, 100}));
}

TEST(ActorRouter, at_random_the_seed_decides) {
  const auto jobs = [](std::uint64_t seed) {
    troupe::runtime rt({.seed = seed});
    const workers all = some(rt, 3);
    const troupe::actor_router<worker> r(rt, routing::random, all);
    for (int i = 0; i != 300; ++i) r.send(job{i});
    const auto shares = jobs_of(all);
    for (int n : shares) EXPECT_GT(n, 50);
    return shares;
  };
  EXPECT_EQ(jobs(1), jobs(1));
  EXPECT_NE(jobs(1), jobs(2));
}

TEST(ActorRouter, the_least_loaded_is_not_the_one_that_is_busy) {
  troupe::runtime rt({.workers = 4});
  const workers all = some(rt, 3);
  const troupe::actor_router<worker> r(rt, routing::least_loaded, all);
  std::atomic<bool> open{false};
  for (int i = 0; i != 30; ++i) all[1].send(job{i});
  EXPECT_TRUE(rt.wait_idle(60s));
  r.send(&open);  // one of them is busy from now on
  for (int i = 0; i != 300; ++i) {
    r.send(job{i});
    if (i % 10 == 0) std::this_thread::sleep_for(1ms);
  }
  open = true;
  auto shares = jobs_of(all);
  shares[1] -= 30;
  EXPECT_EQ(shares[0] + shares[1] + shares[2], 300);
  EXPECT_LT(*std::min_element(shares.begin(), shares.end()), 50);
}

TEST(ActorRouter, broadcast_sends_to_all) {
  troupe::runtime rt({.workers = 2});
  const workers all = some(rt, 3);
  const troupe::actor_router<worker> r(rt, routing::broadcast, all);
  EXPECT_EQ(r.send(job{1}), 3u);
  EXPECT_EQ(jobs_of(all), (std::vector<int>{1, 1, 1}));
}

TEST(ActorRouter, a_key_stays_with_its_member_and_few_move_when_one_leaves) {
  troupe::runtime rt({.workers = 2});
  const workers all = some(rt, 5);
  const troupe::actor_router<worker> r(rt, routing::consistent_hash, all);
  const auto keys = [&] {
    for (int k = 0; k != 1'000; ++k) r.send(job{k});
    std::map<int, std::size_t> owner;
    for (std::size_t i = 0; i != all.size(); ++i) {
      if (!all[i].alive()) continue;
      for (int k : all[i].ask(total{}, 60s).get().value().second) {
        EXPECT_TRUE(owner.emplace(k, i).second || i == owner[k]) << "a key has moved";
      }
    }
    return owner;
  };
  const auto before = keys();
  EXPECT_EQ(before, keys());
  std::vector<int> shares(5);
  for (const auto& [k, i] : before) ++shares[i];
  for (int n : shares) EXPECT_GT(n, 100);
  all[2].close();
  ASSERT_TRUE(all[2].join(60s));
  const auto after = keys();
  EXPECT_EQ(after.size(), 1'000u);
  for (const auto& [k, i] : before) {
    EXPECT_TRUE(i == 2 || after.at(k) == i);
  }
  EXPECT_THROW((void)r.send(crash{}), troupe::troupe_error);
}

TEST(ActorRouter, of_all_that_are_asked_the_first_answer_counts) {
  troupe::runtime rt({.workers = 4});
  const workers all = some(rt, 3);
  const troupe::actor_router<worker> r(rt, routing::scatter_gather_first, all);
  std::atomic<bool> open{false};
  all[0].send(&open);
  all[1].send(&open);
  EXPECT_EQ(r.ask(std::string("who"), 60s).get().value(), all[2].id());
  open = true;
  EXPECT_EQ(r.ask(std::string("fail"), 60s).get().error(), troupe::errc::crashed);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(r.members().empty());
  EXPECT_EQ(r.ask(std::string("who"), 60s).get().error(), troupe::errc::not_found);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(ActorRouter, a_pool_grows_and_shrinks_and_makes_anew_what_crashes) {
  troupe::runtime rt({.workers = 2});
  const troupe::pool<worker> p(rt, 3, routing::round_robin);
  EXPECT_EQ(p.members().size(), 3u);
  const auto members = p.members();
  p.send(crash{});
  EXPECT_EQ(p.ask(std::string("who"), 60s).get().value(), members[1].id());
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(p.members(), members);
  p.resize(5);
  EXPECT_EQ(p.members().size(), 5u);
  for (int i = 0; i != 100; ++i) p.send(job{i});
  p.resize(1);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 101u);  // those that were closed have handled what they had got
  EXPECT_EQ(p.members().size(), 1u);
  EXPECT_EQ(rt.alive(), 2u);
  p.close();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.alive(), 0u);
  EXPECT_EQ(p.send(job{1}), 0u);
}

TEST(ActorRouter, on_every_schedule_members_that_end_leave_and_nothing_is_lost_without_a_trace) {
  troupe::testing::explore(300, [](troupe::runtime& rt) {
    const workers all = some(rt, 3);
    const troupe::actor_router<worker> r(rt, routing::round_robin, all);
    rt.spawn(
        [](troupe::actor_router<worker> to) -> troupe::task<> {
          for (int i = 0; i != 6; ++i) {
            to.send(job{i});
            co_await troupe::this_task::yield();
          }
        },
        r);
    rt.spawn(
        [](troupe::ref<worker> who) -> troupe::task<> {
          who.close();
          co_return;
        },
        all[0]);
    rt.spawn(
        [](troupe::ref<worker> who) -> troupe::task<> {
          who.kill();
          co_return;
        },
        all[1]);
    rt.run();
    EXPECT_EQ(r.members(), (workers{all[2]}));
    EXPECT_EQ(rt.counts().queued(), 0u);
  });
}

}  // namespace
