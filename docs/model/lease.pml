/*
 * The lease and fencing protocol of docs/semantics.md, section 6, for one run, two servers and two leaders: small enough to be
 * searched to the end. README.md beside this file says how to run it, what was found, and which code each step stands for.
 *
 * One server, called the host, is modelled in full: its agent, its keeper, its clock, its streams. The other, the standby, is ideal:
 * it obeys whoever leads, at once. Nothing there delays a takeover, so it is the hardest test of what may still live on the host; and
 * as any attempt but the newest is proven ended, what holds for this host holds for each.
 *
 * Time is discrete. A leader's clock counts every tick; the host's clock may leave out one tick in SLOW, the drift that the factor F
 * pays for. No absolute time is kept, only the rest of each span and the age of each stamp, so runs of any length are covered.
 * Anything may take any time: a message, a commit, a step of any process. Every step below is indivisible.
 *
 * -DWITHOUT_<rule> takes one rule away; then there is a counterexample. -DONLY_I1, -DONLY_I2 and -DONLY_I3 check that one alone.
 */

/* ------------------------------------------------------------------------------------------------------- size of the instance */

#ifndef L
#define L 2                    /* lease, in ticks of the host */
#endif
#ifndef GK
#define GK 2                   /* G + K: from SIGTERM until the process tree is empty */
#endif
#ifndef SLOW
#define SLOW 5                 /* the host's clock leaves out at most one tick in so many: F = SLOW / (SLOW - 1) = 1.25 */
#endif
#ifndef EPOCHS
#define EPOCHS 2               /* attempts that can be made */
#endif
#ifndef STREAMS
#define STREAMS 2              /* streams of the host at once: a session, and others that are tried or linger */
#endif
#ifndef ROOM
#define ROOM 2                 /* messages that may be under way to the agent on one stream */
#endif

#define TIMES_F(span) ((span) + ((span) + SLOW - 2) / (SLOW - 1))
#if defined(WITHOUT_F)
#define W (L + GK)
#elif defined(WITHOUT_GK)
#define W TIMES_F(L)
#else
#define W TIMES_F(L + GK)      /* the takeover wait */
#endif

/* ------------------------------------------------------------------------------------------------------------------ the state */

#define HOST 0                 /* servers */
#define STANDBY 1

byte term = 1;                 /* the store: newest leadership, newest attempt, its server, and whether its end is written */
byte storeEpoch = 0;
bit storeServer = 0;
bit storeEnded = 1;

#define FOLLOWS 0              /* a leader: not elected yet */
#define LOADED 1               /* only WITHOUT_C5_LOAD: has read the store and is not elected yet */
#define LEADS 2                /* believes that it leads */
#define OVER 3                 /* crashed, or learnt that it is deposed */

#define NO_ATTEMPT 0           /* the run: every attempt is proven ended */
#define DECIDED 1              /* a new one is decided, its commit is under way */
#define COMMITTED 2            /* it is durable, its start waits to be handed over */
#define HANDED 3               /* it may live */

typedef Leader {
  byte state;
  byte attempt;
  byte epoch;                  /* newest epoch that it knows */
  bit server;
  byte wait;                   /* ticks until now - lastGrant >= W */
  byte session;                /* stream + 1 whose session the start belongs to; 0: an earlier one */
  byte covers;                 /* stream + 1 whose grants extend the attempt; 0: none */
  byte stop;                   /* 0: not wanted, 1: decided, 2: handed over */
};
Leader leader[2];              /* leader 0 has term 1, leader 1 has term 2 */

#define CLOSED 0               /* the agent's end of a stream */
#define CANDIDATE 1            /* it said Hello and waits for the Welcome */
#define SESSION 2

#define UNREAD 0               /* the leader's end: the Hello is under way */
#define OPEN 1
#define GONE 2

typedef Stream {
  byte term;                   /* of the controller at the other end; 0: the stream is free */
  byte agent;
  byte lead;
  byte listed;                 /* UNREAD: epoch in the Hello's inventory; 0: none */
  byte age;                    /* by the host's clock, of the Hello (UNREAD) or of the newest covered heartbeat (OPEN); L: worth nothing */
  bit absent;                  /* the Hello did not list the leader's attempt */
};
Stream stream[STREAMS];

