#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include <troupe/base/atomic.hpp>

namespace troupe {

/// Waits until `holds()`, where whoever brings that about is not to pay for telling. It is nearly always a matter of
/// microseconds; of a wait that lasts, each look comes an eighth of the time waited after the one before, and no more
/// than 100 ms. Blocks the calling thread.
template <class Condition>
void wait_long(Condition holds) noexcept {
  using namespace std::chrono_literals;
  using clock = std::chrono::steady_clock;
  if (holds()) return;
  for (const clock::time_point begun = clock::now(); !holds();) {
    const clock::duration waited = clock::now() - begun;
    if (waited < 20us)
      yield_thread();
    else
      std::this_thread::sleep_for(std::min<clock::duration>(waited / 8, 100ms));
  }
}

}  // namespace troupe
