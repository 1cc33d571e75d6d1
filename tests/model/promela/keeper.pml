/*
 * The sleep of the pool's housekeeper (scheduler/work_stealing_pool.cpp, I6).
 *
 *   housekeeper   keep_house: a tick without a slice and all parked, announce, look again, park; else look after the
 *                 workers, and park until the next tick, which may come at any moment
 *   worker        sleep: announce, park, leave, look for the housekeeper if it has left by itself; then a slice that
 *                 lasts until the housekeeper has looked after it (C8): one that sleeps on is a deadlock
 *
 * WAKES times somebody takes a worker off the list of sleepers, unparks it and looks for the housekeeper (notify), or
 * just unparks it (a timer).
 *
 * Holds: while a worker is awake the housekeeper ticks. With LIVENESS: once all are parked for good it sleeps without a
 * deadline (C7).
 *
 * check: WORKERS=2 WAKES=3
 * check: WORKERS=3 WAKES=2
 * check: WORKERS=2 WAKES=2 LIVENESS
 * mutant NO_SECOND_LOOK: the housekeeper parks without another look after its announcement
 * mutant LOOK_FIRST: a worker looks for the housekeeper before it leaves the sleepers
 * mutant NOBODY_LOOKS: a worker that leaves does not look for the housekeeper
 * mutant WAKER_DOES_NOT_LOOK: whoever takes a worker off the list does not look for the housekeeper
 * mutant WAKER_LOOKS_FIRST: whoever takes a worker off the list looks for the housekeeper before that
 * mutant KEEPS_TICKING (WORKERS=2 WAKES=2 LIVENESS): the housekeeper forgets how many slices there were a tick ago
 */
byte sleeping;
bool listed[WORKERS];
bool token[WORKERS];
bool keeper_token, keeper_sleeps;
bool needs[WORKERS];         /* the slice that runs waits for the housekeeper */
bool keeper_parked;          /* without a deadline */
byte waked, slices;

#define all_parked (sleeping == WORKERS)

proctype worker(byte self) {
  bool by_itself;
  do
  :: atomic { listed[self] = true; sleeping++ }
end: d_step { token[self] -> token[self] = false }
#ifdef MUTANT_LOOK_FIRST
     if :: keeper_sleeps -> keeper_token = true :: else fi;
#endif
     atomic {
       if
       :: listed[self] -> listed[self] = false; sleeping--; by_itself = true
       :: else
       fi
     }
#if !defined(MUTANT_LOOK_FIRST) && !defined(MUTANT_NOBODY_LOOKS)
     if :: by_itself && keeper_sleeps -> keeper_token = true :: else fi;
#endif
     by_itself = false;
     d_step { slices++; needs[self] = true }
     !needs[self]
  od
}

active proctype housekeeper() {
  byte w, slices_before = 255, slices_now;
  do
  :: slices_now = slices;
     if
     :: slices_now == slices_before && all_parked ->
        keeper_sleeps = true;
#ifndef MUTANT_NO_SECOND_LOOK
        if
        :: all_parked ->
#endif
           keeper_parked = true;
end:       d_step { keeper_token -> keeper_token = false; keeper_parked = false }
#ifndef MUTANT_NO_SECOND_LOOK
        :: else
        fi;
#endif
        keeper_sleeps = false
     :: else ->
#ifndef MUTANT_KEEPS_TICKING
        slices_before = slices_now;
#endif
        w = 0;
        do
        :: w == WORKERS -> break
        :: w < WORKERS -> needs[w] = false; w++
        od;
        keeper_token = false                                       /* the tick, or somebody's unpark */
     fi
  od
}

inline wake(w) {
#ifdef MUTANT_WAKER_LOOKS_FIRST
  if :: keeper_sleeps -> keeper_token = true :: else fi;
#endif
  atomic { listed[w] -> listed[w] = false; sleeping-- }
  token[w] = true;
#if !defined(MUTANT_WAKER_LOOKS_FIRST) && !defined(MUTANT_WAKER_DOES_NOT_LOOK)
  if :: keeper_sleeps -> keeper_token = true :: else fi
#endif
}

active proctype waker() {
  do
  :: waked == WAKES -> break
  :: waked < WAKES ->
     if
     :: listed[0] -> wake(0)
     :: listed[1] -> wake(1)
     :: token[0] = true
     fi;
     waked++
  od
}

active proctype at_the_end() {
end:
  timeout -> assert(keeper_parked && all_parked && waked == WAKES && !needs[0] && !needs[1])
}

#ifdef LIVENESS
ltl idle_costs_nothing { (<>[] all_parked) -> (<> keeper_parked && (<>[] keeper_parked)) }
#endif

init {
  byte i;
  atomic { for (i : 0 .. WORKERS - 1) { run worker(i) } }
}
