/*
 * The inbox of an actor (actors/detail/inbox.hpp, M1 to M4) and the cell that reads it (actors/cell.hpp, cell.cpp).
 *
 *   push()             inbox::push: clear the link, exchange `head_`, store the predecessor's link
 *   take()             inbox_reader::take, wait_for_link and pass
 *   leave()            inbox_reader::try_idle and try_close
 *   drain()            cell::drain: by the reader that closes, and by whoever pushes after it
 *   worker             cell::run, on two threads: a slice, going idle, the budget's end, being scheduled again
 *
 * A link has the number of its envelope; 0 is the reader's own (`own_`). Envelopes are few and used again, so that one
 * given back too early meets its next user. Message (p, n) is the n-th of pusher p; the last of pusher 0 closes.
 *
 * Holds: one scheduling at a time, one reader at a time (M2); each message comes out once, handled or refused, in the
 * order of its pusher; a link is never written in an envelope given back (M3); in the end nothing is left.
 *
 * check: PUSHERS=2 MESSAGES=2 ENVELOPES=3
 * check: PUSHERS=3 MESSAGES=1 ENVELOPES=3
 * mutant IDLE_BY_STORE: the idle mark is stored, not exchanged if nothing has come
 * mutant LINK_BEFORE_EXCHANGE: the predecessor is linked before the exchange decides who follows it
 * mutant LOOK_BEFORE_EXCHANGE: the mark is looked for before the exchange, not in what it returns
 * mutant TAIL_AFTER_IDLE: the reader moves `tail_` after it has marked itself idle
 * mutant FREE_AT_ONCE: an envelope is given back when it is taken, not when the next one is
 */
#define idle 1
#define closed 2
#define marks 3
#define address(l) ((l) << 2)
#define link_of(h) ((h) >> 2)

byte head;                   /* M1 */
byte tail;                   /* M3 */
byte next[ENVELOPES + 1];
bool live[ENVELOPES + 1];    /* not given back */
byte sender[ENVELOPES + 1];
byte number[ENVELOPES + 1];

bool reading = true;         /* somebody is the reader: M2 says until the mark */
byte scheduled = 1;          /* slices asked for */
bool gone;                   /* the reader has closed */
byte out[PUSHERS];           /* messages of each pusher that have come out */
byte ended;

inline give_back(l) { assert(live[l]); live[l] = false }

/* The next message as `e`, or 0. */
inline take() {
  e = next[tail];
  if
  :: e != 0
  :: e == 0 ->
     if
     :: head == address(tail)
     :: else -> atomic { next[tail] != 0 -> e = next[tail] }
     fi
  fi;
  if
  :: e == 0
  :: e != 0 ->
     d_step {
#ifdef MUTANT_FREE_AT_ONCE
       give_back(e);
#else
       if :: tail != 0 -> give_back(tail) :: else fi;
#endif
       tail = e;
       assert(number[e] == out[sender[e]]);
       out[sender[e]]++
     }
  fi
}

/* Ends the reading with `mark` in the head if nothing has come; `left` says whether. */
inline leave(mark) {
  last = tail;
  if :: last != 0 -> next[0] = 0 :: else fi;
#ifndef MUTANT_TAIL_AFTER_IDLE
  tail = 0;
#endif
  if
#ifdef MUTANT_IDLE_BY_STORE
  :: atomic { head = address(0) | mark; reading = false; left = true }
#else
  :: atomic { head == address(last) -> head = address(0) | mark; reading = false; left = true }
  :: else -> tail = last; left = false
#endif
  fi;
#ifdef MUTANT_TAIL_AFTER_IDLE
  if :: left -> tail = 0 :: else fi;
#endif
#ifndef MUTANT_FREE_AT_ONCE
  if :: left && last != 0 -> give_back(last) :: else fi
#endif
}

inline drain() {
  left = false;
  do
  :: !left ->
     do
     :: take(); if :: e == 0 -> break :: else fi
     od;
     leave(closed)
  :: left -> break
  od
}

active [2] proctype worker() {
  byte e, last;
  bool left, closing;
end:
  do
  :: atomic { scheduled != 0 -> scheduled--; left = false; assert(!gone) }
     do
     :: left -> break
     :: !left ->
        take();
        if
        :: e == 0 -> leave(idle)
        :: e != 0 ->
           closing = sender[e] == 0 && number[e] == MESSAGES - 1;
           if
           :: closing -> gone = true; drain()
           :: !closing                                            /* on with the slice */
           :: !closing -> d_step { scheduled++; left = true }     /* its end: behind the others */
           fi
        fi
     od
  od
}

proctype pusher(byte self) {
  byte n, e, last, mine, before;
  bool left;
  do
  :: n == MESSAGES -> break
  :: n < MESSAGES ->
     atomic {
       if
       :: !live[1] -> mine = 1
       :: live[1] && !live[2] -> mine = 2
       :: live[1] && live[2] && !live[3] -> mine = 3
       fi;
       live[mine] = true; sender[mine] = self; number[mine] = n
     }
     next[mine] = 0;
#if defined(MUTANT_LINK_BEFORE_EXCHANGE)
     before = head;
     next[link_of(before)] = mine;
     d_step { before = head; head = address(mine) }
#elif defined(MUTANT_LOOK_BEFORE_EXCHANGE)
     before = head & marks;
     d_step { before = before | (head & ~marks); head = address(mine) }
     next[link_of(before)] = mine;
#else
     d_step { before = head; head = address(mine) }
     d_step {
       assert(link_of(before) == 0 || live[link_of(before)]);
       next[link_of(before)] = mine
     }
#endif
     if
     :: (before & marks) == 0
     :: before & idle -> d_step { assert(!reading && scheduled == 0); reading = true; scheduled++ }
     :: before & closed -> d_step { assert(!reading && gone); reading = true } drain()
     fi;
     n++
  od;
  ended++
}

active proctype at_the_end() {
  byte p;
  timeout ->
  assert(ended == PUSHERS && !reading && scheduled == 0);
  for (p : 0 .. PUSHERS - 1) { assert(out[p] == MESSAGES) }
  for (p : 1 .. ENVELOPES) { assert(!live[p]) }
}

init {
  byte p;
  atomic { for (p : 0 .. PUSHERS - 1) { run pusher(p) } }
}
