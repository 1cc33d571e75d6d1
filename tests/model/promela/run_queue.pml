/*
 * The ring of a worker (scheduler/detail/run_queue.hpp, Q1 to Q3): its owner pushes and pops, thieves take half.
 *
 *   push()          run_queue::push: read `head`, write the slot, publish `tail`
 *   overflow()      run_queue::overflow, and what worker::push does around it
 *   pop()           run_queue::pop
 *   steal()         run_queue::steal_into: room in one's own ring, split the indices, copy, join them, publish
 *
 * Each worker owns a ring. Worker 0 pushes JOBS jobs and then works like the others: take from the own ring, else from
 * the injection queue, else steal; it waits while all seem empty. EXTRA jobs stand in the ring of worker 1 from the
 * beginning. Indices wrap at 16 and start just below. One `head` word holds both halves, as in the source: the fields of
 * `head` change in one step.
 *
 * Holds: each job is taken exactly once and none is lost, whoever was at work at the same time.
 *
 * check: WORKERS=3 CAPACITY=2 JOBS=3 EXTRA=1
 * check: WORKERS=3 CAPACITY=4 JOBS=4 EXTRA=0
 * check: WORKERS=2 CAPACITY=4 JOBS=6 EXTRA=2
 * mutant PUSH_OVER_THIEF: push reckons the room from `real`, not from `steal`
 * mutant POP_JOINS: pop moves `steal` along while a thief copies
 * mutant JOIN_AT_SPLIT: the thief joins the indices where it split them, not where `real` has come to
 * mutant TWO_THIEVES: a thief splits the indices although another has done so
 * mutant NO_ROOM_CHECK: a thief copies into its own ring although another still copies out of it
 * mutant PUBLISH_FIRST: push publishes `tail` before it writes the slot
 * mutant SPLIT_BY_STORE: the indices are split by a store, not if `head` is still the same
 */
#define wrap(i) ((i) & 15)
#define FIRST 14

typedef ring {
  byte steal = FIRST;        /* Q2: these two are one word */
  byte real = FIRST;
  byte tail = FIRST;         /* Q3 */
  byte slot[CAPACITY]        /* jobs are numbered from 1 */
}
ring q[WORKERS];
bool taken[JOBS + EXTRA + 1];
byte done;
chan injection = [JOBS + EXTRA] of { byte };

#define left_in(w) (q[w].real != q[w].tail)
#if WORKERS == 2
#define work_left (nempty(injection) || left_in(0) || left_in(1))
#else
#define work_left (nempty(injection) || left_in(0) || left_in(1) || left_in(2))
#endif
#define slot_of(w, i) q[w].slot[(i) % CAPACITY]

inline run_job(j) {
  d_step { assert(j != 0 && !taken[j]); taken[j] = true; done++; j = 0 }
}

/* `ok`: whether there was room. */
inline push(j) {
  steal = q[self].steal;
#ifdef MUTANT_PUSH_OVER_THIEF
  steal = q[self].real;
#endif
  if
  :: wrap(q[self].tail - steal) >= CAPACITY -> ok = false
  :: else ->
#ifdef MUTANT_PUBLISH_FIRST
     q[self].tail = wrap(q[self].tail + 1);
     slot_of(self, q[self].tail - 1 + 16) = j;
#else
     slot_of(self, q[self].tail) = j;
     q[self].tail = wrap(q[self].tail + 1);
#endif
     ok = true
  fi
}

inline overflow() {
  d_step { steal = q[self].steal; real = q[self].real }
  if
  :: steal != real
  :: else ->
     n = wrap(q[self].tail - real) / 2;
     if
     :: atomic {
          q[self].steal == steal && q[self].real == real ->
          q[self].steal = wrap(real + n); q[self].real = wrap(real + n)
        }
        i = 0;
        do
        :: i == n -> break
        :: i < n -> injection ! slot_of(self, real + i); i++
        od
     :: else
     fi
  fi
}

