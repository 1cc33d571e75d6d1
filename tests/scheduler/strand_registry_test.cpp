#include <troupe/base/pool.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/strand_registry.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using troupe::strand_registry;

/// One that only stands in a list.
class listed final : public troupe::strand {
public:
  using strand::strand;
  void run() noexcept override {}
  std::string describe() const override { return "listed"; }
  void request_kill() noexcept override {}
  bool killed() const noexcept override { return false; }
  std::uint64_t id() const override { return 0; }
  std::atomic<bool> gone{false};
  troupe::strand_extras& extras() override { return extras_.get(); }
  troupe::strand_extras* extras_if_any() const noexcept override { return extras_.if_any(); }

private:
  bool must_end() const noexcept override { return false; }
  void end_abandoned() noexcept override {}

  troupe::detail::extras_slot extras_;
};

constexpr std::size_t a_block = 60;

class StrandRegistry : public testing::Test {
protected:
  listed& made() { return all_.emplace_back(loop_); }
  listed& added() {
    listed& s = made();
    registry.add(s);
    return s;
  }
  /// Blocks of a size that the list's have, which the pool has at hand for this thread; it has enough for a test.
  static std::size_t at_hand() {
    return troupe::detail::pool_tls.loaded[troupe::detail::pool_small_class_of(512)].count;
  }
  /// False with a sanitizer, where it has none.
  static bool fill_the_hand() {
    troupe::pool_trim();
    troupe::pool_free(troupe::pool_allocate(512), 512);
    return at_hand() != 0;
  }
  std::multiset<const troupe::strand*> seen() {
    std::multiset<const troupe::strand*> all;
    registry.for_each([&](const troupe::strand& s) { all.insert(&s); });
    return all;
  }

  strand_registry registry;

private:
  troupe::run_loop loop_;
  std::deque<listed> all_;
};

TEST_F(StrandRegistry, each_visit_sees_all_that_are_there_and_nobody_else) {
  std::vector<listed*> there;
  std::multiset<const troupe::strand*> expected;
  std::mt19937 random(7);
  for (int step = 0; step != 2'000; ++step) {
    const bool grows = step / 500 % 2 == 0;  // over several blocks, and back to one or none
    if (there.empty() || random() % 4 < (grows ? 3 : 1)) {
      there.push_back(&added());
      expected.insert(there.back());
    } else {
      const std::size_t leaves = random() % there.size();
      registry.remove(*there[leaves]);
      expected.erase(there[leaves]);
      there.erase(there.begin() + static_cast<std::ptrdiff_t>(leaves));
    }
    ASSERT_EQ(registry.size(), there.size());
    if (step % 20 == 0) {
      ASSERT_EQ(seen(), expected);
    }
  }
}

TEST_F(StrandRegistry, one_that_comes_and_goes_at_the_edge_of_a_block_takes_no_memory) {
  if (!fill_the_hand()) GTEST_SKIP() << "with a sanitizer the pool has nothing at hand";
  for (std::size_t i = 0; i != 3 * a_block; ++i) (void)added();
  listed& comes_and_goes = added();
  const auto before = at_hand();
  for (int i = 0; i != 10; ++i) {
    registry.remove(comes_and_goes);
    ASSERT_EQ(at_hand(), before);
    registry.add(comes_and_goes);
    ASSERT_EQ(at_hand(), before);
  }
}

TEST_F(StrandRegistry, blocks_that_nobody_needs_go) {
  if (!fill_the_hand()) GTEST_SKIP() << "with a sanitizer the pool has nothing at hand";
  std::vector<listed*> there;
  const auto before = at_hand();
  for (std::size_t i = 0; i != 8 * a_block; ++i) there.push_back(&added());
  ASSERT_NE(at_hand(), before);
  for (listed* s : there) registry.remove(*s);
  EXPECT_EQ(before - at_hand(), 1u) << "one stays";
}

TEST_F(StrandRegistry, threads_that_share_a_list_come_and_go_at_its_edge) {
  registry.keep_order();  // one list for all
  std::vector<listed*> guests;
  for (std::size_t i = 0; i != a_block; ++i) (void)added();
  for (int i = 0; i != 4; ++i) guests.push_back(&made());
  std::vector<std::thread> threads;
  for (listed* guest : guests)
    threads.emplace_back([this, guest] {
      for (int i = 0; i != 5'000; ++i) {
        registry.add(*guest);
        registry.remove(*guest);
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(registry.size(), a_block);
  EXPECT_EQ(seen().size(), a_block);
}

TEST_F(StrandRegistry, those_who_leave_are_seen_by_no_visit_until_they_come_again) {
  registry.keep_order();  // one list for all
  constexpr std::size_t count = 10 * a_block;
  std::vector<listed*> all;
  for (std::size_t i = 0; i != count; ++i) all.push_back(&added());
  std::atomic<int> at_work{2};
  std::atomic<int> visits{0};
  std::vector<std::thread> threads;
  for (std::size_t half = 0; half != 2; ++half)
    threads.emplace_back([&, half] {
      for (std::size_t round = 0; round != 200; ++round) {
        std::vector<listed*> leave;
        for (std::size_t i = 0; i != 20; ++i) leave.push_back(all[(2 * (37 * round + i) + half) % count]);
        const int before = visits;
        for (listed* s : leave) {
          registry.remove(*s);
          s->gone = true;
        }
        while (visits - before < 2) std::this_thread::yield();  // whoever looked at them meanwhile has been through
        for (listed* s : leave) {
          s->gone = false;
          registry.add(*s);
        }
      }
      --at_work;
    });
  std::size_t ghosts = 0;
  while (at_work != 0) {
    registry.for_each([&](troupe::strand& s) {
      troupe::cpu_relax();  // so that they meet more often
      if (static_cast<listed&>(s).gone) ++ghosts;
    });
    ++visits;
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(ghosts, 0u);
  EXPECT_EQ(registry.size(), count);
  EXPECT_EQ(seen().size(), count);
}

}  // namespace
