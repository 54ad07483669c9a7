/*
 * The lease and fencing protocol of docs/semantics.md, section 6, for one run, two servers and two leaders: small enough to be
 * searched to the end. README.md beside this file says how to run it, what was found, and which code each step stands for.
 *
 * Time is discrete. A leader's clock counts every tick; a server's clock may leave out one tick in SLOW, which is the drift that
 * the factor F pays for. No absolute time is kept, only the rest of each span and the age of each stamp, so runs of any length
 * are covered. Anything may take any time: a message, a commit, a step of any process. Every step below is indivisible.
 *
 * -DWITHOUT_<rule> takes one rule away; each of them then has a counterexample. -DONLY_I1, -DONLY_I2, -DONLY_I3: checks that one.
 */

/* ------------------------------------------------------------------------------------------------------- size of the instance */

#ifndef L
#define L 2                    /* lease, in ticks of a server */
#endif
#ifndef GK
#define GK 2                   /* G + K: from SIGTERM until the process tree is empty */
#endif
#ifndef SLOW
#define SLOW 5                 /* a server's clock leaves out at most one tick in so many: F = SLOW / (SLOW - 1) */
#endif
#ifndef EPOCHS
#define EPOCHS 2               /* attempts that can be made */
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
#define OPENING 1              /* the Hello was read, the Welcome waits for a check of the term */
#define OPEN 2
#define GONE 3

#define NONE 255

typedef Stream {
  byte term;                   /* of the controller at the other end; 0: the stream is free */
  byte agent;
  byte lead;
  byte listed;                 /* epoch in the Hello's inventory; once read: epoch that the Welcome keeps */
  byte stamp;                  /* age, by the server's clock, of the Hello or heartbeat that was read and not covered; or NONE */
  byte since;                  /* ticks since it was read */
  byte covered;                /* age of the newest covered heartbeat; L: worth nothing any more */
  bit absent;                  /* the Hello did not list the leader's attempt */
};
Stream stream[4];              /* 0 and 1 belong to server 0, 2 and 3 to server 1: a session, and one that is tried or lingers */

#define BEAT 1                 /* up: age of its stamp */
#define STATE 2                /* up: highest epoch answered, epoch held: a report, a command's result, or a full state */
#define WELCOME 1              /* down: epoch that is kept */
#define GRANT 2
#define START 3                /* down: epoch */
#define STOP 4                 /* down: epoch */
chan up[4] = [1] of { byte, byte, byte };        /* kind, and what is said above */
chan down[4] = [2] of { byte, byte, byte, bit }; /* kind, epoch, age of its stamp, ghost: decided by the newest leader */

typedef Server {               /* agent and keeper */
  byte tree;                   /* epoch that was accepted and has not ended; 0: none */
  bit alive;                   /* its processes exist */
  byte left;                   /* ticks of its clock until D */
  byte dying;                  /* from D on: ticks until the tree is empty for certain */
  byte answered;               /* highest epoch of which a start or stop was answered */
  byte highestTerm;
  bit barred;                  /* a Hello has left on another stream: this session starts nothing */
  byte credit;                 /* ticks that the clock must count before it may leave one out */
#ifdef WITHOUT_A3_SPENT
  byte accepted;               /* highest epoch that was accepted */
#endif
};
Server server[2];

byte newest = 0;               /* ghost: highest epoch that ever ran */

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
#define OTHER (st ^ 1)
#define HERE server[st / 2]
#define BOSS leader[stream[st].term - 1]
#define LED (stream[st].term != 0 && leader[stream[st].term - 1].state == LEADS)
#define IS_NEWEST (stream[st].term == term)
#define MAY_LIVE_HERE (BOSS.attempt == HANDED && BOSS.server == st / 2)

hidden byte k, a, b, g, i, n;  /* scratch of one step, no part of the state */

/* ----------------------------------------------------------------------------------------------------------- ends of a stream */

inline free(x) {
  stream[x].term = 0; stream[x].agent = CLOSED; stream[x].lead = UNREAD; stream[x].listed = 0;
  stream[x].stamp = NONE; stream[x].since = 0; stream[x].covered = L; stream[x].absent = 0
}

inline close_at_agent(x) {     /* what the agent has not read is lost; what it has sent may still arrive */
  do :: len(down[x]) > 0 -> down[x]?k, a, b, g :: else -> break od;
  stream[x].agent = CLOSED;
  if :: stream[x].lead == GONE -> free(x) :: else fi
}

