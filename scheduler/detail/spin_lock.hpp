#pragma once

#include <troupe/base/atomic.hpp>

namespace troupe::detail {

/// Guards a few instructions. Meets the requirements of a BasicLockable.
class spin_lock {
public:
  void lock() noexcept {
    while (held_.exchange(true, acquire)) {
      while (held_.load(relaxed)) cpu_relax();
    }
  }
  void unlock() noexcept { held_.store(false, release); }

private:
  atomic<bool> held_{false};  // false: free; exchange(acquire) pairs with store(release)
};

}  // namespace troupe::detail
