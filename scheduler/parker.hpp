#pragma once

#include <cstdint>

#include <troupe/base/atomic.hpp>

namespace troupe {

/// Puts one thread to sleep until another wakes it: a token of one, as in `java.util.concurrent.LockSupport`. The small
/// interface behind which file descriptors can come later; today a futex.
///
/// U1. An `unpark` before `park` is not lost: `park` then returns at once.
/// U2. What happened before `unpark` is seen after the `park` that it ended.
class parker {
public:
  /// No deadline.
  static constexpr std::int64_t forever = INT64_MAX;

  /// Sleeps until `unpark` or until `deadline` (nanoseconds of the steady clock). Called by the owning thread only.
  /// Returns false when the deadline ended the sleep.
  bool park(std::int64_t deadline = forever) noexcept;

  /// Wakes the owner, or lets its next `park` return at once. Any thread; idempotent until the owner parks again.
  void unpark() noexcept;

private:
  enum : std::uint32_t { empty, parked, notified };

  // empty -> parked (owner) -> notified (waker) -> empty (owner); empty -> notified (waker). The release of `unpark`
  // pairs with the acquire of `park`.
  atomic<std::uint32_t> state_{empty};
};

}  // namespace troupe