#define BEAT 1                 /* up: age of its stamp */
#define STATE 2                /* up: highest epoch answered, epoch held: a report, a command's result, or a full state */
#define WELCOME 1              /* down: epoch that is kept */
#define GRANT 2
#define START 3                /* down: epoch */
#define STOP 4                 /* down: epoch */
chan up[STREAMS] = [1] of { byte, byte, byte };           /* kind, and what is said above */
chan down[STREAMS] = [ROOM] of { byte, byte, byte, bit }; /* kind, epoch, age of its stamp, ghost: decided by the newest leader */

byte tree = 0;                 /* the host: epoch that was accepted and has not ended; 0: none */
bit alive = 0;                 /* its processes exist */
byte left = 0;                 /* ticks of its clock until D */
byte dying = 0;                /* from D on: ticks until the tree is empty for certain */
byte answered = 0;             /* highest epoch of which a start or stop was answered */
byte highestTerm = 0;
bit barred = 0;                /* a Hello has left on another stream: the session starts nothing */
byte credit = 0;               /* ticks that the clock must count before it may leave one out */
#ifdef WITHOUT_A3_SPENT
byte accepted = 0;             /* highest epoch that was accepted */
#endif

byte there = 0;                /* the standby: epoch that lives there; 0: none */
bit standbyTerm = 0;           /* leader whose session it is in */

byte newest = 0;               /* ghost: highest epoch that ever ran */

hidden byte k, a, b, g, i, n;  /* scratch of one step, no part of the state */

bit I1, I2, I3;
#if defined(ONLY_I2) || defined(ONLY_I3)
#define CHECK_I1(x) skip
#else
#define CHECK_I1(x) I1 = (x); assert(I1); I1 = 0
#endif
#if defined(ONLY_I1) || defined(ONLY_I3)
#define CHECK_I2(x) skip
#else
#define CHECK_I2(x) I2 = (x); assert(I2); I2 = 0
#endif
#if defined(ONLY_I1) || defined(ONLY_I2)
#define CHECK_I3(x) skip
#else
#define CHECK_I3(x) I3 = (x); assert(I3); I3 = 0
#endif

#define AT stream[st]
#define BOSS leader[AT.term - 1]
#define LED (AT.term != 0 && BOSS.state == LEADS)
#define IS_NEWEST (AT.term == term)
#define MAY_LIVE_HERE (BOSS.attempt == HANDED && BOSS.server == HOST)

/* Every earlier attempt is proven ended. That is committed too, if the term allows; a commit that comes later only makes others wait. */
inline prove_end(l) {
  leader[l].attempt = NO_ATTEMPT; leader[l].wait = 0; leader[l].session = 0; leader[l].covers = 0; leader[l].stop = 0;
  if :: term == l + 1 && storeEpoch == leader[l].epoch -> storeEnded = 1 :: else fi
}

/* ----------------------------------------------------------------------------------------------------------- ends of a stream */

inline free(x) {
  stream[x].term = 0; stream[x].agent = CLOSED; stream[x].lead = UNREAD; stream[x].listed = 0; stream[x].age = L; stream[x].absent = 0
}

inline close_at_agent(x) {     /* what the agent has not read is lost; what it has sent may still arrive */
  do :: len(down[x]) > 0 -> down[x]?k, a, b, g :: else -> break od;
  stream[x].agent = CLOSED;
  if :: stream[x].lead == GONE -> free(x) :: else fi
}

inline close_session() {       /* the agent has at most one */
  n = 0;
  do :: n < STREAMS -> if :: stream[n].agent == SESSION -> close_at_agent(n) :: else fi; n++ :: else -> break od;
  barred = 0
}

inline close_at_leader(x, l) { /* nothing extends the attempt through it any more; a start that waits for it is never sent */
  do :: len(up[x]) > 0 -> up[x]?k, a, b :: else -> break od;
  if :: leader[l].stop == 2 && leader[l].server == HOST && stream[x].lead == OPEN -> leader[l].stop = 1 :: else fi;
  if :: leader[l].covers == x + 1 -> leader[l].covers = 0 :: else fi;
  if :: leader[l].session == x + 1 -> leader[l].session = 0 :: else fi;
  stream[x].lead = GONE; stream[x].listed = 0; stream[x].age = L; stream[x].absent = 0;
  if :: stream[x].agent == CLOSED -> free(x) :: else fi
}

