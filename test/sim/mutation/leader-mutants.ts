/** C1 to C5 and C9, each removed. */
import type { Mutant } from './mutants.ts';

const BARRIER = 'controller/core/cluster/barrier.ts';
const SESSION = 'controller/core/servers/session.ts';
const LEASE = 'controller/core/runs/lease.ts';
const ATTEMPT = 'controller/core/runs/attempt.ts';
const LOAD = 'controller/core/load.ts';
const TIMERS = 'controller/core/records/timers.ts';

export const leaderMutants: readonly Mutant[] = [
  {
    id: 'C1-grant',
    what: 'a heartbeat is granted without a check of the term',
    caughtBy: [1, 2],
    patches: [
      {
        file: 'controller/core/servers/from-agent.ts',
        find: 'turn.barrier.cover({ session, sequence: said.sequence, receivedMono: turn.now.mono });',
        instead: 'grant(turn, session, said.sequence, turn.now.mono);',
      },
      {
        file: 'controller/core/servers/from-agent.ts',
        find: "import { closeSession } from './session.ts';",
        instead: "import { closeSession, grant } from './session.ts';",
      },
    ],
  },
  {
    id: 'C1-earlier',
    what: 'a heartbeat is covered by a check that was begun before it came',
    caughtBy: [11, 14],
    patches: [
      {
        file: BARRIER,
        find: 'this.#checkConfirmed = Math.max(this.#checkConfirmed, check);',
        instead:
          'this.#checkConfirmed = Math.max(this.#checkConfirmed, check);\n    this.#covers.set(check, [...(this.#covers.get(check) ?? []), ...this.#uncovered]);\n    this.#uncovered = [];',
      },
    ],
  },
  {
    id: 'C1-any',
    what: 'nothing waits for a check of the term but grants',
    caughtBy: [3, 4],
    patches: [{ file: BARRIER, find: 'return needCheck <= this.#checkConfirmed;', instead: 'return needCheck > 0;' }],
  },
  {
    id: 'C2-stopping',
    what: 'grants are not noted for an attempt from the decision to stop it on, not from the hand-over of the stop',
    caughtBy: [1358, 1609],
    caughtIn: ['stop-held-by-the-store.txt'],
    patches: [
      {
        file: ATTEMPT,
        find: '  live.stopSentIn = session.id;',
        instead: '  live.stopSentIn = session.id;\n  freezeLastGrant(turn.state, attempt);',
      },
    ],
  },
  {
    id: 'C2-noted',
    what: 'grants are not noted at all: the wait counts from the start',
    caughtBy: [1, 5],
    patches: [
      {
        file: LEASE,
        find: 'return session === undefined ? live.lastGrantMono : Math.max(live.lastGrantMono, session.lastGrantMono);',
        instead: 'return session === undefined ? live.lastGrantMono : live.lastGrantMono;',
      },
    ],
  },
  {
    id: 'C3-wait',
    what: 'W is F·L: the time to stop and to kill is left out',
    caughtBy: [1, 2],
    patches: [
      {
        file: TIMERS,
        find: 'return Math.max(terms.missingAfterMs, DRIFT * (terms.leaseMs + terms.stopTimeoutMs + terms.killGuardMs));',
        instead: 'return DRIFT * terms.leaseMs;',
      },
    ],
  },
  {
    id: 'C3-drift',
    what: 'clocks are taken to run alike: F is 1',
    caughtBy: [28, 29],
    patches: [{ file: TIMERS, find: 'export const DRIFT = 1.25;', instead: 'export const DRIFT = 1;' }],
  },
  {
    id: 'C3-move',
    what: 'a move starts the new attempt before the old one is proven ended',
    caughtBy: [1, 2],
    patches: [
      {
        file: 'controller/core/runs/moves.ts',
        find: 'if (attempt !== undefined) stopAttempt(turn, run, attempt, cause, `it moves to ${to}`);',
        instead:
          "if (attempt !== undefined) stopAttempt(turn, run, attempt, cause, 'it moves');\n  if (attempt !== undefined && attempt.state !== 'ENDED') endAttempt(turn, run, attempt, { cause: 'STOPPED', exitCode: undefined, signal: '', proof: 'REPORT', detail: '' });",
      },
      {
        file: 'controller/core/runs/moves.ts',
        find: "import { currentAttempt, stopAttempt } from './attempt.ts';",
        instead: "import { currentAttempt, endAttempt, stopAttempt } from './attempt.ts';",
      },
    ],
  },
  {
    id: 'C3-taken',
    what: 'what a Hello leaves out is taken as ended at once, not when the agent has taken the session',
    caughtBy: [268, 535],
    patches: [
      {
        file: 'controller/core/servers/hello.ts',
        find: 'session.absent = takeInventory(turn, session, facts.inventory, undefined);',
        instead: 'endAbsent(turn, session, takeInventory(turn, session, facts.inventory, undefined));',
      },
      {
        file: 'controller/core/servers/hello.ts',
        find: "import { judgeInventory, takeInventory } from './inventory.ts';",
        instead: "import { endAbsent, judgeInventory, takeInventory } from './inventory.ts';",
      },
    ],
  },
  {
    id: 'C4-commit',
    what: 'a start leaves before its commit is durable',
    caughtBy: [1, 2],
    patches: [
      {
        file: SESSION,
        find: 'while (session.starts[0] !== undefined && ready(turn, session.starts[0]) && hasRoom(session)) {',
        instead:
          'while (session.starts[0] !== undefined && turn.barrier.isChecked(session.starts[0].needCheck - 1) && hasRoom(session)) {',
      },
    ],
  },
  {
    id: 'C4-guard',
    what: 'the store takes commits of a leader whose term is over',
    caughtBy: [15, 26],
    patches: [
      {
        file: 'controller/store/batch.ts',
        find: 'if (batch.term !== head.term || !leading) {',
        instead: 'if (batch.term < 0) {',
      },
      {
        file: 'controller/store/batch.ts',
        find: 'if (batch.number !== head.number + 1) {',
        instead: 'if (batch.number < 0) {',
      },
    ],
  },
  {
    id: 'C5-wait',
    what: 'a new leader does not wait from its election for what it did not hear of',
    caughtBy: [3, 15],
    patches: [
      {
        file: LOAD,
        find: '        lastGrantMono: now.mono,',
        instead: '        lastGrantMono: Number.NEGATIVE_INFINITY,',
      },
    ],
  },
  {
    id: 'C5-load',
    what: 'a new leader has loaded the store before its election',
    caughtBy: [26, 44],
    patches: [
      {
        file: 'test/sim/controller.ts',
        find: 'this.later(ms, () => this.#world.store.campaign(this.#candidate));',
        instead:
          'this.later(ms, () => {\n      this.path.loaded = this.#world.store.load();\n      this.#world.store.campaign(this.#candidate);\n    });',
      },
      {
        file: 'test/sim/store-client.ts',
        find: '() => cluster.load(),',
        instead: '() => this.#options.path.loaded,',
      },
    ],
  },
  {
    id: 'C9-wait',
    what: 'after a restore the first leader starts at once',
    caughtBy: [139],
    patches: [
      {
        file: LOAD,
        find: 'if (elected.firstOfIncarnation && elected.incarnation > 1)',
        instead: 'if (elected.incarnation < 0)',
      },
    ],
  },
  {
    id: 'C9-hold',
    what: 'after a restore HOLD policies do not wait for the servers that may run them',
    caughtBy: [868, 1054],
    patches: [
      {
        file: 'controller/core/runs/earlier-life.ts',
        find: "if (onDisconnect !== 'HOLD') return undefined;",
        instead: "if (onDisconnect !== 'NONE') return undefined;",
      },
    ],
  },
  {
    id: 'I10-audit',
    what: 'a change has no entry in the audit',
    caughtBy: [1, 2],
    patches: [
      {
        file: 'controller/core/calls/call.ts',
        find: 'if (turn.journal.written > written && !OWN_NOTES.has(request.kind)) auditChange(turn, call, resource);',
        instead: '',
      },
    ],
  },
  {
    id: 'I10-audit-head',
    what: 'a new leader does not know where the chain of the audit stands',
    caughtBy: [3, 7],
    patches: [
      {
        file: 'controller/core/indexes/audit-chain-log.ts',
        find: 'this.#head = record !== undefined && record.head.number >= last.number ? record.head : last;',
        instead: '',
      },
    ],
  },
];
