/**
 * Random pools with policies and runs, as a leader sees them that has just loaded them and hears the agents: for what is asked of a
 * placement, not for what follows from it.
 */
import fc from 'fast-check';
import { type ClusterState, poolLiveOf, serverLiveOf } from '../../../../controller/core/cluster/cluster.ts';
import type { Session } from '../../../../controller/core/cluster/session.ts';
import { stateOf } from '../../../../controller/core/load.ts';
import { refreshIndex } from '../../../../controller/core/placement/capacity.ts';
import { OPEN_GATE, type ServerGate } from '../../../../controller/core/records/gate-record.ts';
import { newMeta } from '../../../../controller/core/records/meta.ts';
import type { Skip } from '../../../../controller/core/records/skip.ts';
import type { Attempt, Policy, PolicySpec, Pool, Run, Server } from '../../../../controller/core/records/state.ts';
import { createScheduleReader } from '../../../../controller/engine/schedules.ts';
import { epoch, policyId, poolId, runId, type ServerId, serverId, sessionId, uid } from '../../../../shared/ids.ts';
import { DEFAULT_TIMERS } from '../../../../shared/protocol/timers.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { capability } from './pool-model.ts';

/** The cluster is as old as that. */
export const AGE = 1_000 * MINUTE;
const NOW = { mono: 0, wall: 0 };

const NAMES = 'a b c d e f g h'.split(' ').map(serverId);
/** Of another pool, and of none. */
const [ASIDE, GHOST] = [serverId('aside'), serverId('ghost')];
export const EVERYBODY: readonly ServerId[] = [...NAMES, ASIDE, GHOST];

const BASE = { version: 1, uid: uid('u1'), createWall: 0, updateWall: 0 };
const SPEC = specOf(wordsOf('continuous'));

/** A closed gate, as its agent, a refused start or its silences made it. */
const GATES = ((): readonly ServerGate[] => {
  const since = { sinceWall: 0, untilAge: AGE + MINUTE, rounds: 1 };
  const problems = [{ kind: 'NO_SPACE' as const, detail: '' }];
  return [
    { ...OPEN_GATE, problems, probation: { ...since, phase: 'REPORTED' } },
    { ...OPEN_GATE, problems, probation: { ...since, phase: 'PAUSED' } },
    { ...OPEN_GATE, problems, probation: { ...since, phase: 'TRIAL' } },
    { ...OPEN_GATE, quarantine: { ...since, phase: 'CLOSED' } },
    { ...OPEN_GATE, quarantine: { ...since, phase: 'OVER' } },
  ];
})();

function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

const record = fc.record({
  maxSlots: mostly<number | undefined>(undefined, 0, 1, 2),
  agentMaxSlots: mostly<number | undefined>(undefined, 1, 3),
  intent: mostly<Server['intent']>('ACTIVE', 'CORDONED', 'DRAINING'),
  liveness: mostly<Server['liveness']>('ALIVE', 'SUSPECT', 'MISSING', 'LEFT'),
  saturated: mostly(false, true),
  deleting: mostly(false, true),
  gate: fc.oneof({ weight: 3, arbitrary: fc.constant(OPEN_GATE) }, { weight: 1, arbitrary: fc.constantFrom(...GATES) }),
  capabilities: fc.subarray([capability('gpu', ''), capability('os', 'linux')]),
});
const server = fc.record({ record, stream: mostly<Session['phase'] | 'NONE'>('OPEN', 'OPENING', 'NONE') });

const policy = fc.record({
  servers: fc.oneof(fc.constant([]), fc.shuffledSubarray([...EVERYBODY], { maxLength: 6 })),
  listMode: fc.constantFrom<PolicySpec['listMode']>('ONLY', 'PREFER'),
  requirements: mostly<readonly string[]>([], ['gpu'], ['os = linux'], ['!gpu', 'os = linux']),
  slots: fc.integer({ min: 1, max: 3 }),
});

const on = fc.constantFrom(...NAMES);
const skips = fc.uniqueArray(
  fc.record({ server: on, pausedMs: mostly(0, 8 * SECOND, -SECOND), avoidedMs: mostly(5 * MINUTE, 0, -SECOND) }),
  { maxLength: 3, selector: ({ server: where }) => where },
);
const run = fc.record({
  policy: fc.nat(3),
  slots: fc.integer({ min: 1, max: 3 }),
  attempts: fc.array(
    fc.record({ server: on, state: fc.constantFrom<Attempt['state']['kind']>('RUNNING', 'STARTING', 'ENDED') }),
    {
      maxLength: 1,
    },
  ),
  reservation: mostly<readonly ServerId[]>([], NAMES.slice(0, 2), NAMES.slice(1, 3), NAMES.slice(4, 6)),
  preferServer: mostly<ServerId | undefined>(undefined, ...NAMES.slice(0, 3)),
  skips,
});

/** What a world is made from. */
export const worldPlans = fc.record({
  order: fc.shuffledSubarray([...NAMES], { minLength: NAMES.length }),
  servers: fc.array(server, { minLength: NAMES.length + 1, maxLength: NAMES.length + 1 }),
  policies: fc.array(policy, { minLength: 4, maxLength: 4 }),
  runs: fc.array(run, { minLength: 1, maxLength: 10 }),
  claims: fc.array(fc.record({ server: on, run: fc.nat(9) }), { maxLength: 3 }),
});
type Plan = typeof worldPlans extends fc.Arbitrary<infer T> ? T : never;

