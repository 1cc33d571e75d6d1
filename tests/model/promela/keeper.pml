/*
 * The sleep of the pool's housekeeper (scheduler/work_stealing_pool.cpp, I6).
 *
 *   housekeeper   keep_house: two ticks with all parked, announce, look again, park; else look after the workers, and
 *                 park until the next tick, which may come at any moment
 *   worker        sleep: announce, park, leave, look for the housekeeper; then a slice that lasts until the housekeeper
 *                 has looked after it (C8): one that sleeps on is a deadlock
 *
 * WAKES times somebody takes a worker off the list of sleepers and unparks it (notify), or just unparks it (a timer).
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
 * mutant KEEPS_TICKING (WORKERS=2 WAKES=2 LIVENESS): the housekeeper forgets that all were parked a tick ago
 */
byte sleeping;
bool listed[WORKERS];
bool token[WORKERS];
bool keeper_token, keeper_sleeps;
bool needs[WORKERS];         /* the slice that runs waits for the housekeeper */
bool keeper_parked;          /* without a deadline */
byte waked;

#define all_parked (sleeping == WORKERS)

proctype worker(byte self) {
  do
  :: atomic { listed[self] = true; sleeping++ }
end: d_step { token[self] -> token[self] = false }
#ifdef MUTANT_LOOK_FIRST
     if :: keeper_sleeps -> keeper_token = true :: else fi;
#endif
     atomic {
       if
       :: listed[self] -> listed[self] = false; sleeping--
       :: else
       fi
     }
#if !defined(MUTANT_LOOK_FIRST) && !defined(MUTANT_NOBODY_LOOKS)
     if :: keeper_sleeps -> keeper_token = true :: else fi;
#endif
     needs[self] = true;
     !needs[self]
  od
}

active proctype housekeeper() {
  bool idle, idle_before;
  byte w;
  do
  :: idle = all_parked;
     if
     :: idle && idle_before ->
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
        keeper_sleeps = false;
        idle_before = false
     :: else ->
        idle_before = idle;
#ifdef MUTANT_KEEPS_TICKING
        idle_before = false;
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

active proctype waker() {
  do
  :: waked == WAKES -> break
  :: waked < WAKES ->
     if
     :: atomic { listed[0] -> listed[0] = false; sleeping-- } token[0] = true
     :: atomic { listed[1] -> listed[1] = false; sleeping-- } token[1] = true
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
