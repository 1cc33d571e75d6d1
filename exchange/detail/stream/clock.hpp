#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// How the stages of a stream wait for a time: by messages to its actor, so that they run in its slice, and in virtual
/// time where time is virtual. Internal.
namespace troupe::detail {

/// The message that a stage's time has come.
struct stream_due {
  std::uint32_t slot;
  std::uint64_t number;
};

/// A stage that waits for a time. It may be moved until it has begun.
class timed_stage {
public:
  /// What it waits for has come. Lets exceptions through: they are those of this stage or of what stands behind it.
  virtual void due() = 0;
  /// A failure that `due` has let through.
  virtual flow fail_behind(std::exception_ptr why) = 0;

protected:
  timed_stage() = default;
  timed_stage(timed_stage&& other) noexcept : clock_(std::exchange(other.clock_, nullptr)), slot_(other.slot_) {}
  timed_stage& operator=(timed_stage&&) = delete;
  ~timed_stage();

  void begin(stream_clock& clock);
  /// Nanoseconds on the clock of the scheduler.
  std::int64_t now() const;
  /// Has `due` called, `delay` from now, in place of what was asked for before.
  void arm(std::chrono::nanoseconds delay);
  void disarm() noexcept;
  bool has_begun() const noexcept { return clock_ != nullptr; }

private:
  stream_clock* clock_ = nullptr;
  std::uint32_t slot_ = 0;
};

/// The stages of a stream that wait for a time. The actor's slice alone uses it.
class stream_clock {
public:
  stream_clock() = default;
  stream_clock(const stream_clock&) = delete;
  stream_clock& operator=(const stream_clock&) = delete;
  ~stream_clock();

  void begin(address<stream_due> self) { self_ = std::move(self); }
  /// Whose time has come; null if that was called off meanwhile.
  timed_stage* stage_of(const stream_due& d) noexcept;

private:
  friend class timed_stage;
  struct entry {
    timed_stage* stage = nullptr;
    std::uint64_t number = 0;  // of the last call that was asked for, or called off
    timer_handle timer{};
  };

  address<stream_due> self_;
  std::vector<entry> entries_;
};

}  // namespace troupe::detail
