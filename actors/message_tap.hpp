#pragma once

#include <troupe/actors/envelope.hpp>

namespace troupe::detail {

/// Sees the messages of a deterministic runtime: for the tests of users. See `core::add_tap`; `tapped_cell.cpp` calls
/// it, on the thread of the runtime.
///
/// TP1. What `take` has taken counts as sent. It is lost with a count, or pushed by `cell::enqueue_again`, which takes
///      it to no tap again; what its sender sends, closes or answers after it to the same receiver comes behind it
///      (C1, C4).
class message_tap {
public:
  /// A message is being sent, and no tap has taken it yet; `e.trace` says who sends it. It may still be refused, or its
  /// sender give up.
  virtual void sending(const envelope&) noexcept {}
  /// It is about to enter the mailbox. True: the envelope is the tap's now.
  virtual bool take(cell&, envelope&) noexcept { return false; }
  /// A message of a user enters the mailbox, or is lost at it: the mailbox is closed, or drops it for lack of room. Not
  /// one that is refused. Must send nothing: the mailbox may be locked.
  virtual void passed(cell&, const envelope&) noexcept {}
  /// The actor has come to it. What this throws is as if the handler had thrown it.
  virtual void handling(cell&, envelope&) {}
  /// The same for a message of a stream, of which only the type is known.
  virtual void reading(cell&, const char*) noexcept {}
  /// Whether it may take messages.
  virtual bool takes() const noexcept { return false; }

protected:
  ~message_tap() = default;
};

}  // namespace troupe::detail