export function worldOf(planned: Plan): ClusterState {
  const { order, servers, policies, runs, claims } = planned;
  const ids = [...order, ASIDE];
  const records = [
    { ...newMeta(0), age: AGE },
    poolRecord('default', order),
    poolRecord('side', [ASIDE]),
    ...servers.map((one, n) => serverRecord(ids[n] ?? GHOST, one)),
    ...policies.map((one, n) => policyRecord(n, one)),
    ...runs.map((one, n) => runRecord(n, one)),
  ];
  const options = { version: 'test', schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 };
  const elected = { term: 1, clusterId: 'c', incarnation: 1, firstOfIncarnation: true, records };
  const state = stateOf(options, { kind: 'elected', ...elected }, NOW);
  servers.forEach(({ stream }, n) => {
    const id = ids[n] ?? GHOST;
    if (stream !== 'NONE') serverLiveOf(state, id).session = sessionOf(id, stream);
  });
  for (const claim of claims) {
    const claimer = runId(`p-${claim.run}`);
    if (state.runs.has(claimer)) poolLiveOf(state, poolId('default')).claims.set(claim.server, claimer);
  }
  for (const id of ids) refreshIndex(state, id);
  return state;
}

function poolRecord(id: string, order: readonly ServerId[]): Pool {
  const settings = { timers: DEFAULT_TIMERS, defaultFailback: 'NEVER' as const, defaultMaxSlots: 4 };
  return { kind: 'pool', ...BASE, id: poolId(id), ...settings, order, orderVersion: 1, stormNotBeforeAge: 0 };
}

function serverRecord(id: ServerId, { record: planned }: Plan['servers'][number]): Server {
  const names = { instanceId: `${id}-i`, machineId: `${id}-m`, bootId: `${id}-b`, agentVersion: 'test' };
  const rest = {
    labels: {},
    drain: undefined,
    livenessSinceWall: 0,
    settledIncarnation: 1,
    earlierLife: undefined,
    probeFailures: [],
  };
  const pool = poolId(id === ASIDE ? 'side' : 'default');
  return { kind: 'server', ...BASE, id, pool, ...names, ...rest, ...planned };
}

function policyRecord(number: number, planned: Plan['policies'][number]): Policy {
  const rest = {
    paused: false,
    deleting: false,
    lastTickWall: undefined,
    skippedTicks: 0,
    owesRun: false,
    scheduledFromWall: undefined,
  };
  return { kind: 'policy', ...BASE, id: policyId(`policy-${number}`), spec: { ...SPEC, ...planned }, ...rest };
}

function runRecord(number: number, planned: Plan['runs'][number]): Run {
  const [target, from] = planned.reservation;
  const kept =
    target === undefined || from === undefined
      ? undefined
      : ({ server: target, from, cause: 'MOVE', sinceAge: AGE } as const);
  return {
    ...{ kind: 'run', ...BASE, id: runId(`p-${number}`), policyUid: BASE.uid, pool: poolId('default') },
    policy: policyId(`policy-${planned.policy}`),
    ...{
      desired: 'RUNNING',
      state: { kind: 'QUEUED', reason: 'NEW', message: '', etaWall: undefined },
    },
    ...{ slots: planned.slots, priority: 50, arguments: [], preferServer: planned.preferServer },
    attempts: planned.attempts.map((one) => attemptOf(number + 1, one)),
    attemptCount: planned.attempts.length,
    ...{ origin: undefined, firstStartWall: undefined },
    ...{ queueCause: 'START', queueSinceWall: 0, queueSinceAge: AGE, passedOverSinceAge: 0, notBeforeAge: 0 },
    ...{
      nextCause: 'START',
      nextReason: 'NEW',
      reservation: kept,
      wantedMove: undefined,
      outcome: undefined,
      failures: [],
    },
    skips: planned.skips.map(skipOf),
    ...{ backoffRounds: 0, failureCount: 0, lastMoveAge: 0 },
  };
}

function attemptOf(number: number, { server: where, state }: Plan['runs'][number]['attempts'][number]): Attempt {
  const place = { serverUid: BASE.uid, instanceId: `${where}-i`, machineId: `${where}-m` };
  const terms = { onDisconnect: 'STOP', leaseMs: 20_000, stopTimeoutMs: 10_000, killGuardMs: 5_000 } as const;
  const end = { cause: 'EXITED', exitCode: 1, signal: '', proof: 'REPORT', detail: '' } as const;
  return {
    ...{ epoch: epoch(number), server: where, place, bootId: `${where}-b`, cause: 'START', terms },
    state: state === 'ENDED' ? { kind: state, end, startWall: 0, endWall: 0 } : { kind: state, pid: 1, startWall: 0 },
    ...{ assignWall: 0, assignAge: AGE, stopReason: undefined, overlapped: false, health: undefined },
  };
}

/** Each at another age, as setbacks come one after the other. */
function skipOf(planned: Plan['runs'][number]['skips'][number], number: number): Skip {
  return {
    ...{ server: planned.server, untilAge: AGE + planned.avoidedMs, pausedUntilAge: AGE + planned.pausedMs },
    ...{ triedUntilAge: 0, count: 1, lastAge: AGE - MINUTE + number, reason: 'REFUSED' },
  };
}

function sessionOf(id: ServerId, phase: Session['phase']): Session {
  const names = { serverUid: BASE.uid, instanceId: `${id}-i`, machineId: `${id}-m`, bootId: `${id}-b` };
  const welcome = { needCommit: 0, needCheck: 0, verdicts: [] };
  return {
    ...{ id: sessionId(`1-${id}`), conn: 1, server: id, ...names, helloMono: 0, bootedSince: false, phase, welcome },
    ...{ generation: 1, receivedSequence: 0, coveredSequence: 0, lastGrantMono: 0, control: [], starts: [] },
    ...{ unanswered: new Map(), unansweredBytes: 0, fullStateAsked: false, absent: [] },
  };
}
