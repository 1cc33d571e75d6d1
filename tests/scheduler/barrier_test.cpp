#include <troupe/scheduler/barrier.hpp>

#include "sync_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using troupe::errc;

class Barrier : public Synchronisation {};

TEST_F(Barrier, green_and_os_threads_meet_again_and_again_and_one_of_them_completes) {
  constexpr int rounds = 1'000;
  int phases = 0;  // only the completion writes it, and nobody is inside then
  std::atomic<int> wrong{0};
  troupe::barrier b(5, [&] { ++phases; });
  std::vector<troupe::future<void>> green;
  for (int i = 0; i != 4; ++i) {
    green.push_back(spawn(home(), [&]() -> troupe::task<> {
      for (int n = 0; n != rounds; ++n) {
        wrong += phases != n;
        co_await b.arrive_and_wait();
      }
    }));
  }
  for (int n = 0; n != rounds; ++n) {
    wrong += phases != n;
    b.arrive_and_wait().get();
  }
  for (auto& f : green) EXPECT_TRUE(f.get(60s));
  EXPECT_EQ(phases, rounds);
  EXPECT_EQ(wrong, 0);
}

TEST_F(Barrier, whoever_only_arrives_does_not_wait_and_may_be_early_for_the_next_phase) {
  int phases = 0;
  troupe::barrier* self = nullptr;
  troupe::barrier b(2, [&] {
    // While the first phase completes, both arrive for the second.
    if (++phases == 1) {
      EXPECT_TRUE(self->arrive(2));
      EXPECT_EQ(self->arrive().error(), errc::invalid_argument);
    }
  });
  self = &b;
  EXPECT_TRUE(b.arrive());
  EXPECT_EQ(phases, 0);
  b.arrive_and_wait().get();
  EXPECT_EQ(phases, 2);
  EXPECT_EQ(b.arrive(3).error(), errc::invalid_argument);
}

TEST_F(Barrier, who_drops_out_is_expected_no_more) {
  int phases = 0;
  troupe::barrier b(3, [&] { ++phases; });
  EXPECT_TRUE(b.arrive_and_drop());
  EXPECT_TRUE(b.arrive(2));
  EXPECT_EQ(phases, 1);
  EXPECT_TRUE(b.arrive(2));
  EXPECT_EQ(phases, 2);
  EXPECT_TRUE(b.arrive_and_drop());
  EXPECT_TRUE(b.arrive_and_drop());
  EXPECT_EQ(phases, 3);
  EXPECT_EQ(b.arrive().error(), errc::invalid_argument);
  EXPECT_TRUE(throws(errc::invalid_argument, [&] { b.arrive_and_wait().get(); }));
}

TEST_F(Barrier, a_killed_waiter_has_arrived_all_the_same) {
  troupe::barrier b(2);
  std::atomic<bool> arrives{false};
  auto doomed = spawn(home(), [&]() -> troupe::task<> {
    auto meeting = b.arrive_and_wait();
    arrives = true;
    co_await meeting;
    co_await troupe::this_task::sleep_for(1h);
  });
  pool->wait_quiescent(troupe::deadline_after(troupe::steady_now(), 60s));
  EXPECT_TRUE(arrives);
  kill_all();
  EXPECT_EQ(doomed.get(60s).error(), errc::cancelled);
  b.arrive_and_wait().get();
}

}  // namespace
