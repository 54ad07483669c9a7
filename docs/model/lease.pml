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
 * Anything may take any time: a Hello, what a leader says, a commit, a step of any process. Only heartbeats and reports arrive at once:
 * one that travels longer says the same of an earlier time, and the leader's wait then begins later. Every step is indivisible.
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
#ifndef ROOM
#define ROOM 1                 /* messages that may be under way to the agent on one stream */
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
  bit here;                    /* the start belongs to the session that is open now, not to an earlier one */
  bit covered;                 /* grants of the session that is open now extend the attempt */
  byte stop;                   /* 0: not wanted, 1: decided, 2: handed over */
};
Leader leader[2];              /* leader 0 has term 1, leader 1 has term 2 */

#define SESSION 0              /* streams of the host */
#define CANDIDATE 1            /* a Hello was sent on it, and the Welcome was not yet read */

#define UNREAD 0               /* the leader's end: the Hello is under way */
#define OPEN 1                 /* a session, of which each leader has at most one */
#define GONE 2                 /* closed; the agent may still read what was said before */

typedef Stream {
  byte term;                   /* of the controller at the other end; 0: there is no such stream */
  byte lead;
  byte listed;                 /* UNREAD: epoch in the Hello's inventory; 0: none */
  byte age;                    /* by the host's clock, of the Hello (UNREAD) or of the newest covered heartbeat; L: worth nothing */
  bit absent;                  /* OPEN: the Hello did not list the leader's attempt */
};
Stream stream[2];

#define WELCOME 1              /* epoch that is kept */
#define GRANT 2
#define START 3                /* epoch */
#define STOP 4                 /* epoch */
chan down[2] = [ROOM] of { byte, byte, byte, bit }; /* kind, epoch, age of its stamp, ghost: decided by the newest leader */

byte staleTerm = 0;            /* a Hello whose stream the agent has given up, still under way to this leader; 0: none */
#ifdef WITHOUT_C3_TAKEN
byte staleListed = 0;
#endif

byte tree = 0;                 /* the host: epoch that was accepted and has not ended; 0: none */
bit alive = 0;                 /* its processes exist */
byte left = 0;                 /* ticks of its clock until D */
byte dying = 0;                /* from D on: ticks until the tree is empty for certain */
byte answered = 0;             /* highest epoch of which a start or stop was answered */
bit barred = 0;                /* a Hello has left on another stream: the session starts nothing */
byte credit = 0;               /* ticks that the clock must count before it may leave one out */
#ifdef WITHOUT_A3_SPENT
byte accepted = 0;             /* highest epoch that was accepted */
#endif

byte there = 0;                /* the standby: epoch that lives there; 0: none */
bit standbyTerm = 0;           /* leader whose session it is in */

byte newest = 0;               /* ghost: highest epoch that ever ran */

hidden byte k, a, b, g, n;     /* scratch of one step, no part of the state */

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

/* Every earlier attempt is proven ended. That is committed too, if the term allows; a commit that comes later only makes others wait. */
inline prove_end(l) {
  leader[l].attempt = NO_ATTEMPT; leader[l].wait = 0; leader[l].here = 0; leader[l].covered = 0; leader[l].stop = 0;
  if :: stream[0].term == l + 1 -> stream[0].absent = 0 :: else fi;
  if :: stream[1].term == l + 1 -> stream[1].absent = 0 :: else fi;
  if :: term == l + 1 && storeEpoch == leader[l].epoch -> storeEnded = 1 :: else fi
}

/* ------------------------------------------------------------------------------------------------------------------- streams */

inline free(x) { stream[x].term = 0; stream[x].lead = UNREAD; stream[x].listed = 0; stream[x].age = L; stream[x].absent = 0 }

inline close_at_leader(x) {    /* nothing extends the attempt through it any more, and a start that waits for it is never sent */
  n = stream[x].term - 1;
  if :: leader[n].state == LEADS && stream[x].lead == OPEN && leader[n].server == HOST ->
       leader[n].covered = 0;
       if :: leader[n].stop == 2 -> leader[n].stop = 1 :: else fi;
       if :: leader[n].attempt == COMMITTED -> prove_end(n) :: else -> leader[n].here = 0 fi
     :: else
  fi;
  stream[x].lead = GONE; stream[x].listed = 0; stream[x].age = L; stream[x].absent = 0
}