inline end_leader(l) {         /* all its streams end with it */
  i = 0;
  do
  :: i < STREAMS -> if :: stream[i].term == l + 1 && stream[i].lead != GONE -> close_at_leader(i, l) :: else fi; i++
  :: else -> break
  od;
  leader[l].state = OVER; leader[l].attempt = 0; leader[l].epoch = 0; leader[l].server = 0; leader[l].wait = 0;
  leader[l].session = 0; leader[l].covers = 0; leader[l].stop = 0
}

/* ------------------------------------------------------------------------------------------------------------- the host: agent */

inline extend(old) {           /* A2: D = max(D, a_n + L) */
#ifndef WITHOUT_A2
  if :: left < L - old -> left = L - old :: else fi
#else
  left = L                     /* the lease counts from the receive of the grant */
#endif
}

inline begin_stop() {          /* A5: from here on nothing undoes it; what was not spawned never is */
  left = 0;
  if :: alive -> dying = GK :: else -> tree = 0 fi
}

inline answer(e) { if :: answered < e -> answered = e :: else fi }

#ifndef WITHOUT_A3_SPENT
#define SPENT answered
#else
#define SPENT accepted
#endif
#ifndef WITHOUT_A3_BOUND
#define IN_TIME (b < L)
#else
#define IN_TIME 1
#endif
#ifndef WITHOUT_A3_SESSION
#define MAY_TAKE (IN_TIME && a > SPENT && tree == 0 && !barred)
#else
#define MAY_TAKE (IN_TIME && a > SPENT && tree == 0)
#endif

inline dial(to) {              /* A10: keeping the session, which starts nothing once the inventory has left (section 7b) */
  AT.term = to; AT.agent = CANDIDATE; AT.listed = tree; AT.age = 0;
  n = 0; barred = 0;
  do :: n < STREAMS -> if :: stream[n].agent == SESSION -> barred = 1 :: else fi; n++ :: else -> break od
}

#if STREAMS == 2
#define IS_FIRST_FREE (AT.term == 0 && (st == 0 || stream[0].term != 0))
#define NO_CANDIDATE (stream[0].agent != CANDIDATE && stream[1].agent != CANDIDATE)
#else
#define IS_FIRST_FREE (AT.term == 0 && (st == 0 || stream[0].term != 0) && (st < 2 || stream[1].term != 0))
#define NO_CANDIDATE (stream[0].agent != CANDIDATE && stream[1].agent != CANDIDATE && stream[2].agent != CANDIDATE)
#endif

proctype Agent(byte st) {      /* one for each stream: its agent's end */
  do
  :: d_step { IS_FIRST_FREE && NO_CANDIDATE && leader[0].state != OVER -> dial(1); skip }
  :: d_step { IS_FIRST_FREE && NO_CANDIDATE -> dial(2); skip }

  /* It breaks, is given up, or the agent crashes. The keeper goes on (A7, A9). */
  :: d_step { AT.agent != CLOSED -> if :: AT.agent == SESSION -> barred = 0 :: else fi; close_at_agent(st) }

  /* A1: a heartbeat is stamped as it leaves. */
  :: d_step { AT.agent == SESSION && AT.lead != GONE && empty(up[st]) -> up[st]!BEAT, 0, 0 }
  /* What has no news is not sent: it would change nothing. */
  :: d_step { AT.agent == SESSION && AT.lead != GONE && empty(up[st]) && tree != answered -> up[st]!STATE, answered, tree }

  /* The Welcome is the grant of the Hello. The older session is dropped; what the Welcome does not keep is stopped. */
  :: d_step { AT.agent == CANDIDATE && nempty(down[st]) ->
       down[st]?k, a, b, g;
       if
       :: AT.term < highestTerm -> close_at_agent(st)
       :: else ->
            CHECK_I3(g);
            if
            :: left > 0 && tree == a && b < L -> extend(b)
            :: left > 0 && tree != a -> begin_stop()
            :: else
            fi;
            close_session();
            highestTerm = AT.term; AT.agent = SESSION
       fi }

  :: d_step { AT.agent == SESSION && down[st]?[GRANT, _, _, _] ->
       down[st]?k, a, b, g;
       CHECK_I3(g);
       if :: left > 0 && b < L -> extend(b) :: else fi }

  :: d_step { AT.agent == SESSION && down[st]?[STOP, _, _, _] ->
       down[st]?k, a, b, g;
       CHECK_I3(g);
       answer(a);
       if :: left > 0 && tree == a -> begin_stop() :: else fi }

  /* A3: the start is taken if it may be, and handed to the keeper. */
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] ->
       down[st]?k, a, b, g;
       if
       :: MAY_TAKE ->
            CHECK_I3(g);
            tree = a;
