#pragma once

#include <cstdint>
#include <mutex>

#include <caf/detail/simple_actor_clock.hpp>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/scheduler.hpp>

namespace troupe::detail {

/// CAF's clock: its time is that of a scheduler, virtual where that is, and its timeouts are kept as CAF keeps them,
/// behind a mutex. One timer of the scheduler is armed, for the earliest: nothing polls (C7). Any thread.
///
/// CC1. `armed_` is when the timer is due, `timers::never` while it is not armed; under the mutex. It is never later
///     than the earliest timeout; it may be earlier after a cancellation that leaves others, which costs one needless
///     wake-up (T1).
/// CC2. What becomes due is taken out under the mutex and delivered outside of it: who gets it may use the clock, and
///     the last reference to an actor may go with it.
class caf_clock final : public caf::detail::simple_actor_clock, private timer {
public:
  explicit caf_clock(scheduler& s) noexcept : scheduler_(&s) {}

  time_point now() const noexcept override;
  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) override;
  void cancel_all() override;

  /// Nothing is delivered any more, and the timer is not used after this. Not from within a delivery.
  void stop() noexcept;

private:
  using super = caf::detail::simple_actor_clock;

  void fire() noexcept override;
  void dropped() noexcept override;
  void arm_for_earliest() noexcept;
  void disarm_if_empty() noexcept;
  std::int64_t earliest() const noexcept;

  scheduler* scheduler_;
  std::mutex mutex_;  // guards the maps of the base class, and what follows
  std::int64_t armed_ = timers::never;
  unsigned delivering_ = 0;  // threads that are in `fire`
  bool stopped_ = false;
  // The scheduler has ended, and has given up the timer: false -> true. Release: it is not touched any more.
  atomic<bool> dropped_{false};
};

}  // namespace troupe::detail
