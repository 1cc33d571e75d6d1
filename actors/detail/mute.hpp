#pragma once

#include <string>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/room.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

/// The wait of an actor that has gone beyond a limit in a handler that could not wait: that of a mailbox or a backlog.
/// It handles nothing more until half of the room is free (Pony's rule: Clebsch et al., "Orca", OOPSLA 2017). It stands
/// in the graph of waits, so that of actors that mute each other, or wait for each other in other ways, one goes on.
class mute final : public owned_line_wait {
public:
  /// `full` is kept until the mute is over.
  mute(cell& muted, room& full) : owned_line_wait(full.guard()), muted_(&muted), full_(&full) { full_->keep_room(); }
  ~mute() { full_->let_room_go(); }

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
      waits = outcome_ == wait_outcome::pending && full_->mute(*this);
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
  const void* owner() const noexcept override { return static_cast<strand*>(&full_->reader()); }
  std::string subject() const override { return full_->describe_room(); }
  std::string describe_wait() const override { return subject(); }

  cell* muted_;
  room* full_;
};

}  // namespace troupe::detail
