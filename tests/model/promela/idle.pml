/*
 * Falling asleep and waking in the pool (scheduler/work_stealing_pool.cpp, I1 to I4).
 *
 *   inject()         work_stealing_pool::inject: raise `injected_`, put the job in, notify; one that comes alone stands
 *                    in `lone` (I10)
 *   notify_if_idle() notify_if_idle and notify; the list of sleepers under its mutex
 *   take_injected()  take_injected; try_dequeue of the injection queue may fail although a job is there
 *   take()           next_job without the LIFO slot: the ring, then the injection queue
 *   search()         search, one round: the injection queue, then half of another's ring
 *   end_search()     end_search: whoever finds work, the last to search, wakes another if it sees more
 *   fall_asleep()    sleep: announce, look once more (visible_work), park, leave
 *   slice()          run_slice; the first job pushes CHILDREN jobs on its worker's own ring (worker::push)
 *
 * Jobs are counted, not told apart; rings and tokens are one step each (run_queue.pml, parker.pml). Where TOGETHER is
 * defined no job ends before all have begun: a job that waits behind a stuck slice while another worker sleeps is then
 * a deadlock. There is no housekeeper here: what holds, holds without it.
 *
 * Holds: a job is never slept over; in the end nobody searches and all queues are empty. Whoever puts a job into `lone`
 * finds none there.
 *
 * Holds too: no job waits behind a slice that lasts while a worker sleeps. That needs the worker whose second look finds
 * work to count as a searcher again: while it looked, injectors relied on it, and woke nobody.
 *
 * check: WORKERS=2 JOBS=2 INJECTORS=1 CHILDREN=1
 * check: WORKERS=2 JOBS=2 INJECTORS=2 CHILDREN=0
 * check: WORKERS=3 JOBS=1 INJECTORS=1 CHILDREN=0
 * check: WORKERS=2 JOBS=1 INJECTORS=1 CHILDREN=1 TOGETHER
 * check: WORKERS=2 JOBS=2 INJECTORS=1 CHILDREN=0 TOGETHER
 * mutant NO_SECOND_LOOK: a worker parks without another look at the queues
 * mutant ANNOUNCE_AFTER_LOOK: a worker looks, then puts itself on the list of sleepers
 * mutant COUNT_AFTER_LOOK: an injector looks for sleepers before it raises `injected_` and puts the job in
 * mutant STILL_SEARCHING: a searcher that finds nothing sleeps before it lowers `searching_`
 * mutant NOT_PASSED_ON (WORKERS=2 JOBS=2 INJECTORS=1 CHILDREN=0 TOGETHER):
 *   a searcher that finds work wakes nobody (I4)
 * mutant LOOKS_TOO_EARLY (WORKERS=2 JOBS=2 INJECTORS=1 CHILDREN=0 TOGETHER):
 *   a searcher that finds work looks whether there is more before it lowers `searching_`
 * mutant NO_SEARCH_AFTER_LOOK (WORKERS=2 JOBS=2 INJECTORS=1 CHILDREN=0 TOGETHER):
 *   a worker whose second look finds work does not count as a searcher
 * mutant LOWERED_TOO_EARLY (WORKERS=2 JOBS=2 INJECTORS=2 CHILDREN=0):
 *   whoever takes the job of `lone` lowers `injected` before (I10)
 */
#define TOTAL (JOBS + CHILDREN)

byte injected;               /* I1 */
byte queue;                  /* jobs in the injection queue */
bool lone;                   /* I10 */
byte ring[WORKERS];
byte sleeping, searching;    /* I2, I4 */
bool mutex;
bool listed[WORKERS];        /* the list of sleepers, under `mutex` */
bool token[WORKERS];         /* the parkers */
byte begun, ended;

inline notify_if_idle() {
  if
  :: sleeping == 0
  :: else ->
     if
     :: searching != 0
     :: else ->
        atomic {
          !mutex ->
          if
          :: listed[0] -> w = 0
          :: listed[1] -> w = 1
#if WORKERS == 3
          :: listed[2] -> w = 2
#endif
          :: else -> w = WORKERS
          fi;
          if
          :: w != WORKERS -> mutex = true; listed[w] = false; sleeping--
          :: else
          fi
        }
        if
        :: w == WORKERS
        :: else -> d_step { searching++; mutex = false } token[w] = true
        fi;
        w = 0
     fi
  fi
}

inline inject() {
#ifdef MUTANT_COUNT_AFTER_LOOK
  notify_if_idle();
  injected++;
  queue++
#else
  d_step { alone = (injected == 0); injected++ }
  if
  :: alone -> assert(!lone); d_step { lone = true; alone = false }
  :: else -> queue++
  fi;
  notify_if_idle()
#endif
}

