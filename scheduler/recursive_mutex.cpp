#include <troupe/scheduler/recursive_mutex.hpp>

namespace troupe {

bool recursive_mutex::try_lock() {
  const void* self = detail::current_party();
  if (!try_take(self)) return false;
  detail::locked(*this, self);
  return true;
}

result<void> recursive_mutex::unlock() {
  const void* self = detail::current_party();
  if (owner() != self)
    return error(errc::invalid_argument, describe() + " was unlocked by somebody who does not hold it");
  detail::unlocking(*this, self);
  hand_over(self);
  return {};
}

}  // namespace troupe
