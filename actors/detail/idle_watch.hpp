#pragma once

#include <chrono>
#include <cstdint>

#include <troupe/scheduler/timers.hpp>

namespace troupe {

class cell;

namespace detail {

/// Tells an actor that no message has come for some time; the slice's, but for what the timer does.
struct idle_watch final : timer {
  explicit idle_watch(cell& c) noexcept : whose(&c) { in_background = true; }

  void arm();
  void fire() noexcept override;
  void dropped() noexcept override;

  cell* whose;
  std::chrono::nanoseconds after{};
  std::int64_t since = 0;  ///< when the last message had been handled, or `on_idle` called
  bool armed = false;      ///< until the slice learns that it has fired
  bool woke = false;       ///< the slice has learned that it has fired
  bool busy = false;       ///< messages have been handled since
  bool calling = false;    ///< `on_idle` runs
};

}  // namespace detail
}  // namespace troupe