#ifndef WITHOUT_A3_BOUND
            left = L - b;
#else
            left = L;
#endif
#ifdef WITHOUT_A3_SPENT
            accepted = a;
#endif
       :: else
       fi;
       answer(a) }
  /* It is refused for a reason of the moment, such as no free slot; and it may arrive a second time. */
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] -> down[st]?k, a, b, g; answer(a) }
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] -> down[st]?<k, a, b, g>; answer(a) }
  od
}

/* ------------------------------------------------------------------------------------------------------------ the host: keeper */

inline run_tree(e, other) { CHECK_I1(!(other)); CHECK_I2(e > newest); newest = e }

proctype Keeper() {
  do
  /* A4, A9: spawned only while D is not past: what was accepted and is past D is no tree any more, see `age_tree`. */
  :: d_step { tree != 0 && !alive -> alive = 1; run_tree(tree, there != 0) }
  /* The program ends; or the keeper crashes, and the agent or the next keeper kills the tree. */
  :: d_step { tree != 0 -> tree = 0; alive = 0; left = 0; dying = 0 }
  /* The same on the standby. */
  :: d_step { there != 0 -> there = 0 }
  od
}

/* A5, A9: the keeper acts at D by itself; at D + G + K the tree is empty. */
inline age_tree() {
  if
  :: left > 1 -> left--
  :: left == 1 ->
#ifndef WITHOUT_A4
       begin_stop()
#else
       left = 0; dying = GK    /* only a timer that has fired is believed, and this one is late */
#endif
  :: left == 0 && dying > 1 -> dying--
  :: left == 0 && dying == 1 -> dying = 0; tree = 0; alive = 0
  :: else
  fi
}

/* ---------------------------------------------------------------------------------------------------- the leaders: their streams */

/* What is said to a closed end is lost. */
inline say(what, about, old, newestLed) { if :: AT.agent != CLOSED -> down[st]!what, about, old, newestLed :: else fi }

#ifndef WITHOUT_C1             /* C1: nothing is said before the store has confirmed the term */
#define CONFIRMED IS_NEWEST
#else
#define CONFIRMED 1
#endif



/* Whatever is said on a session shows that the agent took it, so older ones start nothing any more: now its Hello is a proof. */
inline session_is_taken() {
  if :: AT.absent && MAY_LIVE_HERE -> prove_end(AT.term - 1) :: else fi;
  AT.absent = 0
}

inline decide(where, in) { BOSS.attempt = DECIDED; BOSS.epoch++; BOSS.server = where; BOSS.session = in }