/* The oldest job of the own ring as `job`, or 0. */
inline pop() {
  do
  :: d_step { steal = q[self].steal; real = q[self].real }
     if
     :: real == q[self].tail -> break
     :: else ->
        if
        :: atomic {
             q[self].steal == steal && q[self].real == real ->
#ifdef MUTANT_POP_JOINS
             q[self].steal = wrap(real + 1);
#else
             q[self].steal = (steal == real -> wrap(real + 1) : steal);
#endif
             q[self].real = wrap(real + 1)
           }
           job = slot_of(self, real);
           break
        :: else
        fi
     fi
  od
}

/* Half of the ring of `from`, one of them as `job`; 0 if there was nothing or another is at work. */
inline steal_into() {
  to = q[self].tail;
  if
#ifndef MUTANT_NO_ROOM_CHECK
  :: wrap(to - q[self].steal) > CAPACITY / 2 -> n = 0
#endif
  :: else ->
     do
     :: d_step { steal = q[from].steal; real = q[from].real }
#ifndef MUTANT_TWO_THIEVES
        if
        :: steal != real -> n = 0; break
        :: else
        fi;
#endif
        d_step {
          n = wrap(q[from].tail - real);
          if
          :: n > CAPACITY -> n = 0                                 /* `head` was old */
          :: else -> n = n - n / 2
          fi
        }
        if
        :: n == 0 -> break
        :: else
        fi;
        if
#ifdef MUTANT_SPLIT_BY_STORE
        :: atomic { q[from].steal = real; q[from].real = wrap(real + n) } break
#else
        :: atomic {
             q[from].steal == steal && q[from].real == real ->
             q[from].steal = real; q[from].real = wrap(real + n)
           }
           break
        :: else
#endif
        fi
     od
  fi;
  if
  :: n == 0
  :: else ->
     i = 0;
     do
     :: i == n -> break
     :: i < n ->
        job = slot_of(from, real + i);
        slot_of(self, to + i) = job;
        i++
     od;
#ifdef MUTANT_JOIN_AT_SPLIT
     atomic { q[from].real = wrap(real + n); q[from].steal = wrap(real + n) };
#else
     q[from].steal = q[from].real;                                 /* a loop of compare-exchanges: one step in the end */
#endif
     job = slot_of(self, to + n - 1);
     if
     :: n > 1 -> q[self].tail = wrap(to + n - 1)
     :: else
     fi
  fi;
  n = 0; i = 0; steal = 0; real = 0; to = 0
}

proctype worker(byte self) {
  byte job, next, steal, real, n, i, to, from;
  bool ok;
  if
  :: self != 0
  :: else ->
     do
     :: next == JOBS -> break
     :: next < JOBS ->
        next++;
        push(next);
        if
        :: ok
        :: !ok ->
           overflow();
           push(next);
           if :: ok :: !ok -> injection ! next fi
        fi;
        steal = 0; real = 0; n = 0; i = 0; ok = false
     :: pop(); steal = 0; real = 0;
        if :: job != 0 -> run_job(job) :: job == 0 fi
     od;
     next = 0
  fi;
end:
  do
  :: work_left ->
     pop(); steal = 0; real = 0;
     if
     :: job != 0
     :: job == 0 ->
        if
        :: injection ? job
        :: empty(injection) ->
           from = 0;
           do
           :: from == WORKERS || job != 0 -> break
           :: from == self && job == 0 -> from++
           :: from != self && from < WORKERS && job == 0 -> steal_into(); from++
           od;
           from = 0
        fi
     fi;
     if :: job != 0 -> run_job(job) :: job == 0 fi
  od
}

active proctype at_the_end() {
  timeout -> assert(done == JOBS + EXTRA)
}

init {
  byte i;
  atomic {
    do
    :: i == EXTRA -> break
    :: i < EXTRA ->
       i++;
       slot_of(1, FIRST + i - 1) = JOBS + i;
       q[1].tail = wrap(FIRST + i)
    od;
    for (i : 0 .. WORKERS - 1) { run worker(i) }
  }
}
