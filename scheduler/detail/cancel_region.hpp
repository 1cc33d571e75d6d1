#pragma once

#include <cstdint>

// A part of a strand's run that can be told to stop without the rest: what a scope, a timeout or a shield is made of
// (Trio's cancel scopes).
//
// CR1. The regions that a strand is in are a list, the innermost first. It changes in the slices of that strand only,
//     under the strand's `outside_`, as does what is requested.
// CR2. Waits are called off if the strand or a region that it is in was told to stop; a shield keeps what stands
//     outside of it away, but for a kill. What was requested is not taken back: all waits to come end at once, until
//     the strand leaves the region.
// CR3. Frames of a strand that was killed may outlive it (those of a fork's child). So a strand that has been killed
//     leaves all its regions before it ends, and their destructors find nothing left to do.

namespace troupe {

class strand;

namespace detail {

/// Lives in a coroutine's frame, between two of its points on the same strand.
class cancel_region {
public:
  enum class kind : std::uint8_t {
    open,    ///< is told to stop with what is around it
    shield,  ///< is not
  };

  /// The calling strand enters it.
  explicit cancel_region(kind k = kind::open);
  cancel_region(const cancel_region&) = delete;
  cancel_region& operator=(const cancel_region&) = delete;

  /// The strand leaves it; called in a slice of the strand.
  void leave() noexcept;

  /// Calls off the waits in it. Any thread, while it is entered.
  void cancel() noexcept;

  /// Whether `cancel` has been called: once the strand has left, that is for good. The strand's own question.
  bool cancelled() const noexcept;

  /// CR3, and ends the children of its scopes. False if some still run: the last of them wakes the strand.
  static bool abandon(strand& self) noexcept;

  /// The strand that is in it; null once it has left.
  strand* inside() const noexcept { return strand_; }

protected:
  ~cancel_region() { leave(); }

  /// The strand has been killed. False if something in the region still has to end, which then wakes the strand.
  virtual bool strand_killed() noexcept { return true; }

private:
  friend class troupe::strand;

  strand* strand_;
  cancel_region* outer_ = nullptr;
  cancel_region* inner_ = nullptr;
  bool shields_;
  bool requested_ = false;  // CR1
};

/// A region that is not told to stop with what is around it.
class shield_region final : public cancel_region {
public:
  shield_region() : cancel_region(kind::shield) {}
};

}  // namespace detail
}  // namespace troupe