inline close_at_leader(x, l) { /* nothing extends the attempt through it any more; a start that waits for it is never sent */
  do :: len(up[x]) > 0 -> up[x]?k, a, b :: else -> break od;
  if :: leader[l].stop == 2 && leader[l].server == x / 2 && stream[x].lead == OPEN -> leader[l].stop = 1 :: else fi;
  if :: leader[l].covers == x + 1 -> leader[l].covers = 0 :: else fi;
  if :: leader[l].session == x + 1 -> leader[l].session = 0 :: else fi;
  stream[x].lead = GONE; stream[x].listed = 0; stream[x].stamp = NONE; stream[x].since = 0; stream[x].covered = L; stream[x].absent = 0;
  if :: stream[x].agent == CLOSED -> free(x) :: else fi
}

inline end_leader(l) {         /* all its streams end with it */
  i = 0;
  do
  :: i < 4 -> if :: stream[i].term == l + 1 && stream[i].lead != GONE -> close_at_leader(i, l) :: else fi; i++
  :: else -> break
  od;
  leader[l].state = OVER; leader[l].attempt = 0; leader[l].epoch = 0; leader[l].server = 0; leader[l].wait = 0;
  leader[l].session = 0; leader[l].covers = 0; leader[l].stop = 0
}

/* ----------------------------------------------------------------------------------------------------------------- the agent */

inline extend(x, old) {        /* A2: D = max(D, a_n + L), and only while D is not past */
#ifndef WITHOUT_A2
  if :: server[x].left < L - old -> server[x].left = L - old :: else fi
#else
  server[x].left = L           /* the lease counts from the receive of the grant */
#endif
}

inline begin_stop(x) {         /* A5: from here on nothing undoes it; what was not spawned never is */
  server[x].left = 0;
  if :: server[x].alive -> server[x].dying = GK :: else -> server[x].tree = 0 fi
}

#ifndef WITHOUT_A3_SPENT
#define SPENT HERE.answered
#else
#define SPENT HERE.accepted
#endif
#ifndef WITHOUT_A3_BOUND
#define IN_TIME (b < L)
#else
#define IN_TIME 1
#endif
#ifndef WITHOUT_A3_SESSION
#define MAY_TAKE (IN_TIME && a > SPENT && HERE.tree == 0 && !HERE.barred)
#else
#define MAY_TAKE (IN_TIME && a > SPENT && HERE.tree == 0)
#endif

inline answer(e) { if :: HERE.answered < e -> HERE.answered = e :: else fi }

inline dial(to) {              /* A10: keeping the session, which starts nothing once the inventory has left (section 7b) */
  AT.term = to; AT.agent = CANDIDATE; AT.listed = HERE.tree; AT.stamp = 0;
  if :: stream[OTHER].agent == SESSION -> HERE.barred = 1 :: else fi
}
#define MAY_DIAL (AT.term == 0 && (st % 2 == 0 || stream[OTHER].term != 0) && stream[OTHER].agent != CANDIDATE)

proctype Agent(byte st) {      /* one for each stream: its agent's end */
  do
  :: d_step { MAY_DIAL && leader[0].state != OVER -> dial(1) }
  :: d_step { MAY_DIAL -> dial(2) }

  /* It breaks, is given up, or the agent crashes. The keeper goes on (A7, A9). */
  :: d_step { AT.agent != CLOSED -> if :: AT.agent == SESSION -> HERE.barred = 0 :: else fi; close_at_agent(st) }

  /* A1: a heartbeat is stamped as it leaves. */
  :: d_step { AT.agent == SESSION && AT.lead != GONE && empty(up[st]) -> up[st]!BEAT, 0, 0 }
  :: d_step { AT.agent == SESSION && AT.lead != GONE && empty(up[st]) && HERE.answered > 0 -> up[st]!STATE, HERE.answered, HERE.tree }

  /* The Welcome is the grant of the Hello. The older stream is dropped; what the Welcome does not keep is stopped. */
  :: d_step { AT.agent == CANDIDATE && nempty(down[st]) ->
       down[st]?k, a, b, g;
       if
       :: AT.term < HERE.highestTerm -> close_at_agent(st)
       :: else ->
            CHECK_I3(g);
            HERE.highestTerm = AT.term; HERE.barred = 0; AT.agent = SESSION;
            if
            :: HERE.left > 0 && HERE.tree == a && b < L -> extend(st / 2, b)
            :: HERE.left > 0 && HERE.tree != a -> begin_stop(st / 2)
            :: else
            fi;
            if :: stream[OTHER].agent == SESSION -> close_at_agent(OTHER) :: else fi
       fi }

  :: d_step { AT.agent == SESSION && down[st]?[GRANT, _, _, _] ->
       down[st]?k, a, b, g;
       CHECK_I3(g);
       if :: HERE.left > 0 && b < L -> extend(st / 2, b) :: else fi }

  :: d_step { AT.agent == SESSION && down[st]?[STOP, _, _, _] ->
       down[st]?k, a, b, g;
       CHECK_I3(g);
       answer(a);
       if :: HERE.left > 0 && HERE.tree == a -> begin_stop(st / 2) :: else fi }

  /* A3: the start is taken if it may be, and handed to the keeper. */
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] ->
       down[st]?k, a, b, g;
       if
       :: MAY_TAKE ->
            CHECK_I3(g);
            HERE.tree = a;
