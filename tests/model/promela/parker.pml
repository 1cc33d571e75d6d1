/*
 * The token that a thread sleeps on (scheduler/parker.hpp and .cpp, P1), on a futex.
 *
 *   park()      parker::park: compare-exchange to `parked`, FUTEX_WAIT, compare-exchange of the token; with a deadline
 *   unpark()    parker::unpark: exchange, FUTEX_WAKE if somebody was parked
 *   futex_wait  the kernel compares the word and queues the thread in one step; it may wake without a cause
 *
 * The owner parks PARKS times, each time with or without a deadline, which may pass at any moment; WAKERS threads
 * unpark it WAKES times each.
 *
 * Holds: a park that says that it was woken took one token, and a token comes of an unpark, so that there are never more
 * wakes than unparks (P1); an owner that sleeps without a deadline while the token is there is a deadlock.
 *
 * check: WAKERS=2 WAKES=2 PARKS=4
 * mutant PARK_BY_STORE: `parked` is stored, so that a token that is there is lost
 * mutant NO_COMPARE_IN_WAIT: the thread sleeps without a comparison of the word in the kernel
 * mutant UNPARK_THE_PARKED: unpark leaves no token if nobody is parked
 * mutant WAKE_FORGOTTEN: unpark leaves the token, and wakes nobody
 * mutant LEFT_PARKED: a park that timed out leaves the word as it is
 */
mtype = { empty_, parked, notified };
mtype word = empty_;
bool queued;                 /* the owner sleeps in the kernel */
byte pending;                /* unparks whose token has not been taken: several may be one token */
bool waits_for_ever;
byte ended;

inline take_token() { assert(pending != 0); pending = 0 }

inline park() {
  if
#ifdef MUTANT_PARK_BY_STORE
  :: word = parked;
#else
  :: atomic { word == empty_ -> word = parked }
#endif
     do
     :: if
#ifdef MUTANT_NO_COMPARE_IN_WAIT
        :: queued = true;
#else
        :: atomic { word == parked -> queued = true }
#endif
end_asleep:
           if
           :: !queued                                              /* woken */
           :: !endless -> queued = false; timed_out = true
           :: spurious != 0 -> queued = false; spurious--
           fi
#ifndef MUTANT_NO_COMPARE_IN_WAIT
        :: else
#endif
        fi;
        if
        :: atomic { word == notified -> word = empty_; take_token() } break
        :: else ->
           if
           :: timed_out ->
#ifndef MUTANT_LEFT_PARKED
              d_step {
                if :: word == notified -> take_token() :: else fi;
                word = empty_
              }
#endif
              break
           :: !timed_out
           fi
        fi
     od
#ifndef MUTANT_PARK_BY_STORE
  :: else -> d_step { word = empty_; take_token() }
#endif
  fi;
  timed_out = false; spurious = 0
}

active proctype owner() {
  byte n, spurious;
  bool endless, timed_out;
  do
  :: n == PARKS -> break
  :: n < PARKS ->
     spurious = 1;
     if
     :: endless = true
     :: endless = false
     fi;
     waits_for_ever = endless;
     park();
     waits_for_ever = false;
     n++
  od
}

active [WAKERS] proctype waker() {
  byte n;
  mtype before;
  do
  :: n == WAKES -> break
  :: n < WAKES ->
#ifdef MUTANT_UNPARK_THE_PARKED
     d_step { before = word; if :: word == parked -> word = notified :: else fi; pending++ }
#else
     d_step { before = word; word = notified; pending++ }
#endif
     if
#ifndef MUTANT_WAKE_FORGOTTEN
     :: before == parked -> queued = false                         /* FUTEX_WAKE */
#endif
     :: else
     fi;
     n++
  od;
  ended++
}

/* Nobody is stuck but an owner whom nobody has unparked since its last park. */
active proctype at_the_end() {
end:
  timeout -> assert(ended == WAKERS && (waits_for_ever -> pending == 0 : true))
}