inline close_stream(x) {       /* both ends. Had the leader's end lived on, it would have spoken to nobody. */
  if :: stream[x].term != 0 ->
       close_at_leader(x);
       do :: len(down[x]) > 0 -> down[x]?k, a, b, g :: else -> break od;
       free(x)
     :: else
  fi
}

inline end_leader(l) {         /* all its streams end with it */
  printf("controller %d: is over\n", l + 1);
  if :: stream[0].term == l + 1 -> stream[0].lead = GONE; stream[0].listed = 0; stream[0].age = L; stream[0].absent = 0 :: else fi;
  if :: stream[1].term == l + 1 -> stream[1].lead = GONE; stream[1].listed = 0; stream[1].age = L; stream[1].absent = 0 :: else fi;
  if :: staleTerm == l + 1 -> staleTerm = 0 :: else fi;
  leader[l].state = OVER; leader[l].attempt = 0; leader[l].epoch = 0; leader[l].server = 0; leader[l].wait = 0;
  leader[l].here = 0; leader[l].covered = 0; leader[l].stop = 0
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

inline dial(to) {              /* A10: the session goes on, but starts nothing once the inventory has left (section 7b) */
  stream[CANDIDATE].term = to; stream[CANDIDATE].listed = tree; stream[CANDIDATE].age = 0;
  if :: stream[SESSION].term != 0 -> barred = 1 :: else fi
}

proctype Agent() {
  do
  :: d_step { stream[CANDIDATE].term == 0 && leader[0].state != OVER -> printf("agent: Hello to controller 1, it lists %d\n", tree); dial(1) }
  :: d_step { stream[CANDIDATE].term == 0 -> printf("agent: Hello to controller 2, it lists %d\n", tree); dial(2) }

  /* It breaks or is given up, and with it what is under way; a Hello may still arrive. */
  :: d_step { stream[CANDIDATE].term != 0 -> printf("network: the new stream breaks\n"); close_stream(CANDIDATE) }
  :: d_step { stream[CANDIDATE].term != 0 && stream[CANDIDATE].lead == UNREAD && staleTerm == 0 ->
       printf("agent: gives the new stream up, the Hello is still under way\n");
       staleTerm = stream[CANDIDATE].term;
#ifdef WITHOUT_C3_TAKEN
       staleListed = stream[CANDIDATE].listed;
#endif
       free(CANDIDATE) }
  /* It breaks, or the agent crashes. The keeper goes on (A7, A9). */
  :: d_step { stream[SESSION].term != 0 -> printf("network: the session breaks\n"); barred = 0; close_stream(SESSION) }

  /* The Welcome is the grant of the Hello. The older session is dropped; what the Welcome does not keep is stopped. */
  :: d_step { nempty(down[CANDIDATE]) ->
       down[CANDIDATE]?k, a, b, g;
       printf("agent: takes the Welcome of controller %d, which keeps %d\n", stream[CANDIDATE].term, a);
       CHECK_I3(g);
       if
       :: left > 0 && tree == a && b < L -> extend(b)
       :: left > 0 && tree != a -> begin_stop()
       :: else
       fi;
       close_stream(SESSION); barred = 0;
       do :: len(down[CANDIDATE]) > 0 -> down[CANDIDATE]?k, a, b, g; down[SESSION]!k, a, b, g :: else -> break od;
       stream[SESSION].term = stream[CANDIDATE].term; stream[SESSION].lead = stream[CANDIDATE].lead;
       stream[SESSION].age = stream[CANDIDATE].age; stream[SESSION].absent = stream[CANDIDATE].absent;
       free(CANDIDATE) }

  :: d_step { down[SESSION]?[GRANT, _, _, _] ->
       down[SESSION]?k, a, b, g;
       printf("agent: a grant of controller %d\n", stream[SESSION].term);
       CHECK_I3(g);
       if :: left > 0 && b < L -> extend(b) :: else fi }

  :: d_step { down[SESSION]?[STOP, _, _, _] ->
       down[SESSION]?k, a, b, g;
       printf("agent: is told to stop epoch %d\n", a);
       CHECK_I3(g);
       answer(a);
       if :: left > 0 && tree == a -> begin_stop() :: else fi }

  /* A3: the start is taken if it may be, and handed to the keeper. */
  :: d_step { down[SESSION]?[START, _, _, _] ->
       down[SESSION]?k, a, b, g;
       if
       :: MAY_TAKE ->
            printf("agent: takes the start of epoch %d\n", a);
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
       :: else -> printf("agent: refuses the start of epoch %d\n", a)
       fi;
       answer(a) }
  /* It is refused for a reason of the moment, such as no free slot; and it may arrive a second time. */
  :: d_step { down[SESSION]?[START, _, _, _] -> down[SESSION]?k, a, b, g; printf("agent: has no room for epoch %d\n", a); answer(a) }
  :: d_step { down[SESSION]?[START, _, _, _] -> down[SESSION]?<k, a, b, g>; printf("agent: has no room for epoch %d, and will be told again\n", a); answer(a) }
  od
}

/* ------------------------------------------------------------------------------------------------------------ the host: keeper */

inline run_tree(e, other) { CHECK_I1(!(other)); CHECK_I2(e > newest); newest = e }

proctype Keeper() {
  do
  /* A4, A9: spawned only while D is not past: what was accepted and is past D is no tree any more, see `age_tree`. */
  :: d_step { tree != 0 && !alive -> printf("keeper: epoch %d runs\n", tree); alive = 1; run_tree(tree, there != 0) }
  /* The program ends; or the keeper crashes, and the agent or the next keeper kills the tree. */
  :: d_step { tree != 0 -> printf("keeper: epoch %d ends by itself\n", tree); tree = 0; alive = 0; left = 0; dying = 0 }
  /* The same on the standby. */
  :: d_step { there != 0 -> printf("standby: epoch %d ends by itself\n", there); there = 0 }
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
       left = 0;               /* only a timer that has fired is believed, and the one of the spawn is late */
       if :: alive -> dying = GK :: else fi
#endif
  :: left == 0 && dying > 1 -> dying--
  :: left == 0 && dying == 1 -> dying = 0; tree = 0; alive = 0
  :: else
  fi
}

/* --------------------------------------------------------------------------------------------------------------- the leaders */

#define MY leader[l]
#define MAY_LIVE_HERE (MY.attempt == HANDED && MY.server == HOST)
#define IS_NEWEST (term == l + 1)
#define OPENED(x) (MY.state == LEADS && stream[x].term == l + 1 && stream[x].lead == OPEN)

#ifndef WITHOUT_C1             /* C1: nothing is said before the store has confirmed the term */
#define CONFIRMED IS_NEWEST
#else
#define CONFIRMED 1
#endif

#ifndef WITHOUT_C4_FIRST       /* C4: the assignment is durable before the start leaves */
#define MAY_HAND (MY.attempt == COMMITTED)
#else
#define MAY_HAND (MY.attempt == COMMITTED || MY.attempt == DECIDED)
#endif

/*
 * Receive, check and answer are one step, here and below: a check that comes later can only refuse more, and an answer that leaves later
 * is one that travels longer.
 */
inline read_hello(x) {         /* the Hello ends an older session of the host, and is answered */
  if
  :: CONFIRMED ->
       if :: stream[1 - x].term == l + 1 && stream[1 - x].lead == OPEN -> close_at_leader(1 - x) :: else fi;
       stream[x].lead = OPEN; a = 0;
       if
       :: MAY_LIVE_HERE && stream[x].listed != MY.epoch -> absent_in_hello(x)
       :: MAY_LIVE_HERE && stream[x].listed == MY.epoch && MY.stop == 0 -> a = MY.epoch; MY.covered = 1; MY.wait = W
       :: else
       fi;
       stream[x].listed = 0;
       down[x]!WELCOME, a, stream[x].age, IS_NEWEST
  :: else -> end_leader(l)
  fi
}

/* C3 (a): that the Hello does not list the attempt is a proof once its session is taken: older ones start nothing any more then. */
inline absent_in_hello(x) {
#ifndef WITHOUT_C3_TAKEN
  stream[x].absent = 1
#else
  prove_end(l)
#endif
}

inline session_is_taken() {    /* whatever the agent says after its Hello shows it */
  if :: stream[SESSION].absent && MAY_LIVE_HERE -> prove_end(l) :: else fi;
  stream[SESSION].absent = 0
}

inline load() {
  MY.epoch = storeEpoch; MY.server = storeServer;
  if :: storeEnded -> MY.attempt = NO_ATTEMPT :: else -> MY.attempt = HANDED fi
}

inline take_office() {         /* C5: what is not known to have ended may have been granted up to now */
  MY.state = LEADS; term = l + 1;
#ifndef WITHOUT_C5_WAIT
  if :: MAY_LIVE_HERE -> MY.wait = W :: else fi
#endif
}

proctype Lead(bit l) {
  do
#ifdef WITHOUT_C5_LOAD
  :: d_step { l == 1 && MY.state == FOLLOWS -> printf("controller 2: reads the store\n"); MY.state = LOADED; load() }
  :: d_step { MY.state == LOADED -> printf("controller 2: is elected\n"); take_office() }
#else
  /* C5: elected; then the store is loaded, then the clock is read. Nothing is said in between, so it is one step. */
  :: d_step { l == 1 && MY.state == FOLLOWS -> printf("controller 2: is elected\n"); load(); take_office() }
#endif

  :: d_step { MY.state == LEADS && stream[CANDIDATE].term == l + 1 && stream[CANDIDATE].lead == UNREAD ->
       printf("controller %d: reads a Hello that lists %d\n", l + 1, stream[CANDIDATE].listed); read_hello(CANDIDATE) }

  /* A Hello that is late: its stream is closed at the other end, so nothing else ever comes of it. */
  :: d_step { MY.state == LEADS && staleTerm == l + 1 ->
       printf("controller %d: reads a late Hello\n", l + 1);
       if
       :: CONFIRMED ->
            if :: stream[0].term == l + 1 && stream[0].lead == OPEN -> close_at_leader(0) :: else fi;
            if :: stream[1].term == l + 1 && stream[1].lead == OPEN -> close_at_leader(1) :: else fi;
#ifdef WITHOUT_C3_TAKEN
            if :: MAY_LIVE_HERE && staleListed != MY.epoch -> prove_end(l) :: else fi;
#endif
            staleTerm = 0
       :: else -> end_leader(l)
       fi }

  /* A1, C1, C2: a heartbeat is granted once a check begun after its receive has covered it; lastGrant = c_n. */
  :: d_step { OPENED(SESSION) && nfull(down[SESSION]) ->
       printf("controller %d: receives a heartbeat\n", l + 1);
       if
       :: CONFIRMED ->
            session_is_taken();
            stream[SESSION].age = 0;
#ifndef WITHOUT_C2
            if :: MY.covered -> MY.wait = W :: else fi;
#else
            if :: MY.covered && MY.stop == 0 -> MY.wait = W :: else fi;
#endif
            down[SESSION]!GRANT, 0, 0, IS_NEWEST
       :: else -> end_leader(l)
       fi }

  /* C3 (a), 7b: a report, an answer or a full state. It proves nothing about a start of this session that the agent has not yet seen. */
  :: d_step { OPENED(SESSION) && MAY_LIVE_HERE && tree != MY.epoch ->
       printf("controller %d: hears that %d is held and %d answered\n", l + 1, tree, answered);
       session_is_taken();
       if
#ifndef WITHOUT_C3_GENERATION
       :: MAY_LIVE_HERE && (!MY.here || answered >= MY.epoch) -> prove_end(l)
#else
       :: MAY_LIVE_HERE -> prove_end(l)
#endif
       :: else
       fi }

  /* C3: a new attempt on the host, which has an open session, once every earlier one is proven ended. */
  :: d_step { (OPENED(SESSION) || OPENED(CANDIDATE)) && MY.attempt == NO_ATTEMPT && MY.epoch < EPOCHS ->
       MY.attempt = DECIDED; MY.epoch++; MY.server = HOST; MY.here = 1;
       printf("controller %d: gives epoch %d to the host\n", l + 1, MY.epoch) }

  /* C4: a commit compares the term. */
  :: d_step { MY.state == LEADS && MY.attempt == DECIDED ->
       printf("controller %d: commits epoch %d\n", l + 1, MY.epoch);
       if
#ifndef WITHOUT_C4_CAS
       :: IS_NEWEST ->
#else
       :: true ->
#endif
            CHECK_I3(IS_NEWEST);
            storeEpoch = MY.epoch; storeServer = MY.server; storeEnded = 0;
            if
            :: MY.server == HOST && !MY.here -> prove_end(l) /* its session has closed meanwhile: its start is never sent */
            :: else -> MY.attempt = COMMITTED
            fi
#ifndef WITHOUT_C4_CAS
       :: else -> end_leader(l)
#endif
       fi }

  /* C1, C2: the start is bound to the newest covered heartbeat, and counts as a grant. */
  :: d_step { OPENED(SESSION) && MAY_HAND && MY.here && nfull(down[SESSION]) ->
       printf("controller %d: sends the start of epoch %d to the host\n", l + 1, MY.epoch);
       MY.attempt = HANDED; MY.covered = 1; MY.wait = W;
       down[SESSION]!START, MY.epoch, stream[SESSION].age, 1 }
  :: d_step { OPENED(CANDIDATE) && MAY_HAND && MY.here && nfull(down[CANDIDATE]) ->
       printf("controller %d: sends the start of epoch %d to the host\n", l + 1, MY.epoch);
       MY.attempt = HANDED; MY.covered = 1; MY.wait = W;
       down[CANDIDATE]!START, MY.epoch, stream[CANDIDATE].age, 1 }

  /* C3 (b): the takeover wait. */
  :: d_step { MY.state == LEADS && MAY_LIVE_HERE && MY.wait == 0 ->
       printf("controller %d: has waited W\n", l + 1); prove_end(l) }

  /* C4: a move. It begins with the stop. */
  :: d_step { MY.state == LEADS && MAY_LIVE_HERE && MY.stop == 0 -> printf("controller %d: wants to move the run\n", l + 1); MY.stop = 1 }
  :: d_step { OPENED(SESSION) && MAY_LIVE_HERE && MY.stop == 1 && nfull(down[SESSION]) ->
       printf("controller %d: sends the stop of epoch %d\n", l + 1, MY.epoch);
       if
       :: CONFIRMED ->
            MY.stop = 2; MY.covered = 0;
            down[SESSION]!STOP, MY.epoch, 0, IS_NEWEST;
#ifdef WITHOUT_C4_STOP
            prove_end(l)
#endif
       :: else -> end_leader(l)
       fi }

  /* The standby: it can always be given the run, and what is so there is known at once. */
  :: d_step { MY.state == LEADS && MY.attempt == NO_ATTEMPT && MY.epoch < EPOCHS ->
       MY.attempt = DECIDED; MY.epoch++; MY.server = STANDBY;
       printf("controller %d: gives epoch %d to the standby\n", l + 1, MY.epoch) }
  :: d_step { MY.state == LEADS && MAY_HAND && MY.server == STANDBY && standbyTerm <= l ->
       MY.attempt = HANDED; standbyTerm = l; there = MY.epoch;
       printf("standby: epoch %d runs\n", there); run_tree(there, alive) }
  :: d_step { MY.state == LEADS && MY.attempt == HANDED && MY.server == STANDBY && there != MY.epoch && standbyTerm <= l ->
       standbyTerm = l; prove_end(l) }

  /* It crashes. The last leader stays: without one nothing more is decided. */
  :: d_step { l == 0 && MY.state == LEADS -> end_leader(l) }
  od
}

/* ---------------------------------------------------------------------------------------------------------------------- time */

inline age_stream(x) {
  n = len(down[x]);
  do :: n > 0 -> down[x]?k, a, b, g; if :: k != STOP && b < L -> b++ :: else fi; down[x]!k, a, b, g; n-- :: else -> break od;
  if :: stream[x].age < L -> stream[x].age++ :: else fi
}

inline tick_host() {
  age_stream(SESSION); age_stream(CANDIDATE); age_tree();
  if :: credit > 0 -> credit-- :: else fi
}

inline tick_leaders() {
  if :: leader[0].wait > 0 -> leader[0].wait-- :: else fi;
  if :: leader[1].wait > 0 -> leader[1].wait-- :: else fi
}

proctype Clock() {
  do
  :: d_step { printf("tick\n"); tick_leaders(); tick_host() }
  /* The host's clock leaves this one out, and counts the next SLOW - 1. */
  :: d_step { credit == 0 -> printf("tick, which the host's clock leaves out\n"); tick_leaders(); credit = SLOW - 1 }
#ifdef WITHOUT_A9
  /* Only the agent watches D, and it is hung: what is past D lives on. */
  :: d_step { alive && left == 0 -> printf("tick, the agent is hung\n"); tick_leaders() }
#endif
  od
}

init {
  atomic {
    leader[0].state = LEADS;
    free(SESSION); free(CANDIDATE);
    run Clock(); run Agent(); run Keeper(); run Lead(0); run Lead(1)
  }
}