#ifndef WITHOUT_A3_BOUND
            HERE.left = L - b;
#else
            HERE.left = L;
#endif
#ifdef WITHOUT_A3_SPENT
            HERE.accepted = a;
#endif
       :: else
       fi;
       answer(a) }
  /* It is refused for a reason of the moment, such as no free slot; and it may arrive a second time. */
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] -> down[st]?k, a, b, g; answer(a) }
  :: d_step { AT.agent == SESSION && down[st]?[START, _, _, _] -> down[st]?<k, a, b, g>; answer(a) }
  od
}

/* ---------------------------------------------------------------------------------------------------------------- the keeper */

proctype Keeper(byte s) {
  do
  /* A4, A9: the clock is read just before the spawn. Without that check, what was accepted in time is spawned at any time. */
  :: d_step { server[s].tree != 0 && !server[s].alive ->
       server[s].alive = 1;
       CHECK_I1(!server[1 - s].alive);
       CHECK_I2(server[s].tree > newest);
       newest = server[s].tree }
  /* The program ends; or the keeper crashes, and the agent or the next keeper kills the tree. */
  :: d_step { server[s].tree != 0 -> server[s].tree = 0; server[s].alive = 0; server[s].left = 0; server[s].dying = 0 }
  od
}

/* A5, A9: the keeper acts at D by itself; at D + G + K the tree is empty. */
inline age_tree(s) {
  if
  :: server[s].left > 1 -> server[s].left--
  :: server[s].left == 1 ->
#ifndef WITHOUT_A4
       begin_stop(s)
#else
       server[s].left = 0; server[s].dying = GK
#endif
  :: server[s].left == 0 && server[s].dying > 1 -> server[s].dying--
  :: server[s].left == 0 && server[s].dying == 1 -> server[s].dying = 0; server[s].tree = 0; server[s].alive = 0
  :: else
  fi
}

/* --------------------------------------------------------------------------------------------------------------- the leaders */

/* A stream at the leader's end. What is said to a closed end is lost. */
inline say(what, about, old, newestLed) { if :: AT.agent != CLOSED -> down[st]!what, about, old, newestLed :: else fi }

/* C1: nothing is said before the store has confirmed the term. Without it, the leader believes itself. */
#ifndef WITHOUT_C1
#define CONFIRMED IS_NEWEST
#else
#define CONFIRMED 1
#endif

inline attempt_ended() { BOSS.attempt = NO_ATTEMPT; BOSS.wait = 0; BOSS.session = 0; BOSS.covers = 0; BOSS.stop = 0 }

inline note_grant() { if :: BOSS.wait < W - AT.since -> BOSS.wait = W - AT.since :: else fi } /* C2: lastGrant = c_n */

/* Whatever is said on a session shows that the agent took it, so older ones start nothing any more: now its Hello is a proof. */
inline session_is_taken() {
  if :: AT.absent && MAY_LIVE_HERE -> attempt_ended() :: else fi;
  AT.absent = 0
}

