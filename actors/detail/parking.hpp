#pragma once

#include <troupe/scheduler/strand.hpp>

namespace troupe::detail {

/// An actor that waits for those that it lives with: for its supervisor to make it anew, or for its children to end.
///
/// P1. While it is parked, whoever takes `parked_` back owns the right to schedule it (S1); to be told to stop is one
///     such.
/// P2. A wake may come for nothing: whoever was parked looks again at what it waits for.
class parking final : public wait_point {
public:
  parking(strand& s, const char* what) noexcept : strand_(&s), what_(what) {}

  /// Any thread that keeps the actor from going.
  void unpark() noexcept {
    if (parked_.exchange(false, seq_cst)) strand_->wake();
  }
  void cancel_wait() noexcept override { unpark(); }
  std::string describe_wait() const override { return what_; }

  /// The actor's slice. True: it is parked, and the slice is over, unless `ready()`, which is looked at after that.
  template <class Ready>
  bool park(Ready ready) noexcept {
    parked_.store(true, seq_cst);
    return !(ready() && parked_.exchange(false, seq_cst));
  }

private:
  strand* strand_;
  const char* what_;
  // false -> true by the slice, true -> false by whoever ends the wait. All seq_cst: between the mark and the look at
  // what is waited for, and the other way round on the other side.
  atomic<bool> parked_{false};
};

}  // namespace troupe::detail
