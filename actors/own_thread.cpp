// Actors on threads of their own.
//
// OT1. The thread is the actor's home: it alone runs its slices. What outlives the actor, or serves others too, is
//     given the scheduler of the runtime: futures of its replies, timed sends to it, callbacks at its end, its family.
// OT2. The cell holds the thread, and the thread holds itself and the core until it has ended, so a thread that is
//     stuck finds all that it can touch (C6).
// OT3. Its handler may block, where calling off its waits does not wake it: whoever ends it in the midst of that tells
//     its stop token too, whose callbacks run then, without locks.

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

/// It is to end in the midst of its handler (OT3).
void cell::call_off_handler() noexcept {
  const detail::cell_extras* x = extras_.load(acquire);
  x && x->thread ? request_stop() : cancel_waits();
}

}  // namespace troupe