proctype LeaderEnd(byte st) {
  do
  /* It breaks. */
  :: d_step { AT.term != 0 && AT.lead != GONE && (AT.lead != UNREAD || AT.agent == CLOSED) -> n = AT.term - 1; close_at_leader(st, n) }

  /* The Hello ends an older session of the server. */
  :: d_step { LED && AT.lead == UNREAD ->
       n = AT.term - 1;
       if :: stream[OTHER].term == AT.term && (stream[OTHER].lead == OPENING || stream[OTHER].lead == OPEN) -> close_at_leader(OTHER, n) :: else fi;
       AT.lead = OPENING;
       if
       :: MAY_LIVE_HERE && AT.listed != BOSS.epoch ->
            AT.listed = 0;
#ifndef WITHOUT_C3_TAKEN
            AT.absent = 1
#else
            attempt_ended()
#endif
       :: MAY_LIVE_HERE && AT.listed == BOSS.epoch && BOSS.stop == 0
       :: else -> AT.listed = 0
       fi }

  :: d_step { LED && AT.lead == OPENING ->
       if
       :: CONFIRMED ->
            AT.lead = OPEN; AT.covered = AT.stamp;
            if :: AT.listed != 0 && MAY_LIVE_HERE && AT.listed == BOSS.epoch -> BOSS.covers = st + 1; note_grant() :: else fi;
            say(WELCOME, AT.listed, AT.stamp, IS_NEWEST);
            AT.listed = 0; AT.stamp = NONE; AT.since = 0
       :: else -> n = AT.term - 1; end_leader(n)
       fi }

  :: d_step { LED && AT.lead == OPEN && AT.stamp == NONE && up[st]?[BEAT, _, _] ->
       up[st]?k, a, b;
       session_is_taken();
       AT.stamp = a }

  /* C1, C2: the heartbeat is covered by a check begun after its receive, and granted. */
  :: d_step { LED && AT.lead == OPEN && AT.stamp != NONE && nfull(down[st]) ->
       if
       :: CONFIRMED ->
            AT.covered = AT.stamp;
#ifndef WITHOUT_C2
            if :: BOSS.covers == st + 1 -> note_grant() :: else fi;
#else
            if :: BOSS.covers == st + 1 && BOSS.stop == 0 -> note_grant() :: else fi;
#endif
            say(GRANT, 0, AT.stamp, IS_NEWEST);
            AT.stamp = NONE; AT.since = 0
       :: else -> n = AT.term - 1; end_leader(n)
       fi }

  /* C3 (a), 7b: a report, an answer or a full state; it proves nothing about a start of this session that the agent has not seen. */
  :: d_step { LED && AT.lead == OPEN && up[st]?[STATE, _, _] ->
       up[st]?k, a, b;
       session_is_taken();
       if
#ifndef WITHOUT_C3_GENERATION
       :: MAY_LIVE_HERE && b != BOSS.epoch && (BOSS.session != st + 1 || a >= BOSS.epoch) -> attempt_ended()
#else
       :: MAY_LIVE_HERE && b != BOSS.epoch -> attempt_ended()
#endif
       :: else
       fi }

  /* C3, C4: a new attempt, on any server with an open session, once every earlier one is proven ended. */
  :: d_step { LED && AT.lead == OPEN && BOSS.attempt == NO_ATTEMPT && BOSS.epoch < EPOCHS ->
       i = 0;
       do :: i < 4 -> if :: stream[i].term == AT.term -> stream[i].absent = 0 :: else fi; i++ :: else -> break od;
       BOSS.attempt = DECIDED; BOSS.epoch++; BOSS.server = st / 2; BOSS.session = st + 1 }

#ifndef WITHOUT_C4_FIRST
#define MAY_HAND (BOSS.attempt == COMMITTED)
#else
#define MAY_HAND (BOSS.attempt == COMMITTED || BOSS.attempt == DECIDED)
#endif
  /* C1, C2: the start is bound to the newest covered heartbeat, and counts as a grant. */
  :: d_step { LED && MAY_HAND && BOSS.session == st + 1 && AT.lead == OPEN && nfull(down[st]) ->
       BOSS.attempt = HANDED; BOSS.covers = st + 1; BOSS.wait = W;
       say(START, BOSS.epoch, AT.covered, 1) }

  /* C4: a move begins with the stop. */
  :: d_step { LED && BOSS.attempt == HANDED && BOSS.stop == 1 && AT.lead == OPEN && MAY_LIVE_HERE && nfull(down[st]) ->
       if
       :: CONFIRMED ->
            BOSS.stop = 2; BOSS.covers = 0;
            say(STOP, BOSS.epoch, 0, IS_NEWEST);
#ifdef WITHOUT_C4_STOP
            attempt_ended()
#endif
       :: else -> n = AT.term - 1; end_leader(n)
       fi }
  od
}

inline load(l) {
  leader[l].epoch = storeEpoch; leader[l].server = storeServer;
  if :: storeEnded -> leader[l].attempt = NO_ATTEMPT :: else -> leader[l].attempt = HANDED fi
}

inline take_office(l) {        /* C5: what the store does not know ended may have been granted up to now */
#ifndef WITHOUT_C5_WAIT
  if :: leader[l].attempt == HANDED -> leader[l].wait = W :: else fi
#else
  skip
#endif
}

