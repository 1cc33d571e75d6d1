/*
 * An OS thread that waits for a future whose promise knows who was asked (scheduler/detail/future_state.cpp, F1 to F4):
 * get() with a timeout, against the promise and a cancellation.
 *
 *   reader      future::get: await, result_wait::block (sleep; at the deadline give up, or wait for the wake that must come
 *               before the parker goes), take, and the end of the future
 *   giver       promise::give: write, complete_named; then who was asked may go
 *   canceller   future::cancel, by somebody who does so while the future is there
 *
 * The deadline may come at any moment or never; the parker is one step (parker.pml).
 *
 * Holds: the result is read by the reader, or is late by the giver's account, and not both; nobody wakes a parker that has
 * gone; nobody asks who was asked when that has gone; the state goes once, after both ends; the reader comes back.
 *
 * check:
 * mutant NO_AWAIT_WAKE: a reader that was seen does not wait for its wake
 * mutant NOT_TAKEN_BACK: at the deadline the reader goes without taking its parker back
 * mutant GIVE_UP_BY_LOAD: the reader looks whether the result has come and then stores that it gives up
 * mutant COMPLETE_BY_LOAD: complete looks for the waiter and then stores `done`
 * mutant CANCEL_BY_LOAD: a canceller looks whether the result has come and then stores that it was given up
 * mutant NOT_NAMED: the giver does not wait for a reader that writes its error
 * mutant DETACH_BY_LOAD: the future looks whether the result has come and then stores that it went
 */
mtype = { pending, thread, naming, given_up };
mtype word = pending;        /* F1, F2, F4; and two of its bits: */
bool done, detached;         /* F3 */
bool written, state_gone;
bool asked_there = true;
bool parker_there, woken, token;
bool read, in_time, given, cancel_over, back;

inline destroy() { d_step { assert(!state_gone && written); state_gone = true } }

inline completed() {
  d_step { assert(parker_there); woken = true }
  d_step { assert(parker_there); token = true }
}

active proctype giver() {
  mtype before;
  bool gone;
  written = true;
#if defined(MUTANT_COMPLETE_BY_LOAD)
  word != naming;
  before = word;
  gone = detached;
  done = true;
#elif defined(MUTANT_NOT_NAMED)
  d_step { before = word; gone = detached; done = true }
#else
  atomic { word != naming; before = word; gone = detached; done = true }
#endif
  in_time = before != given_up && before != naming;
  if
  :: gone -> destroy()
  :: !gone && before == thread -> completed()
  :: else
  fi;
  asked_there = false;
  given = true
}

active proctype canceller() {
  mtype before;
  bool ours;
#ifdef MUTANT_CANCEL_BY_LOAD
  before = word;
  ours = !done && before != given_up && before != naming;
  if
  :: ours -> word = given_up
  :: else
  fi;
#else
  d_step {
    before = word;
    ours = !done && before != given_up && before != naming;
    if :: ours -> word = given_up :: else fi
  }
#endif
  if
  :: ours && before == thread -> completed()
  :: else
  fi;
  cancel_over = true
}

active proctype reader() {
  bool unparked, ours, gone;
  if
  :: done || word == given_up -> goto ready
  :: else
  fi;
  parker_there = true;
  if
  :: atomic { word == pending && !done -> word = thread }
  :: else -> goto seen
  fi;
  do
  :: woken -> break
  :: d_step { token -> token = false; unparked = true }
  :: goto deadline
  od;
  goto told;
deadline:
  skip;
#if defined(MUTANT_NOT_TAKEN_BACK)
  parker_there = false;
  goto out;
#elif defined(MUTANT_GIVE_UP_BY_LOAD)
  ours = word == thread && !done;
  if
  :: ours -> word = naming
  :: else
  fi;
#else
  d_step {
    ours = word == thread && !done;
    if :: ours -> word = naming :: else fi
  }
#endif
  if
  :: ours -> assert(asked_there); word = given_up; goto seen
  :: else
  fi;
told:
#ifndef MUTANT_NO_AWAIT_WAKE
  if
  :: unparked
  :: !unparked -> d_step { token -> token = false }
  fi;
#endif
seen:
  parker_there = false;
ready:
  assert(done || word == given_up);
  read = word != given_up;
out:
  cancel_over;                                                     /* it is called while the future is there */
#ifdef MUTANT_DETACH_BY_LOAD
  gone = done;
  detached = true;
#else
  d_step { gone = done; detached = true }
#endif
  if
  :: gone -> destroy()
  :: else
  fi;
  back = true
}

active proctype at_the_end() {
  timeout -> assert(back && given && state_gone && read == in_time)
}