inline take_injected() {
  if
  :: injected == 0
  :: else ->
     if
#ifdef MUTANT_LOWERED_TOO_EARLY
     :: lone -> injected--; d_step { found = lone; lone = false }
#else
     :: atomic { lone -> lone = false; found = true } injected--
#endif
     :: atomic { queue != 0 -> queue--; found = true } injected--
     :: true
     fi
  fi
}

inline take() {
  if
  :: atomic { ring[self] != 0 -> ring[self]--; found = true }
  :: else -> take_injected()
  fi
}

/* visible_work: one queue after the other. */
inline look() {
  if
  :: injected != 0 -> seen = true
  :: else
  fi;
  victim = 0;
  do
  :: seen || victim == WORKERS -> break
  :: !seen && victim < WORKERS ->
     if :: ring[victim] != 0 -> seen = true :: else fi;
     victim++
  od;
  victim = 0
}

inline end_search() {
  self_searching = false;
#ifdef MUTANT_LOOKS_TOO_EARLY
  look();
#endif
  d_step { last = searching == 1; assert(searching != 0); searching-- }
#ifndef MUTANT_NOT_PASSED_ON
  if
  :: last && found ->
#ifndef MUTANT_LOOKS_TOO_EARLY
     look();
#endif
     if :: seen -> notify_if_idle() :: else fi
  :: else
  fi;
#endif
  seen = false;
  last = false
}

inline search() {
  if
  :: self_searching
  :: !self_searching && 2 * searching <= WORKERS -> searching++; self_searching = true
  :: !self_searching && 2 * searching > WORKERS
  fi;
  if
  :: !self_searching
  :: else ->
     take_injected();
     victim = 0;
     do
     :: found || victim == WORKERS -> break
     :: !found && victim == self -> victim++
     :: !found && victim < WORKERS && victim != self ->
        if
        :: d_step {
             ring[victim] != 0 ->
             n = ring[victim] - ring[victim] / 2; ring[victim] = ring[victim] - n; n--
           }
           found = true;
           ring[self] = ring[self] + n;
           n = 0
        :: else
        fi;
        victim++
     od;
     victim = 0
  fi
}

inline slice() {
  found = false;
  if
  :: ring[self] != 0 -> notify_if_idle()
  :: else
  fi;
  d_step { begun++; first = (begun == 1) }
#if CHILDREN != 0
  if
  :: first -> first = false; ring[self] = ring[self] + CHILDREN; notify_if_idle()
  :: else
  fi;
#endif
  first = false;
#ifdef TOGETHER
  begun == TOTAL;
#endif
  ended++
}

inline announce() { atomic { !mutex -> listed[self] = true; sleeping++ } }

proctype worker(byte self) {
  byte w, n, victim;
  bool found, self_searching, last, first, seen;
  do
  :: take();
     if
     :: !found -> search()
     :: else
     fi;
#ifdef MUTANT_STILL_SEARCHING
     if
     :: self_searching && found -> end_search()
     :: else
     fi;
#else
     if
     :: self_searching -> end_search()
     :: else
     fi;
#endif
     if
     :: found -> slice()
     :: else ->
#ifdef MUTANT_ANNOUNCE_AFTER_LOOK
        look();
        announce();
#elif defined(MUTANT_NO_SECOND_LOOK)
        announce();
#else
        announce();
        look();
#endif
        if
        :: seen
        :: else ->
end:       d_step { token[self] -> token[self] = false }
        fi;
        atomic {                                                   /* leave */
          !mutex ->
          if
          :: listed[self] -> listed[self] = false; sleeping--
          :: else -> self_searching = true
          fi
        }
#ifndef MUTANT_NO_SEARCH_AFTER_LOOK
        if
        :: seen && !self_searching -> searching++; self_searching = true
        :: else
        fi;
#endif
        seen = false
     fi
  od
}

proctype injector() {
  byte w, n;
  bool alone;
  do
  :: n == JOBS / INJECTORS -> break
  :: else -> n++; inject()
  od
}

active proctype at_the_end() {
  timeout ->
  assert(queue == 0 && !lone && injected == 0 && begun == TOTAL && ended == TOTAL);
  assert(searching == 0 && sleeping == WORKERS && !mutex)
}

init {
  byte i;
  atomic {
    for (i : 0 .. WORKERS - 1) { run worker(i) }
    for (i : 1 .. INJECTORS) { run injector() }
  }
}