proctype Lead(byte l) {
  do
#ifdef WITHOUT_C5_LOAD
  :: d_step { l == 1 && leader[l].state == FOLLOWS -> leader[l].state = LOADED; load(l) }
  :: d_step { leader[l].state == LOADED -> leader[l].state = LEADS; term = l + 1; take_office(l) }
#else
  /* C5: elected; then the store is loaded, then the clock is read. Nothing is said in between, so it is one step. */
  :: d_step { l == 1 && leader[l].state == FOLLOWS -> leader[l].state = LEADS; term = l + 1; load(l); take_office(l) }
#endif

  /* C4: a commit compares the term and the previous epoch. */
  :: d_step { leader[l].state == LEADS && leader[l].attempt == DECIDED ->
       if
#ifndef WITHOUT_C4_CAS
       :: term == l + 1 && storeEpoch == leader[l].epoch - 1 ->
#else
       :: true ->
#endif
            CHECK_I3(term == l + 1);
            storeEpoch = leader[l].epoch; storeServer = leader[l].server; storeEnded = 0;
            leader[l].attempt = COMMITTED
#ifndef WITHOUT_C4_CAS
       :: else -> end_leader(l)
#endif
       fi }
  /* The session of a start that was not handed over has closed. */
  :: d_step { leader[l].state == LEADS && leader[l].attempt == COMMITTED && leader[l].session == 0 -> leader[l].attempt = NO_ATTEMPT }

  /* C3 (b): the takeover wait. */
  :: d_step { leader[l].state == LEADS && leader[l].attempt == HANDED && leader[l].wait == 0 ->
       leader[l].attempt = NO_ATTEMPT; leader[l].session = 0; leader[l].covers = 0; leader[l].stop = 0 }

  /* The end is written, if the term allows. */
  :: d_step { leader[l].state == LEADS && leader[l].attempt == NO_ATTEMPT && storeEpoch == leader[l].epoch && !storeEnded ->
       if :: term == l + 1 -> storeEnded = 1 :: else -> end_leader(l) fi }

  /* Somebody wants the run elsewhere. */
  :: d_step { leader[l].state == LEADS && leader[l].attempt == HANDED && leader[l].stop == 0 -> leader[l].stop = 1 }

  /* It crashes. The last leader stays: without one nothing more is decided. */
  :: d_step { l == 0 && leader[l].state == LEADS -> end_leader(l) }
  od
}

/* ---------------------------------------------------------------------------------------------------------------------- time */

inline age_messages(x) {
  n = len(up[x]);
  do :: n > 0 -> up[x]?k, a, b; if :: k == BEAT && a < L -> a++ :: else fi; up[x]!k, a, b; n-- :: else -> break od;
  n = len(down[x]);
  do :: n > 0 -> down[x]?k, a, b, g; if :: k != STOP && b < L -> b++ :: else fi; down[x]!k, a, b, g; n-- :: else -> break od;
  if :: stream[x].stamp < L -> stream[x].stamp++ :: else fi;
  if :: stream[x].covered < L -> stream[x].covered++ :: else fi
}

inline tick_server(s, slow) {
  if
  :: slow -> server[s].credit = SLOW - 1
  :: else ->
       if :: server[s].credit > 0 -> server[s].credit-- :: else fi;
       age_tree(s); age_messages(2 * s); age_messages(2 * s + 1)
  fi
}

inline tick_leaders() {
  i = 0;
  do
  :: i < 4 -> if :: stream[i].lead != UNREAD && stream[i].stamp != NONE && stream[i].since < W -> stream[i].since++ :: else fi; i++
  :: else -> break
  od;
  if :: leader[0].wait > 0 -> leader[0].wait-- :: else fi;
  if :: leader[1].wait > 0 -> leader[1].wait-- :: else fi
}

proctype Clock() {
  do
  :: d_step { tick_leaders(); tick_server(0, 0); tick_server(1, 0) }
  :: d_step { server[0].credit == 0 -> tick_leaders(); tick_server(0, 1); tick_server(1, 0) }
  :: d_step { server[1].credit == 0 -> tick_leaders(); tick_server(0, 0); tick_server(1, 1) }
  :: d_step { server[0].credit == 0 && server[1].credit == 0 -> tick_leaders(); tick_server(0, 1); tick_server(1, 1) }
#ifdef WITHOUT_A9
  /* Only the agent watches D, and it is hung: what is past D lives on. */
  :: d_step { server[0].alive && server[0].left == 0 -> tick_leaders(); tick_server(1, 0) }
#endif
  od
}

init {
  atomic {
    leader[0].state = LEADS;
    i = 0;
    do :: i < 4 -> free(i); i++ :: else -> break od;
    run Clock(); run Keeper(0); run Keeper(1); run Lead(0); run Lead(1);
    run Agent(0); run Agent(1); run Agent(2); run Agent(3);
    run LeaderEnd(0); run LeaderEnd(1); run LeaderEnd(2); run LeaderEnd(3)
  }
}