proctype LeaderEnd(byte st) {
  do
  /* It learns that the agent's end has closed. Until then it may do nothing for as long as it likes, as if the stream were broken. */
  :: d_step { AT.term != 0 && AT.lead != GONE && AT.agent == CLOSED -> n = AT.term - 1; close_at_leader(st, n) }

  /*
   * The Hello is read, and ends an older session of the host; the term is checked; the Welcome leaves. Receive, check and answer are
   * one step, here and below: a check that comes later can only refuse more, and an answer that leaves later is one that travels longer.
   */
  :: d_step { LED && AT.lead == UNREAD ->
       n = AT.term - 1; i = 0;
       do :: i < STREAMS -> if :: stream[i].term == AT.term && stream[i].lead == OPEN -> close_at_leader(i, n) :: else fi; i++ :: else -> break od;
       if
       :: CONFIRMED ->
            AT.lead = OPEN;
            if
            :: MAY_LIVE_HERE && AT.listed != BOSS.epoch ->
                 AT.listed = 0;
#ifndef WITHOUT_C3_TAKEN
                 AT.absent = 1
#else
                 prove_end(AT.term - 1)
#endif
            :: MAY_LIVE_HERE && AT.listed == BOSS.epoch && BOSS.stop == 0 -> BOSS.covers = st + 1; BOSS.wait = W
            :: else -> AT.listed = 0
            fi;
            say(WELCOME, AT.listed, AT.age, IS_NEWEST);
            AT.listed = 0
       :: else -> end_leader(n)
       fi }

  /* C1, C2: a heartbeat is granted once a check that was begun after its receive has covered it; lastGrant = c_n. */
  :: d_step { LED && AT.lead == OPEN && nfull(down[st]) && up[st]?[BEAT, _, _] ->
       if
       :: CONFIRMED ->
            up[st]?k, a, b;
            session_is_taken();
            AT.age = a;
#ifndef WITHOUT_C2
            if :: BOSS.covers == st + 1 -> BOSS.wait = W :: else fi;
#else
            if :: BOSS.covers == st + 1 && BOSS.stop == 0 -> BOSS.wait = W :: else fi;
#endif
            say(GRANT, 0, a, IS_NEWEST)
       :: else -> n = AT.term - 1; end_leader(n)
       fi }

  /* C3 (a), 7b: a report, an answer or a full state; it proves nothing about a start of this session that the agent has not seen. */
  :: d_step { LED && AT.lead == OPEN && up[st]?[STATE, _, _] ->
       up[st]?k, a, b;
       session_is_taken();
       if
#ifndef WITHOUT_C3_GENERATION
       :: MAY_LIVE_HERE && b != BOSS.epoch && (BOSS.session != st + 1 || a >= BOSS.epoch) -> prove_end(AT.term - 1)
#else
       :: MAY_LIVE_HERE && b != BOSS.epoch -> prove_end(AT.term - 1)
#endif
       :: else
       fi }

  /* C3, C4: a new attempt on the host, which has an open session, once every earlier one is proven ended. */
  :: d_step { LED && AT.lead == OPEN && BOSS.attempt == NO_ATTEMPT && BOSS.epoch < EPOCHS -> decide(HOST, st + 1) }

#ifndef WITHOUT_C4_FIRST
#define MAY_HAND(l) (leader[l].attempt == COMMITTED)
#else
#define MAY_HAND(l) (leader[l].attempt == COMMITTED || leader[l].attempt == DECIDED)
#endif
  /* C1, C2: the start is bound to the newest covered heartbeat, and counts as a grant. */
  :: d_step { LED && MAY_HAND(AT.term - 1) && BOSS.session == st + 1 && AT.lead == OPEN && nfull(down[st]) ->
       BOSS.attempt = HANDED; BOSS.covers = st + 1; BOSS.wait = W;
       say(START, BOSS.epoch, AT.age, 1) }

  /* C4: a move begins with the stop. */
  :: d_step { LED && AT.lead == OPEN && MAY_LIVE_HERE && BOSS.stop == 1 && nfull(down[st]) ->
       if
       :: CONFIRMED ->
            BOSS.stop = 2; BOSS.covers = 0;
            say(STOP, BOSS.epoch, 0, IS_NEWEST);
#ifdef WITHOUT_C4_STOP
            prove_end(AT.term - 1)
#endif
       :: else -> n = AT.term - 1; end_leader(n)
       fi }
  od
}

/* ------------------------------------------------------------------------------------------------- the leaders: the run, the store */

inline load(l) {
  leader[l].epoch = storeEpoch; leader[l].server = storeServer;
  if :: storeEnded -> leader[l].attempt = NO_ATTEMPT :: else -> leader[l].attempt = HANDED fi
}

inline take_office(l) {        /* C5: what is not known to have ended may have been granted up to now */
#ifndef WITHOUT_C5_WAIT
  if :: leader[l].attempt == HANDED && leader[l].server == HOST -> leader[l].wait = W :: else fi
#else
  skip
#endif
}

#define MY leader[l]

