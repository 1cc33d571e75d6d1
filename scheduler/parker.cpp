#include <troupe/scheduler/parker.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace troupe {

#ifdef TROUPE_MODEL
using model::futex;
#else
namespace {

long futex(atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* deadline) noexcept {
  return syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value, deadline,
                 nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace
#endif

bool parker::park(std::int64_t deadline) noexcept {
  std::uint32_t expected = empty;
  if (!state_.compare_exchange_strong(expected, parked, acquire, acquire)) {
    state_.exchange(empty, acquire);  // the token was there; a second wake may have come since (U2)
    return true;
  }
  timespec until{static_cast<time_t>(deadline / 1'000'000'000), static_cast<long>(deadline % 1'000'000'000)};
  for (;;) {
    // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which is what steady_clock reads.
    const long r = futex(state_, FUTEX_WAIT_BITSET, parked, deadline == forever ? nullptr : &until);
    const bool timed_out = r == -1 && errno == ETIMEDOUT;
    expected = notified;
    if (state_.compare_exchange_strong(expected, empty, acquire, relaxed)) return true;
    if (timed_out) {
      // A waker may still come between: the exchange decides.
      return state_.exchange(empty, acquire) == notified;
    }
  }
}

void parker::unpark() noexcept {
  if (state_.exchange(notified, release) == parked) futex(state_, FUTEX_WAKE, 1, nullptr);
}

}  // namespace troupe
