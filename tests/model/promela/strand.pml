/*
 * A strand that waits and can be told to stop (scheduler/strand.cpp, S1 and S2): first for a future with a timeout
 * (future.cpp, F1 to F3), then in a sleep (this_task.cpp), whose state lies in the coroutine's frame.
 *
 *   begin_wait(), end_wait(), cancel_waits()   strand::begin_wait, end_wait, cancel_waits
 *   light_store(), drain(), processor          base/asymmetric.hpp: the strand's stores to `waiting_` may stay in the
 *                                              processor's store buffer until it comes by itself, the strand does a
 *                                              read-modify-write, or somebody else calls heavy_barrier
 *   onlooker                                   strand::inspect_wait
 *   claim(), complete(), fail()                future_state_base, claim, complete, fail
 *   release(), disarm()                        future_state_base::release_one, disarm
 *   await_future                               future_state_base::await
 *   await_sleep, end_sleep()                   sleep_awaiter::await_suspend, end
 *   worker                                     green_thread::run on two threads: slices may overlap at their seams
 *   canceller                                  green_thread::request_kill; it holds on to the strand's memory
 *   promiser, wheel                            promise::give; the timer wheel, which takes a timer out under a lock
 *
 * The promise is always kept, a timer may go off at any moment or never, and each canceller comes at some moment:
 * without it the sleep may last for ever.
 *
 * Holds: the strand is woken once a wait, and never while it runs (S1); nothing touches a wait after its end (S2) or a
 * future after its last reference (F3); in the end the strand has ended and the future is gone.
 *
 * check: CANCELLERS=1 ONLOOKERS=1
 * check: CANCELLERS=2 ONLOOKERS=0
 * mutant NO_RECHECK: begin_wait does not look at `attention_` after it has named the wait
 * mutant END_WAIT_BY_STORE: end_wait does not look at `attention_`, and so not for whoever is at the wait
 * mutant NO_BARRIER: a canceller reads `waiting_` without a heavy barrier
 * mutant UNLOCKED: a canceller calls the wait off without `outside_`
 * mutant ONLOOKER_UNSEEN: an onlooker does not say so in `attention_`
 * mutant CLAIM_BY_LOAD: a result is claimed by a look and a store
 * mutant COMPLETE_BY_LOAD: complete looks for the waiter and then stores `done`
 * mutant TIMER_UNCOUNTED: the timer holds no reference to the future
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

mtype = { pending, waits, done, arming, armed, over };
mtype waiter = pending;      /* F2 */
bool claimed, written;       /* F1 */
byte refs = 2;               /* F3 */
bool future_gone, timer_armed;
mtype gate = arming;         /* of the sleep */
bool sleep_gone;
bool future_in_wheel, sleep_in_wheel;

inline wake() { d_step { assert(!in_slice && scheduled == 0 && !ended); scheduled++ } }

inline release() {
  d_step {
    assert(!future_gone && refs != 0);
    refs--;
    if :: refs == 0 -> future_gone = true :: else fi
  }
}

#ifdef MUTANT_TIMER_UNCOUNTED
#define timer_release() skip
#else
#define timer_release() release()
#endif

inline complete() {
  assert(!future_gone);
#ifdef MUTANT_COMPLETE_BY_LOAD
  woken = waiter == waits;
  waiter = done;
#else
  d_step { assert(!future_gone); assert(waiter != done); woken = waiter == waits; waiter = done }
#endif
  if
  :: woken -> woken = false; wake()
  :: else
  fi
}

/* claim, set_error and complete. */
inline fail() {
#ifdef MUTANT_CLAIM_BY_LOAD
  first = !claimed;
  claimed = true;
#else
  d_step { assert(!future_gone); first = !claimed; claimed = true }
#endif
  if
  :: first -> first = false; d_step { assert(!future_gone && !written); written = true } complete()
  :: else
  fi
}

inline disarm() {
  assert(!future_gone);
  if
  :: timer_armed ->
     if
     :: atomic { future_in_wheel -> future_in_wheel = false } timer_release()
     :: else
     fi;
     timer_armed = false
  :: else
  fi
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
  :: found == the_future -> fail()
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
  bool woken, first, done_already;
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
     refs++;
#ifndef MUTANT_TIMER_UNCOUNTED
     refs++;
#endif
     timer_armed = true; future_in_wheel = true;
#ifndef MUTANT_ANNOUNCE_LATE
     begin_wait(the_future);
#endif
     assert(!future_gone);
     if
     :: atomic { waiter == pending -> waiter = waits; drain(); in_slice = false }
     :: else -> done_already = true; drain()
     fi;
#ifdef MUTANT_ANNOUNCE_LATE
     begin_wait(the_future);
#endif
     if
     :: done_already -> end_wait()
     :: else
     fi;
     release();
     if
     :: !done_already -> goto paused
     :: done_already -> done_already = false; behind_the_others(); goto paused
     :: done_already && !cancelled -> done_already = false
     fi;

after_future:
     disarm();
     release();                                                    /* the future's own */

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
     :: step < 2 -> disarm(); release()
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
  assert(seen != the_future || !future_gone);
  outside = false;
#ifndef MUTANT_ONLOOKER_UNSEEN
  onlookers--
#endif
}

proctype canceller() {
  bool woken, first;
  byte found;
  killed = true;
  cancel_waits()
}

active proctype promiser() {
  bool woken, first;
  fail();                                                          /* or give, which claims in the same way */
  release()
}

active proctype wheel() {
  bool woken, first;
end:
  do
  :: atomic { future_in_wheel -> future_in_wheel = false } fail(); timer_release()
  :: atomic { sleep_in_wheel -> sleep_in_wheel = false } end_sleep()
  :: break                                                         /* no timer goes off any more */
  od
}

active proctype at_the_end() {
  timeout -> assert(ended && future_gone && waiting == none && scheduled == 0 && !in_slice)
}

init {
  byte i;
  atomic { for (i : 1 .. CANCELLERS) { run canceller() } }
}
