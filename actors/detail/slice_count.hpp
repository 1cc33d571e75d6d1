#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <troupe/actors/core.hpp>
#include <troupe/actors/detail/class_meters.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe::detail {

/// Counts the messages of one slice and adds them up at its end.
///
/// SL1. The slice may end, and the cell go, before this does: it touches only the core, which the thread keeps, and the
///     meter of this thread.
class slice_count {
public:
  static constexpr bool observed = false;

  slice_count(core& k, const actor_class&) noexcept : core_(&k) {}
  ~slice_count() { flush(); }
  slice_count(const slice_count&) = delete;
  slice_count& operator=(const slice_count&) = delete;

  void add(unsigned n) noexcept { handled_ += n; }
  /// The slice may end without coming back: adds to what its actor has handled.
  void note(atomic<std::uint32_t>& total) noexcept {
    if (handled_ == 0) return;
    bump(total, static_cast<std::uint32_t>(handled_));
    flush();
  }
  /// The same where it is not known whether this is an `observed_slice`.
  void note_as_it_is(atomic<std::uint32_t>& total) noexcept;
  /// The handler that was begun waits, and the slice goes on with others: likewise.
  void waits_as_it_is() noexcept;
  bool any() const noexcept { return handled_ != 0; }

  /// What one that is measured does: how many messages of a budget come next; how many more after those have been
  /// handled and noted; a message is about to be handled; there was none.
  static unsigned grant(unsigned budget) noexcept { return budget; }
  static unsigned more() noexcept { return 0; }
  static void begin() noexcept {}
  static void rest() noexcept {}

protected:
  void flush() noexcept {
    if (handled_ != 0) core_->count(&core::counters::handled, std::exchange(handled_, 0));
  }

  core* core_;
  std::uint64_t handled_ = 0;
};

/// The same in a runtime that measures or records. Where it measures, this also times one handler in
/// `class_meter::interval`: the budget of the slice is cut in front of that message and behind it.
class observed_slice : public slice_count {
public:
  static constexpr bool observed = true;

  observed_slice(core& k, const actor_class& c) noexcept : slice_count(k, c), meter_(k.meter_of(c)) {}
  ~observed_slice() {
    flush();
    end_timing();  // it was left by a handler that waits, or has ended its actor
  }

  void note(atomic<std::uint32_t>& total) noexcept {
    if (handled_ == 0) return;
    bump(total, static_cast<std::uint32_t>(handled_));
    flush();
  }
  unsigned grant(unsigned budget) noexcept {
    rest_ = budget;
    return next();
  }
  unsigned more() noexcept {
    if (counted_) end_timing();  // else it was a message of the runtime
    return rest_ == 0 ? 0 : next();
  }
  void begin() noexcept {
    if (due_) begun_ = steady_now();
  }
  void waits() noexcept { end_timing(); }
  void rest() noexcept { begun_ = 0; }

private:
  /// At least one.
  unsigned next() noexcept {
    const unsigned until = meter_ ? meter_->until_timed() : rest_;
    const unsigned n = until == 0 ? 1 : std::min(rest_, until);
    rest_ -= n;
    due_ = until == 0;
    begun_ = 0;
    counted_ = false;
    return n;
  }
  void flush() noexcept {
    if (handled_ == 0) return;
    if (meter_) meter_->handled(handled_);
    counted_ = true;
    slice_count::flush();
  }
  void end_timing() noexcept {
    if (begun_ != 0) meter_->timed(steady_now() - std::exchange(begun_, 0));
  }

  class_meter* const meter_;  // null: nothing is measured, or memory has run out
  std::int64_t begun_ = 0;    // when the handler that is timed was called; 0: none was
  unsigned rest_ = 0;         // of the budget, behind what was granted
  bool due_ = false;          // the next is to be timed
  bool counted_ = false;      // a message has been handled since
};

inline void slice_count::note_as_it_is(atomic<std::uint32_t>& total) noexcept {
  if (handled_ == 0) return;
  core_->observed() ? static_cast<observed_slice*>(this)->note(total) : note(total);
}

inline void slice_count::waits_as_it_is() noexcept {
  if (core_->observed()) static_cast<observed_slice*>(this)->waits();
}

}  // namespace troupe::detail
