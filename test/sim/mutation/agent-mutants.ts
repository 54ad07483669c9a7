/** A1 to A9, each removed. */
import type { Mutant } from './mutants.ts';

const START = 'agent/core/start.ts';
const SESSION = 'agent/core/session.ts';
const STEP = 'agent/core/core.ts';
const DEADLINE = 'keeper/core/deadline.ts';

export const agentMutants: readonly Mutant[] = [
  {
    id: 'A1',
    what: 'a lease counts from the receipt of its grant, not from the send of the heartbeat',
    caughtBy: [2],
    patches: [
      {
        file: SESSION,
        find: 'if (stamp !== undefined) extendTo(turn, stamp, grantedAttempts(turn));',
        instead: 'if (stamp !== undefined) extendTo(turn, turn.now, grantedAttempts(turn));',
      },
      {
        file: SESSION,
        find: 'if (greeting.stamp !== undefined) extendTo(turn, greeting.stamp, grantedAttempts(turn));',
        instead: 'if (greeting.stamp !== undefined) extendTo(turn, turn.now, grantedAttempts(turn));',
      },
    ],
  },
  {
    id: 'A2',
    what: 'what still comes on a stream that was given up counts for the present session',
    caughtBy: [33],
    patches: [
      {
        file: STEP,
        find: 'const session = state.session?.stream === event.stream ? state.session : undefined;',
        instead:
          "const session = event.kind === 'received' && event.message.kind !== 'welcome' && state.candidate?.stream !== event.stream ? state.session : state.session?.stream === event.stream ? state.session : undefined;",
      },
    ],
  },
  {
    id: 'A3-bound',
    what: 'a start is not bound to its heartbeat: its lease counts from its receipt',
    caughtBy: [18, 23],
    patches: [
      {
        file: START,
        find: 'if (isPast(deadlineAfter(stamp, leaseMs - startMarginMs(leaseMs)), now)) {',
        instead: 'if (leaseMs < 0) {',
      },
      {
        file: START,
        find: 'const deadline = deadlineAfter(stamp, terms.leaseMs);',
        instead: 'const deadline = deadlineAfter(turn.now, terms.leaseMs);',
      },
    ],
  },
  {
    id: 'A3-spent',
    what: 'a refused start does not spend its epoch: when it comes again, it may run',
    caughtBy: [239, 443, 517],
    patches: [
      {
        file: START,
        find: 'spend(state.spent, command.run, command.epoch, refusal);',
        instead: 'if (refusal === undefined) spend(state.spent, command.run, command.epoch, refusal);',
      },
    ],
  },
  {
    id: 'A3-term',
    what: 'a stream of a lower term than one seen is obeyed, also one that was given up',
    caughtBy: [33, 180],
    patches: [
      {
        file: STEP,
        find: 'const session = state.session?.stream === event.stream ? state.session : undefined;',
        instead:
          "const session = event.kind === 'received' && event.message.kind !== 'welcome' && state.candidate?.stream !== event.stream ? state.session : state.session?.stream === event.stream ? state.session : undefined;",
      },
      { file: 'agent/core/receive.ts', find: 'if (term < state.highestTerm) {', instead: 'if (term < 0) {' },
      {
        file: 'agent/core/receive.ts',
        find: "} else if (session !== undefined && term !== session.term && received.message.kind !== 'reconnect') {",
        instead: '} else if (session !== undefined && term < 0) {',
      },
    ],
  },
  {
    id: 'A4',
    what: 'the clock is not read before an act: only a timer that fires says that it is late',
    caughtBy: [9],
    patches: [
      { file: STEP, find: '  stopLapsed(turn);', instead: "  if (event.kind === 'tick') stopLapsed(turn);" },
      {
        file: START,
        find: 'if (isPast(deadlineAfter(stamp, leaseMs - startMarginMs(leaseMs)), now)) {',
        instead: 'if (leaseMs < 0) {',
      },
      {
        file: DEADLINE,
        find: "if (isPast(deadline, now)) return { stage, order: 'abandon', wakeMs: KILL_RETRY_MS };",
        instead: '',
      },
    ],
  },
  {
    id: 'A5-stop',
    what: 'nothing is stopped at D',
    caughtBy: [2, 10],
    patches: [
      {
        file: DEADLINE,
        find: "if (!isPast(deadline, now)) return { stage, order: 'nothing', wakeMs: leftMs(deadline, now) };",
        instead: "return { stage, order: 'nothing', wakeMs: 60_000 };",
      },
      { file: STEP, find: '  stopLapsed(turn);', instead: '' },
      { file: STEP, find: 'const deadline = nextDeadline(turn);', instead: 'const deadline = undefined;' },
    ],
  },
  {
    id: 'A5-kill',
    what: 'what takes no notice of SIGTERM is not killed at D + G',
    caughtBy: [1, 2],
    patches: [
      {
        file: DEADLINE,
        find: "if (!isPast(killAt, now)) return { stage, order: 'nothing', wakeMs: leftMs(killAt, now) };\n      return firstKill(now);",
        instead: "return { stage, order: 'nothing', wakeMs: 60_000 };",
      },
    ],
  },
  {
    id: 'A6',
    what: 'time in suspend is not counted: only the monotonic clock is read',
    caughtBy: [47, 289],
    patches: [
      {
        file: 'shared/lease-clock.ts',
        find: 'return Math.max(to.mono - from.mono, to.boot - from.boot);',
        instead: 'return to.mono - from.mono;',
      },
      {
        file: 'shared/lease-clock.ts',
        find: 'return Math.min(deadline.mono - now.mono, deadline.boot - now.boot);',
        instead: 'return deadline.mono - now.mono;',
      },
    ],
  },
  {
    id: 'A7-inventory',
    what: 'an agent that starts says Hello before its keeper has told what lives',
    caughtBy: [27, 37],
    patches: [
      {
        file: 'agent/core/dial.ts',
        find: "if (state.candidate !== undefined || state.keeper.kind !== 'live') return;",
        instead: 'if (state.candidate !== undefined) return;',
      },
      {
        file: STEP,
        find: "if (candidate !== undefined && state.keeper.kind === 'live') greet(turn, candidate);",
        instead: 'if (candidate !== undefined) greet(turn, candidate);',
      },
      {
        file: SESSION,
        find: "assert(state.keeper.kind === 'live', 'a Hello needs the inventory of a live keeper');",
        instead: '',
      },
    ],
  },
  {
    id: 'A7-leftovers',
    what: 'what a dead keeper left is not killed before the next one is believed',
    caughtBy: [5, 11],
    patches: [
      {
        file: 'keeper/core/stay.ts',
        find: "if (recorded.bootId === state.bootId) killLeftover(turn, attempt, { cause: 'LOST', detail: 'its keeper died' });",
        instead:
          "if (recorded.bootId === '') killLeftover(turn, attempt, { cause: 'LOST', detail: 'its keeper died' });",
      },
      {
        file: 'agent/core/keeper.ts',
        find: 'const bound = [...state.attempts.values()].filter(isBoundByLease);',
        instead: 'const bound = [];',
      },
    ],
  },
  {
    id: 'A8',
    what: 'a step of the wall clock is no sign of a stopped clock',
    caughtBy: [270, 336],
    patches: [
      { file: 'agent/core/pause.ts', find: 'if (wallStep > WALL_STEP_MS) {', instead: 'if (wallStep > 1e15) {' },
    ],
  },
  {
    id: 'A9-keeper',
    what: 'the keeper does nothing by itself at D; only the agent does',
    caughtBy: [16, 43],
    patches: [
      {
        file: DEADLINE,
        find: "if (!isPast(deadline, now)) return { stage, order: 'nothing', wakeMs: leftMs(deadline, now) };",
        instead: "return { stage, order: 'nothing', wakeMs: 60_000 };",
      },
    ],
  },
  {
    id: 'A9-silence',
    what: 'the agent trusts a keeper that is dead or silent',
    caughtBy: [11, 13],
    patches: [
      {
        file: 'agent/core/keeper.ts',
        find: 'if (keeper.pingedAt !== undefined && now.mono - keeper.pingedAt >= KEEPER_SILENT_MS) {',
        instead: 'if (keeper.pingedAt !== undefined && now.mono - keeper.pingedAt >= 1e15) {',
      },
    ],
  },
  {
    id: 'A9-hands',
    what: 'a keeper answers pings while its hands are stuck',
    caughtBy: [13, 105],
    patches: [
      {
        file: 'keeper/core/requests.ts',
        find: "if (problem === undefined) turn.effects.push({ kind: 'pong', agent });",
        instead: "turn.effects.push({ kind: 'pong', agent });\n  if (problem === undefined) return;",
      },
    ],
  },
  {
    id: 'A7-durable',
    what: 'a program runs although what it is could not be written down',
    caughtBy: [103, 147],
    patches: [
      {
        file: 'keeper/core/start.ts',
        find: 'if (problem !== undefined) refuseStart(turn, attempt, refuseFor(problem));',
        instead: 'if (problem !== undefined && isHopeless(problem)) refuseStart(turn, attempt, refuseFor(problem));',
      },
      {
        file: 'keeper/core/start.ts',
        find: 'const [problem] = problems;',
        instead: 'const problem = problems.find(isHopeless);',
      },
      {
        file: 'keeper/core/start.ts',
        find: '/** Found before anything is made. The first reason counts. */',
        instead: 'const isHopeless = ({ detail }: HostProblem): boolean => detail.length > 1e6;',
      },
    ],
  },
  {
    id: 'A7-diskless',
    what: 'an agent that starts asks the disk before it kills what a dead keeper left',
    caughtBy: [21],
    patches: [
      {
        file: 'test/sim/site.ts',
        find: 'if (!keeper.alive && !agent.alive && !this.isRetired) host.killLeftoverCgroups();',
        instead: '',
      },
    ],
  },
];
