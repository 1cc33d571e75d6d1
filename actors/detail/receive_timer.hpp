#pragma once

#include <chrono>
#include <cstdint>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/timers.hpp>

namespace troupe {

class cell;

namespace detail {

/// The end of a `receive` with a timeout: a message of the runtime's to the actor that waits, which knows by the number
/// of the receive whether it comes late. Lives in the frame of the loop.
class receive_timer final : public timer {
public:
  receive_timer() = default;
  receive_timer(const receive_timer&) = delete;
  receive_timer& operator=(const receive_timer&) = delete;
  ~receive_timer();

  void start(cell& c, std::chrono::nanoseconds timeout);
  void fire() noexcept override;
  void dropped() noexcept override { fired_.store(true, release); }

private:
  cell* cell_ = nullptr;
  std::uint64_t number_ = 0;
  atomic<bool> fired_{false};  // true: it will not be touched any more; its release pairs with the destructor's acquire
};

}  // namespace detail
}  // namespace troupe
