#include <troupe/base/splitmix.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace {

// The first numbers of the reference implementation (https://prng.di.unimi.it/splitmix64.c): recorded seeds mean these.
TEST(SplitMix, gives_the_numbers_of_the_reference) {
  std::uint64_t state = 1234567;
  EXPECT_EQ(troupe::detail::next_splitmix(state), 6457827717110365317U);
  EXPECT_EQ(troupe::detail::next_splitmix(state), 3203168211198807973U);
  EXPECT_EQ(troupe::detail::next_splitmix(state), 9817491932198370423U);
}

}  // namespace
