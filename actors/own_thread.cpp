// Actors on threads of their own.
//
// OT1. The thread is the actor's home: it alone runs its slices. What outlives the actor, or serves others too, is
//     given the scheduler of the runtime: futures of its replies, timed sends to it, callbacks at its end, its family.
// OT2. The cell holds the thread, and the thread holds itself and the core until it has ended, so a thread that is
//     stuck finds all that it can touch (C6).

#include <troupe/actors/own_thread.hpp>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/scheduler/side_thread.hpp>

namespace troupe {

/// Before anyone else knows the cell.
void cell::take_own_thread() {
  if (core_->scheduler().deterministic()) return;  // C12
  detail::cell_extras& x = own_extras();
  x.thread = side_thread::start(core_->scheduler(), name(), core_->lease());
  move_to(*x.thread);
}

}  // namespace troupe
