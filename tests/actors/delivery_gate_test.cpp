#include <troupe/actors/delivery_gate.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

using troupe::detail::delivery_gate;

TEST(DeliveryGate, lets_deliveries_through_until_it_is_closed) {
  delivery_gate gate;
  {
    const delivery_gate::passage through(&gate);
    EXPECT_TRUE(static_cast<bool>(through));
  }
  gate.close();
  EXPECT_FALSE(gate.is_open());
  const delivery_gate::passage refused(&gate);
  EXPECT_FALSE(static_cast<bool>(refused));
}

TEST(DeliveryGate, a_message_without_a_gate_always_passes) {
  const delivery_gate::passage through(nullptr);
  EXPECT_TRUE(static_cast<bool>(through));
}

TEST(DeliveryGate, may_be_closed_from_within_its_own_delivery) {
  delivery_gate gate;
  const delivery_gate::passage through(&gate);
  gate.close();
  EXPECT_FALSE(gate.is_open());
}

TEST(DeliveryGate, close_waits_for_a_delivery_that_has_begun_elsewhere) {
  delivery_gate gate;
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
  std::atomic<bool> closed{false};
  std::thread deliverer([&] {
    const delivery_gate::passage through(&gate);
    inside = true;
    while (!leave.load()) std::this_thread::yield();
    EXPECT_FALSE(closed.load());
  });
  while (!inside.load()) std::this_thread::yield();
  std::thread closer([&] {
    gate.close();
    closed = true;
  });
  while (gate.is_open()) std::this_thread::yield();
  EXPECT_FALSE(closed.load());
  leave = true;
  deliverer.join();
  closer.join();
  EXPECT_TRUE(closed.load());
}

TEST(DeliveryGate, two_deliveries_that_close_each_others_gates_do_not_wait_for_each_other) {
  for (int round = 0; round != 300; ++round) {
    delivery_gate a;
    delivery_gate b;
    std::atomic<int> inside{0};
    const auto deliver = [&](delivery_gate& mine, delivery_gate& other) {
      const delivery_gate::passage through(&mine);
      ++inside;
      while (inside.load() != 2) std::this_thread::yield();
      other.close();
    };
    std::thread first([&] { deliver(a, b); });
    std::thread second([&] { deliver(b, a); });
    first.join();
    second.join();
  }
}

TEST(DeliveryGate, no_delivery_starts_after_close_has_returned) {
  for (int round = 0; round != 300; ++round) {
    delivery_gate gate;
    bool closed = false;  // plain: whoever passes must have been before it is written
    std::thread deliverer([&] {
      for (;;) {
        const delivery_gate::passage through(&gate);
        if (!through) return;
        if (closed) ADD_FAILURE() << "a delivery after close";
      }
    });
    for (int spin = 0; spin != round; ++spin) troupe::cpu_relax();
    gate.close();
    closed = true;
    deliverer.join();
  }
}

}  // namespace
