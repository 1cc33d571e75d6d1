/*
 * A strand that waits and can be told to stop (scheduler/strand.cpp, S1 and S2): first for a future with a timeout
 * (detail/future_state.cpp, F1 to F3), whose wait goes when it is over, then in a sleep (this_task.cpp), whose state lies
 * in the coroutine's frame.
 *
 *   begin_wait(), end_wait(), cancel_waits()   strand::begin_wait, end_wait, cancel_waits
 *   light_store(), drain(), processor          base/asymmetric.hpp: the strand's stores to `waiting_` may stay in the
 *                                              processor's store buffer until it comes by itself, the strand does a
 *                                              read-modify-write, or somebody else calls heavy_barrier
 *   onlooker                                   strand::inspect_wait
 *   complete(), leave(), detach()              future_state_base::complete, result_wait::leave, future_state_base::detach
 *   settle()                                   party_wait::settle
 *   await_future                               result_wait::suspend
 *   await_sleep, end_sleep()                   sleep_awaiter::await_suspend, end
 *   worker                                     coroutine_strand::run on two threads: slices may overlap at their seams
 *   canceller                                  green_strand::request_kill; it holds on to the strand's memory
 *   promiser, wheel                            promise::give; the timer wheel, which takes a timer out under a lock
 *
 * The promise is always kept, a timer may go off at any moment or never, and each canceller comes at some moment:
 * without it the sleep may last for ever.
 *
 * Holds: the strand is woken once a wait, and never while it runs (S1); nothing touches a wait after its end (S2) or a
 * future after both its ends have gone (F3); in the end the strand has ended and the future is gone.
 *
 * check: CANCELLERS=1 ONLOOKERS=1
 * check: CANCELLERS=2 ONLOOKERS=0
 * mutant NO_RECHECK: begin_wait does not look at `attention_` after it has named the wait
 * mutant END_WAIT_BY_STORE: end_wait does not look at `attention_`, and so not for whoever is at the wait
 * mutant NO_BARRIER: a canceller reads `waiting_` without a heavy barrier
 * mutant UNLOCKED: a canceller calls the wait off without `outside_`
 * mutant ONLOOKER_UNSEEN: an onlooker does not say so in `attention_`
 * mutant GIVE_UP_BY_LOAD: whoever gives up looks whether the result has come and then stores that he did
 * mutant COMPLETE_BY_LOAD: complete looks for the waiter and then stores `done`
 * mutant DETACH_BY_LOAD: the future looks whether the result has come and then stores that it went
 * mutant NO_SETTLE: the strand goes on without waiting for a timer that is going off
 * mutant ANNOUNCE_LATE: the wait is named after it has been published
 * mutant WAKE_IN_GATE: the end of a sleep wakes the strand although it is still arming
 */
#define none 0
#define the_future 1
#define the_sleep 2

byte waiting;                /* S2: as all see it */
byte view;                   /* as the strand does; the same unless `buffered` */
bool buffered;
bool cancelled, killed;
byte onlookers;
bool outside;                /* the lock */
byte scheduled = 1;
bool in_slice;
byte step;                   /* where the coroutine goes on */
bool ended;

mtype = { pending, waits, given_up, arming, armed, over };
mtype word = pending;        /* F1, F2; and two of its bits: */
bool done, detached;         /* F3 */
bool state_gone, written;
bool wait_there, fired;
mtype gate = arming;         /* of the sleep */
bool sleep_gone;
bool wait_in_wheel, sleep_in_wheel;

inline wake() { d_step { assert(!in_slice && scheduled == 0 && !ended); scheduled++ } }

inline destroy() { d_step { assert(!state_gone && written); state_gone = true } }

inline complete() {
  assert(!state_gone);
#ifdef MUTANT_COMPLETE_BY_LOAD
  woken = word == waits;
  gone = detached;
  done = true;
#else
  d_step { woken = word == waits; gone = detached; done = true }
#endif
  if
  :: gone -> destroy()
  :: !gone && woken -> woken = false; assert(wait_there); wake()
  :: else
  fi
}

/* True in `ours` if the result was given up: whoever did so wakes the strand. */
inline leave() {
  assert(wait_there && !state_gone);
#ifdef MUTANT_GIVE_UP_BY_LOAD
  ours = word == waits && !done;
  if
  :: ours -> word = given_up
  :: else
  fi;
#else
  d_step {
    ours = word == waits && !done;
    if :: ours -> word = given_up :: else fi
  }
#endif
}

inline detach() {
  assert(!state_gone);
#ifdef MUTANT_DETACH_BY_LOAD
  gone = done;
  detached = true;
#else
  d_step { gone = done; detached = true }
#endif
  if
  :: gone -> gone = false; destroy()
  :: else
  fi
}

inline settle() {
  if
  :: atomic { wait_in_wheel -> wait_in_wheel = false }
#ifdef MUTANT_NO_SETTLE
  :: else
#else
  :: atomic { !wait_in_wheel && fired }
#endif
  fi;
  wait_there = false
}

