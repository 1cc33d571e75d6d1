#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <thread>
#include <troupe/base/asymmetric.hpp>

namespace {

using troupe::acq_rel;
using troupe::relaxed;
using troupe::seq_cst;

// Without the heavy barrier, or with a light store that is not one, both miss each other in some of these rounds on any
// processor with a store buffer.
TEST(Asymmetric, one_of_two_that_store_and_then_look_sees_the_other) {
  constexpr std::uint32_t rounds = 20'000;
  // Where the two seldom get processors at the same time a round takes long, and shows nothing.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool over = false;
  troupe::atomic<std::uint32_t> frequent{0};
  alignas(troupe::cache_line) troupe::atomic<std::uint32_t> rare{0};
  bool frequent_saw = false;
  bool rare_saw = false;
  int missed = 0;
  troupe::atomic<std::uint32_t> here{0};  // both spin up to the same moment
  const auto meet = [&](std::uint32_t round) {
    here.fetch_add(1, acq_rel);
    for (std::uint32_t spins = 0; here.load(relaxed) < 2 * round; ++spins) {
      if (spins < 1'000)
        troupe::cpu_relax();
      else
        troupe::yield_thread();
    }
  };
  std::barrier both_done(2, [&]() noexcept {
    if (!frequent_saw && !rare_saw) ++missed;
    over = std::chrono::steady_clock::now() > end;
  });
  std::thread other([&] {
    for (std::uint32_t round = 1; round <= rounds && !over; ++round) {
      meet(round);
      troupe::light_store(frequent, round);
      frequent_saw = rare.load(seq_cst) == round;
      both_done.arrive_and_wait();
    }
  });
  for (std::uint32_t round = 1; round <= rounds && !over; ++round) {
    meet(round);
    rare.store(round, seq_cst);
    troupe::heavy_barrier();
    rare_saw = frequent.load(seq_cst) == round;
    both_done.arrive_and_wait();
  }
  other.join();
  EXPECT_EQ(missed, 0);
}

}  // namespace
