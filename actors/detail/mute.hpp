#pragma once

#include <string>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/bounded_inbox.hpp>

namespace troupe::detail {

/// The wait of an actor that has sent to a full mailbox in a handler that could not wait: it handles nothing more until
/// half of that mailbox is free (Pony's rule: Clebsch et al., "Orca", OOPSLA 2017). It stands in the graph of waits, so
/// that of actors that mute each other, or wait for each other in other ways, one goes on.
class mute final : public owned_line_wait {
public:
  /// `by`: whose mailbox is full. Kept until the mute is over.
  mute(cell& muted, cell& by) : owned_line_wait(by.bounded()->guard()), muted_(&muted), by_(&by) { by_->retain(); }
  ~mute() { by_->release(); }

  /// Starts to wait: the actor's slice ends, as somebody else may be running it already. False if there is room again.
  bool begin() {
    party = static_cast<strand*>(muted_);
    announce_edge(party);
    enter_graph();
    announce(*muted_, forever);
    const void* const me = party;
    cell& self = *muted_;
    bool waits = false;
    {
      std::lock_guard lock(*guard_);
      waits = outcome_ == wait_outcome::pending && by_->bounded()->mute(*this);
    }
    if (waits) {
      look_for_deadlock(me);  // nothing of this may be touched any more
    } else {
      leave_graph();
      self.end_wait();
    }
    return waits;
  }

  /// The actor runs again. True if the wait was ended to break a cycle.
  bool end(cell& self) {
    leave_graph();
    self.end_wait();
    settle();
    return outcome_ == wait_outcome::deadlock;
  }

private:
  void left(wake_list&) noexcept override {}
  const void* owner() const noexcept override { return static_cast<strand*>(by_); }
  std::string subject() const override { return "room in the mailbox of " + by_->name(); }
  std::string describe_wait() const override { return subject(); }

  cell* muted_;
  cell* by_;
};

}  // namespace troupe::detail
