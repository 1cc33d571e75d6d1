#pragma once

#include <troupe/scheduler/strand.hpp>

namespace troupe::detail {

/// A strand that runs one chain of coroutines and ends with it: a green thread, or a forked child on its own.
class coroutine_strand : public strand {
public:
  void run() noexcept final;

  std::uint64_t id() const final { return extras_.get().id; }
  strand_extras& extras() final { return extras_.get(); }
  strand_extras* extras_if_any() const noexcept final { return extras_.if_any(); }

protected:
  using strand::strand;
  ~coroutine_strand() = default;

  /// The chain has come to its end, or the strand was killed and all that it forked has ended: destroys what is left of
  /// the chain, and itself.
  virtual void end() noexcept = 0;

  // For strands with a fate of their own. Here they lie in padding, and green threads are many.
  atomic<bool> killed_{false};
  atomic<bool> has_begun_{false};  // it has had a slice

private:
  bool must_end() const noexcept final { return !resume_at; }  // it never ran
  void end_abandoned() noexcept final {
    if (abandon_forks()) end();
  }

  void run_slice(const char* kind) noexcept;

  /// `killed()`, which most know without a call.
  bool to_end() const noexcept { return forked_ ? killed() : killed_.load(acquire); }

  mutable extras_slot extras_;
};

}  // namespace troupe::detail