proctype Lead(bit l) {
  do
#ifdef WITHOUT_C5_LOAD
  :: d_step { l == 1 && MY.state == FOLLOWS -> MY.state = LOADED; load(l) }
  :: d_step { MY.state == LOADED -> MY.state = LEADS; term = l + 1; take_office(l) }
#else
  /* C5: elected; then the store is loaded, then the clock is read. Nothing is said in between, so it is one step. */
  :: d_step { l == 1 && MY.state == FOLLOWS -> MY.state = LEADS; term = l + 1; load(l); take_office(l) }
#endif

  /* C4: a commit compares the term and the previous epoch. */
  :: d_step { MY.state == LEADS && MY.attempt == DECIDED ->
       if
#ifndef WITHOUT_C4_CAS
       :: term == l + 1 && storeEpoch == MY.epoch - 1 ->
#else
       :: true ->
#endif
            CHECK_I3(term == l + 1);
            storeEpoch = MY.epoch; storeServer = MY.server; storeEnded = 0;
            MY.attempt = COMMITTED
#ifndef WITHOUT_C4_CAS
       :: else -> end_leader(l)
#endif
       fi }
  /* The session of a start that was not handed over has closed. */
  :: d_step { MY.state == LEADS && MY.attempt == COMMITTED && MY.server == HOST && MY.session == 0 -> prove_end(l) }

  /* C3 (b): the takeover wait. */
  :: d_step { MY.state == LEADS && MY.attempt == HANDED && MY.server == HOST && MY.wait == 0 -> prove_end(l) }

  /* Somebody wants the run elsewhere. */
  :: d_step { MY.state == LEADS && MY.attempt == HANDED && MY.server == HOST && MY.stop == 0 -> MY.stop = 1 }

  /* The standby: it can always be given the run, and what is so there is known at once. */
  :: d_step { MY.state == LEADS && MY.attempt == NO_ATTEMPT && MY.epoch < EPOCHS -> MY.attempt = DECIDED; MY.epoch++; MY.server = STANDBY }
  :: d_step { MY.state == LEADS && MAY_HAND(l) && MY.server == STANDBY && standbyTerm <= l ->
       MY.attempt = HANDED; standbyTerm = l; there = MY.epoch; run_tree(there, alive) }
  :: d_step { MY.state == LEADS && MY.attempt == HANDED && MY.server == STANDBY && there != MY.epoch && standbyTerm <= l ->
       standbyTerm = l; prove_end(l) }

  /* It crashes. The last leader stays: without one nothing more is decided. */
  :: d_step { l == 0 && MY.state == LEADS -> end_leader(l) }
  od
}

/* ---------------------------------------------------------------------------------------------------------------------- time */

inline age_messages(x) {
  n = len(up[x]);
  do :: n > 0 -> up[x]?k, a, b; if :: k == BEAT && a < L -> a++ :: else fi; up[x]!k, a, b; n-- :: else -> break od;
  n = len(down[x]);
  do :: n > 0 -> down[x]?k, a, b, g; if :: k != STOP && b < L -> b++ :: else fi; down[x]!k, a, b, g; n-- :: else -> break od;
  if :: stream[x].age < L -> stream[x].age++ :: else fi
}

inline tick_host() {
  i = 0;
  do :: i < STREAMS -> age_messages(i); i++ :: else -> break od;
  age_tree()
}

inline tick_leaders() {
  if :: leader[0].wait > 0 -> leader[0].wait-- :: else fi;
  if :: leader[1].wait > 0 -> leader[1].wait-- :: else fi
}

proctype Clock() {
  do
  :: d_step { tick_leaders(); tick_host(); if :: credit > 0 -> credit-- :: else fi }
  /* The host's clock leaves this one out, and counts the next SLOW - 1. */
  :: d_step { credit == 0 -> tick_leaders(); credit = SLOW - 1 }
#ifdef WITHOUT_A9
  /* Only the agent watches D, and it is hung: what is past D lives on. */
  :: d_step { alive && left == 0 -> tick_leaders() }
#endif
  od
}

init {
  atomic {
    leader[0].state = LEADS;
    i = 0;
    do :: i < STREAMS -> free(i); run Agent(i); run LeaderEnd(i); i++ :: else -> break od;
    run Clock(); run Keeper(); run Lead(0); run Lead(1)
  }
}
