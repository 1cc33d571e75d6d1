#pragma once

#include <array>
#include <cstdint>

#include "common.hpp"

/// What the benchmarks of publishing send, and how whoever gets it checks that all has come. Knows no system.
namespace bench {

/// A message of 64 bytes: the one with that number, of a round whose last is known.
struct tick {
  std::uint64_t sequence;
  std::uint64_t last;
  std::array<double, 6> values;
};
static_assert(sizeof(tick) == 64);

/// One subscriber's count of the present round.
class tick_counter {
public:
  explicit tick_counter(completion* rounds) noexcept : done_(rounds) {}

  void count(const tick& each) {
    sum_ += each.sequence;
    ++received_;
    if (each.sequence != each.last) return;
    done_->arrive(received_ == each.last + 1 && sum_ == sum_below(received_));
    received_ = 0;
    sum_ = 0;
  }

private:
  completion* done_;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

/// How many messages a round of `publish_N` has for so many subscribers, in every system.
constexpr std::uint64_t ticks_for(std::uint64_t subscribers) {
  switch (subscribers) {
    case 1: return 2'000'000;
    case 10: return 400'000;
    case 100: return 40'000;
    default: return 4'000'000 / subscribers;
  }
}

}  // namespace bench
