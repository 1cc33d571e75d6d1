#pragma once

#include <troupe/base/atomic.hpp>

namespace troupe {

/// A lock for critical sections of a few instructions that run no user code. Fits `std::lock_guard`. Not recursive; not
/// fair. A thread that finds it taken spins, and gives up its processor when that lasts.
class spin_lock {
public:
  spin_lock() = default;
  spin_lock(const spin_lock&) = delete;
  spin_lock& operator=(const spin_lock&) = delete;

  void lock() noexcept {
    if (held_.exchange(true, acquire)) [[unlikely]]
      lock_slowly();
  }
  bool try_lock() noexcept { return !held_.load(relaxed) && !held_.exchange(true, acquire); }
  void unlock() noexcept { held_.store(false, release); }

private:
  // A call of its own: inlined, its calls would have every caller save its registers.
  [[gnu::noinline, gnu::cold]] void lock_slowly() noexcept {
    do {
      for (unsigned rounds = 0; held_.load(relaxed); ++rounds) {
        if (rounds < 100)
          cpu_relax();
        else
          yield_thread();  // its holder was preempted
      }
    } while (held_.exchange(true, acquire));
  }

  atomic<bool> held_{false};  // the exchange's acquire pairs with the release of `unlock`
};

}  // namespace troupe
