/*
 * The worker that sleeps until the next deadline (scheduler/work_stealing_pool.cpp, I5; scheduler/timers.cpp, T1).
 *
 *   armer         work_stealing_pool::arm and timers::arm: put the timer in, lower `next_`, unpark the timekeeper
 *   poll_timers() timers::fire_due: `next_` becomes that of the earliest timer that is left
 *   worker        sleep: take the role of the timekeeper or not, park until `next_` or for ever, give the role back
 *   waker         notify: unparks workers for other reasons
 *
 * Time comes when nothing else can happen: then the timekeeper sleeps, if there is a timer, and until its deadline or less.
 *
 * Holds: no timer is slept over while all workers sleep; all are fired in the end.
 *
 * check: WORKERS=2 TIMERS=2 ARMERS=1 WAKES=2
 * check: WORKERS=2 TIMERS=2 ARMERS=2 WAKES=1
 * check: WORKERS=3 TIMERS=2 ARMERS=1 WAKES=2
 * mutant READ_FIRST: a worker reads `next_` and then takes the role
 * mutant LOOK_FIRST: arm looks for the timekeeper before it lowers `next_`
 * mutant ROLE_KEPT: the role is not given back after the sleep
 * mutant NOBODY_TOLD: an earlier deadline is not told to the timekeeper
 */
#define never 100
#define nobody 100

bool armed[TIMERS + 1];      /* by deadline, 1 to TIMERS */
byte next = never;           /* T1 */
byte now;
byte timekeeper = nobody;    /* I5 */
bool token[WORKERS];
bool parked[WORKERS];
byte until[WORKERS];
byte fired, unborn = TIMERS;

inline earliest() {
  if
  :: armed[1] -> next = 1
#if TIMERS == 2
  :: !armed[1] && armed[2] -> next = 2
#endif
  :: else -> next = never
  fi
}

inline poll_timers() {
  if
  :: next <= now ->
     d_step {                                                      /* under the timers' mutex */
       t = 1;
       do
       :: t > TIMERS || t > now -> break
       :: else ->
          if :: armed[t] -> armed[t] = false; fired++ :: else fi;
          t++
       od;
       earliest();
       t = 0
     }
  :: else
  fi
}

proctype worker(byte self) {
  byte t, deadline;
  do
  :: deadline = never;
#ifdef MUTANT_READ_FIRST
     deadline = next;
#endif
     if
     :: atomic { timekeeper == nobody -> timekeeper = self }
#ifndef MUTANT_READ_FIRST
        deadline = next
#endif
     :: else -> deadline = never
     fi;
     d_step { until[self] = deadline; parked[self] = true }
end: atomic {
       token[self] || until[self] <= now ->
       token[self] = false; parked[self] = false; deadline = 0
     }
#ifndef MUTANT_ROLE_KEPT
     if
     :: timekeeper == self -> timekeeper = nobody
     :: else
     fi;
#endif
     poll_timers()
  od
}

inline look_for_timekeeper() {
  keeper = timekeeper;
  if
  :: keeper != nobody -> token[keeper] = true
  :: else
  fi
}

/* The later deadline first: the other is then news for whoever sleeps. */
proctype armer(byte first; byte last) {
  byte d = first, keeper;
  bool earlier;
  do
  :: d < last -> break
  :: d >= last ->
#ifdef MUTANT_LOOK_FIRST
     look_for_timekeeper();
#endif
     d_step {                                                      /* under the timers' mutex */
       armed[d] = true; unborn--;
       earlier = d < next;
       if :: earlier -> next = d :: else fi
     }
#if !defined(MUTANT_LOOK_FIRST) && !defined(MUTANT_NOBODY_TOLD)
     if
     :: earlier -> look_for_timekeeper()
     :: else
     fi;
#endif
     d--
  od
}

active proctype waker() {
  byte n;
  do
  :: n == WAKES -> break
  :: n < WAKES ->
     n++;
     if
     :: token[0] = true
     :: token[1] = true
     fi
  od
}

active proctype clock() {
  byte w;
  do
  :: timeout ->
     if
     :: fired + unborn == TIMERS -> break
     :: else ->
        d_step {
          now++;
          assert(now <= TIMERS);
          /* Whoever is due now has a sleeper that knows. */
          assert(!armed[now] || (timekeeper != nobody && parked[timekeeper] && until[timekeeper] <= now))
        }
     fi
  od;
  assert(unborn == 0)
}

init {
  byte i;
  atomic {
    for (i : 0 .. WORKERS - 1) { run worker(i) }
#if ARMERS == 1
    run armer(TIMERS, 1)
#else
    run armer(1, 1);
    run armer(2, 2)
#endif
  }
}