inline end_sleep() {
  d_step { assert(!sleep_gone); woken = gate == armed; gate = over }
#ifdef MUTANT_WAKE_IN_GATE
  woken = true;
#endif
  if
  :: woken -> woken = false; wake()
  :: else
  fi
}

inline light_store(value) { d_step { view = value; buffered = true } }
inline drain() { d_step { if :: buffered -> waiting = view; buffered = false :: else fi } }

inline call_off() {
#ifndef MUTANT_UNLOCKED
  atomic { !outside -> outside = true }
#endif
  found = waiting;
  if
  :: found == the_future ->
     leave();
     if
     :: ours -> ours = false; assert(wait_there); wake()
     :: else
     fi
  :: found == the_sleep ->
     assert(!sleep_gone);
     if
     :: atomic { sleep_in_wheel -> sleep_in_wheel = false } end_sleep()
     :: else
     fi
  :: found == none
  fi;
  found = none;
#ifndef MUTANT_UNLOCKED
  outside = false
#endif
}

inline cancel_waits() {
  cancelled = true;
#ifndef MUTANT_NO_BARRIER
  drain();
#endif
  call_off()
}

inline begin_wait(w) {
  light_store(w);
#ifndef MUTANT_NO_RECHECK
  if
  :: cancelled -> drain(); call_off()                              /* the lock drains the buffer */
  :: else
  fi
#endif
}

inline end_wait() {
  if
  :: view != none ->
     light_store(none);
#ifndef MUTANT_END_WAIT_BY_STORE
     if
     :: cancelled || onlookers != 0 -> drain(); !outside           /* takes the lock and lets it go */
     :: else
     fi
#endif
  :: else
  fi
}

inline behind_the_others() { d_step { in_slice = false; scheduled++ } }

active [2] proctype worker() {
  bool woken, ours, gone, done_already;
  byte found;
end:
  do
  :: atomic { scheduled != 0 -> scheduled--; assert(!in_slice); in_slice = true; drain() }
     end_wait();
     if
     :: killed -> goto the_end
     :: else
     fi;
     if
     :: step == 0
     :: step == 1 -> goto after_future
     :: step == 2 -> goto the_end
     fi;

     /* await_future */
     step = 1;
     wait_there = true;
     wait_in_wheel = true;
#ifndef MUTANT_ANNOUNCE_LATE
     begin_wait(the_future);
#endif
     if
     :: atomic { word == pending && !done -> word = waits; drain(); in_slice = false }
     :: else -> done_already = true; drain()
     fi;
#ifdef MUTANT_ANNOUNCE_LATE
     begin_wait(the_future);
#endif
     if
     :: done_already -> end_wait()
     :: else
     fi;
     if
     :: !done_already -> goto paused
     :: done_already -> done_already = false; behind_the_others(); goto paused
     :: done_already && !cancelled -> done_already = false
     fi;

after_future:
     settle();
     assert(done || word == given_up);
     detach();

     /* await_sleep */
     step = 2;
     sleep_in_wheel = true;
     begin_wait(the_sleep);
     d_step {
       drain(); done_already = gate == over; gate = armed;
       if :: !done_already -> in_slice = false :: else fi
     }
     if
     :: done_already -> done_already = false; end_wait(); behind_the_others()
     :: else
     fi;
     goto paused;

the_end:
     if
     :: step == 0 -> detach()
     :: step == 1 -> settle(); detach()
     :: step == 2 -> assert(!sleep_in_wheel); sleep_gone = true
     fi;
     d_step { ended = true; in_slice = false }
paused:
     skip
  od
}

active proctype processor() {
end:
  do
  :: atomic { buffered -> waiting = view; buffered = false }
  od
}

active [ONLOOKERS] proctype onlooker() {
  byte seen;
#ifndef MUTANT_ONLOOKER_UNSEEN
  onlookers++;
#endif
  drain();
  atomic { !outside -> outside = true }
  seen = waiting;
  assert(seen != the_sleep || !sleep_gone);
  assert(seen != the_future || wait_there);
  outside = false;
#ifndef MUTANT_ONLOOKER_UNSEEN
  onlookers--
#endif
}

proctype canceller() {
  bool woken, ours;
  byte found;
  killed = true;
  cancel_waits()
}

active proctype promiser() {
  bool woken, gone;
  written = true;
  complete()
}

active proctype wheel() {
  bool woken, ours;
end:
  do
  :: atomic { wait_in_wheel -> wait_in_wheel = false }
     leave();
     fired = true;
     if
     :: ours -> ours = false; assert(wait_there); wake()
     :: else
     fi
  :: atomic { sleep_in_wheel -> sleep_in_wheel = false } end_sleep()
  :: break                                                         /* no timer goes off any more */
  od
}

active proctype at_the_end() {
  timeout -> assert(ended && state_gone && waiting == none && scheduled == 0 && !in_slice)
}

init {
  byte i;
  atomic { for (i : 1 .. CANCELLERS) { run canceller() } }
}
