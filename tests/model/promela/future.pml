/*
 * An OS thread that waits for a future (scheduler/future.cpp and .hpp, F1 and F2): get() with a timeout, against the
 * promise and a cancellation.
 *
 *   reader      future::get: block() (name the parker in `waiter_`, sleep, take it back at the deadline, or wait for the
 *               wake that must come before the parker goes), fail, settle, take
 *   giver       promise::give: claim, write, complete
 *   canceller   future::cancel: fail
 *
 * The deadline may come at any moment or never; the parker is one step (parker.pml).
 *
 * Holds: one result is written, once, before it is read; nobody wakes a parker that has gone; the reader comes back.
 *
 * check:
 * mutant NO_AWAIT_WAKE: a reader that was seen does not wait for its wake
 * mutant NOT_TAKEN_BACK: at the deadline the reader goes without taking its parker back
 * mutant NO_SETTLE: the reader takes a result that has been claimed and not yet given
 * mutant CLAIM_BY_LOAD: a result is claimed by a look and a store
 * mutant COMPLETE_BY_LOAD: complete looks for the waiter and then stores `done`
 */
mtype = { pending, thread, done };
mtype waiter = pending;      /* F2 */
bool claimed, written;       /* F1 */
bool parker_there, token;
bool back;

inline complete() {
#ifdef MUTANT_COMPLETE_BY_LOAD
  before = waiter;
  waiter = done;
#else
  d_step { before = waiter; assert(before != done); waiter = done }
#endif
  if
  :: before == thread -> d_step { assert(parker_there); token = true }
  :: else
  fi
}

inline give() {
#ifdef MUTANT_CLAIM_BY_LOAD
  first = !claimed;
  claimed = true;
#else
  d_step { first = !claimed; claimed = true }
#endif
  if
  :: first -> d_step { assert(!written); written = true } complete()
  :: else
  fi
}

active proctype giver() { mtype before; bool first; give() }
active proctype canceller() { mtype before; bool first; give() }

active proctype reader() {
  mtype before;
  bool first, woken, came;
  if
  :: waiter == done -> goto ready
  :: else
  fi;
  parker_there = true;
  if
  :: atomic { waiter == pending -> waiter = thread }
  :: else -> goto seen
  fi;
  do
  :: waiter == done -> came = true; break
  :: d_step { token -> token = false; woken = true }
  :: break                                                         /* the deadline */
  od;
#ifdef MUTANT_NOT_TAKEN_BACK
  if
  :: !came -> parker_there = false; goto late
  :: else
  fi;
#else
  if
  :: came
  :: !came ->
     if
     :: atomic { waiter == thread -> waiter = pending } parker_there = false; goto late
     :: else
     fi
  fi;
#endif
#ifndef MUTANT_NO_AWAIT_WAKE
  if
  :: woken
  :: !woken -> d_step { token -> token = false }
  fi;
#endif
seen:
  parker_there = false;
  goto ready;
late:
  give();                                                          /* fail, with a timeout */
ready:
#ifndef MUTANT_NO_SETTLE
  waiter == done;
#endif
  assert(written && waiter == done);
  back = true
}

active proctype at_the_end() {
  timeout -> assert(back && written)
}
