/** Random records of the core, with every field that a record can have. */
import fc from 'fast-check';
import type { AuditHeadRecord, AuditRecord } from '../../../controller/core/records/audit-record.ts';
import { CAUSES, type Cause } from '../../../controller/core/records/event-cause.ts';
import { EVENT_TYPES, type EventType } from '../../../controller/core/records/event-type.ts';
import type { ServerGate } from '../../../controller/core/records/gate-record.ts';
import type { HookRecord } from '../../../controller/core/records/hook-record.ts';
import type { Meta } from '../../../controller/core/records/meta.ts';
import {
  type InState,
  REASONS_IN,
  type RunState,
  type RunStateName,
} from '../../../controller/core/records/run-state.ts';
import type { Skip } from '../../../controller/core/records/skip.ts';
import type {
  EventRecord,
  Policy,
  PolicySpec,
  Pool,
  RequestRecord,
  Run,
  Server,
  StateRecord,
  Trigger,
} from '../../../controller/core/records/state.ts';
import { AUDIT_KINDS, AUDIT_LOGS } from '../../../shared/access/audit-chain.ts';
import { HOST_PROBLEM_KINDS, tellableProblems } from '../../../shared/host-problem.ts';
import { policyId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import { roles, tokens, users } from './arbitrary-access.ts';
import { attemptCause, attempts } from './arbitrary-attempts.ts';
import { authorities, joinTokens, revocations } from './arbitrary-enrolment.ts';
import {
  anEpoch,
  anUid,
  aRun,
  counter,
  labels,
  optional,
  pool,
  runReason,
  server,
  small,
  span,
  text,
  userId,
  wall,
  word,
} from './arbitrary-values.ts';
import { healthChecks, workloads } from './arbitrary-workloads.ts';

const base = { version: counter, uid: anUid, createWall: wall, updateWall: wall };

const meta: fc.Arbitrary<Meta> = fc.record({
  kind: fc.constant('meta' as const),
  lastEpoch: counter,
  lastRun: counter,
  lastEvent: counter,
  lastEventBefore: counter,
  lastUid: counter,
  droppedEvent: counter,
  age: counter,
});

const timers = fc.record({
  heartbeatMs: span,
  suspectAfterMs: span,
  leaseMs: span,
  stopTimeoutMs: span,
  killGuardMs: span,
  missingAfterMs: span,
});

const failback = fc.constantFrom('NEVER' as const, 'ON_NEXT_START' as const, 'AUTO' as const, 'MANUAL' as const);

export const pools: fc.Arbitrary<Pool> = fc.record({
  kind: fc.constant('pool' as const),
  ...base,
  id: pool,
  timers,
  defaultFailback: failback,
  defaultMaxSlots: small,
  order: fc.array(server, { maxLength: 6 }),
  orderVersion: counter,
  stormNotBeforeAge: counter,
});

const closed = { sinceWall: wall, untilAge: counter, rounds: small };
const gate: fc.Arbitrary<ServerGate> = fc.record({
  problems: fc
    .array(fc.record({ kind: fc.constantFrom(...HOST_PROBLEM_KINDS), detail: text }), { maxLength: 3 })
    .map(tellableProblems),
  probation: optional(
    fc.record({ phase: fc.constantFrom('REPORTED' as const, 'PAUSED' as const, 'TRIAL' as const), ...closed }),
  ),
  quarantine: optional(
    fc.record({ phase: fc.constantFrom('AWAY' as const, 'CLOSED' as const, 'OVER' as const), ...closed }),
  ),
  missingAges: fc.array(counter, { maxLength: 3 }),
});

const capability: fc.Arbitrary<Capability> = fc.record({
  name: word(/^[a-z][a-z0-9._-]{0,10}$/),
  value: text,
  source: fc.constantFrom('FINGERPRINT' as const, 'PROBE' as const, 'CONFIG' as const),
});

export const servers: fc.Arbitrary<Server> = fc.record({
  kind: fc.constant('server' as const),
  ...base,
  id: server,
  pool,
  maxSlots: optional(small),
  labels,
  intent: fc.constantFrom('ACTIVE' as const, 'CORDONED' as const, 'DRAINING' as const),
  drain: optional(
    fc.record({
      startWall: wall,
      deadlineWall: optional(wall),
      deadlineAge: optional(counter),
      letFinish: fc.boolean(),
      done: fc.boolean(),
    }),
  ),
  liveness: fc.constantFrom('ALIVE' as const, 'SUSPECT' as const, 'MISSING' as const, 'LEFT' as const),
  livenessSinceWall: wall,
  instanceId: text,
  machineId: text,
  bootId: text,
  agentVersion: text,
  capabilities: fc.array(capability, { maxLength: 4 }),
  probeFailures: fc.array(fc.record({ probe: text, detail: text, sinceWall: wall }), { maxLength: 2 }),
  agentMaxSlots: optional(small),
  saturated: fc.boolean(),
  settledIncarnation: small,
  gate,
  earlierLife: optional(
    fc.record({
      instanceId: text,
      machineId: text,
      attempts: fc.array(fc.record({ run: aRun, epoch: anEpoch, policy: userId.map(policyId), instanceId: text }), {
        maxLength: 3,
      }),
      moreIn: optional(text),
    }),
  ),
  deleting: fc.boolean(),
});

const trigger: fc.Arbitrary<Trigger> = fc.oneof(
  fc.constant({ kind: 'continuous' as const }),
  fc.constant({ kind: 'on_demand' as const }),
  fc.record({
    kind: fc.constant('schedule' as const),
    cron: text,
    timeZone: text,
    missed: fc.constantFrom('SKIP' as const, 'ONCE' as const),
    overlap: fc.constantFrom('SKIP' as const, 'QUEUE' as const, 'REPLACE' as const),
  }),
);

const outputRetentions = fc.record(
  { bytes: fc.integer({ min: 64 * 1024, max: 1024 ** 4 }), ageMs: span },
  { requiredKeys: [] },
);

export const specs: fc.Arbitrary<PolicySpec> = fc.record({
  pool,
  workload: workloads,
  trigger,
  requirements: fc.array(text, { maxLength: 3 }),
  servers: fc.array(server, { maxLength: 3 }),
  listMode: fc.constantFrom('ONLY' as const, 'PREFER' as const),
  slots: small,
  priority: fc.integer({ min: 0, max: 100 }),
  maxConcurrentRuns: fc.integer({ min: 1, max: 1000 }),
  onDisconnect: fc.constantFrom('STOP' as const, 'HOLD' as const, 'OVERLAP' as const),
  stopTimeoutMs: optional(span),
  timeLimitMs: optional(span),
  healthCheck: optional(healthChecks),
  restart: fc.record({
    attempts: fc.integer({ min: 1, max: 100 }),
    windowMs: span,
    delayMs: span,
    maxFailures: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  }),
  failback: optional(failback),
  onCapabilityLoss: fc.constantFrom('MOVE' as const, 'IGNORE' as const, 'STOP' as const),
  onRunMissing: fc.constantFrom('NEXT' as const, 'IN_PLACE' as const),
  retention: fc
    .tuple(fc.integer({ min: 1, max: 1000 }), optional(small), outputRetentions)
    .map(([endedRuns, events, output]) => ({
      ...{ endedRuns, events },
      ...(Object.keys(output).length === 0 ? {} : { output }),
    })),
  labels,
});

export const policies: fc.Arbitrary<Policy> = fc.record({
  kind: fc.constant('policy' as const),
  ...base,
  id: userId.map(policyId),
  spec: specs,
  paused: fc.boolean(),
  deleting: fc.boolean(),
  lastTickWall: optional(wall),
  skippedTicks: fc.nat(1_000_000),
  owesRun: fc.boolean(),
  scheduledFromWall: optional(wall),
});

const skip: fc.Arbitrary<Skip> = fc.record({
  server,
  untilAge: counter,
  pausedUntilAge: counter,
  triedUntilAge: counter,
  count: small,
  lastAge: counter,
  reason: runReason,
});

const OPEN = ['QUEUED', 'ASSIGNED', 'STARTING', 'RUNNING', 'STOPPING', 'FENCING', 'STUCK', 'BACKOFF'] as const;
const inState = <S extends RunStateName>(kind: S) =>
  fc.record({ kind: fc.constant(kind), reason: fc.constantFrom(...REASONS_IN[kind]), message: text }) as fc.Arbitrary<
    InState<S>
  >;
const outcome = fc.oneof(inState('SUCCEEDED'), inState('FAILED'), inState('STOPPED'));
/** In every state, with the reasons that it can have. */
const runState = fc.oneof(
  fc
    .tuple(fc.oneof(...OPEN.map(inState)), optional(wall))
    .map(([state, etaWall]) => ({ ...state, etaWall }) as RunState),
  fc.tuple(outcome, wall, counter).map(([state, endWall, endAge]): RunState => ({ ...state, endWall, endAge })),
);

export const runs: fc.Arbitrary<Run> = fc.record({
  kind: fc.constant('run' as const),
  ...base,
  id: aRun,
  policy: userId.map(policyId),
  policyUid: anUid,
  pool,
  desired: fc.constantFrom('RUNNING' as const, 'STOPPED' as const),
  state: runState,
  slots: small,
  priority: fc.integer({ min: 0, max: 100 }),
  arguments: fc.array(text, { maxLength: 3 }),
  origin: optional(fc.record({ cause: fc.constantFrom('OPERATOR' as const, 'SCHEDULE' as const), creator: text })),
  firstStartWall: optional(wall),
  attempts: fc.array(attempts, { maxLength: 3 }),
  attemptCount: small,
  queueCause: fc.constantFrom('RECOVERY' as const, 'START' as const, 'MOVE' as const),
  queueSinceWall: wall,
  queueSinceAge: counter,
  passedOverSinceAge: counter,
  notBeforeAge: counter,
  preferServer: optional(server),
  nextCause: attemptCause,
  nextReason: fc.constantFrom(...REASONS_IN.QUEUED),
  reservation: optional(
    fc.record({
      server,
      from: server,
      cause: fc.constantFrom('MOVE' as const, 'FAILBACK' as const, 'DRAIN' as const),
      sinceAge: counter,
    }),
  ),
  wantedMove: optional(
    fc.record({ server, cause: fc.constantFrom('MOVE' as const, 'FAILBACK' as const), sinceAge: counter }),
  ),
  outcome: optional(outcome),
  failures: fc.array(fc.record({ server, age: counter }), { maxLength: 3 }),
  skips: fc.array(skip, { maxLength: 3 }),
  backoffRounds: small,
  failureCount: small,
  lastMoveAge: counter,
});

/** Absent keys, not undefined ones: an event says only what it is about. */
const events: fc.Arbitrary<EventRecord> = fc.record(
  {
    kind: fc.constant('event' as const),
    number: fc.integer({ min: 1, max: 1e15 }),
    wall,
    type: fc.constantFrom(...(Object.keys(EVENT_TYPES) as EventType[])),
    cause: fc.constantFrom(...(Object.keys(CAUSES) as Cause[])),
    actor: text,
    message: text,
    term: counter,
    pool,
    server,
    policy: userId.map(policyId),
    run: aRun,
    epoch: anEpoch,
    details: fc.dictionary(word(/^[a-z]{1,8}$/), text, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['kind', 'number', 'wall', 'type', 'cause', 'actor', 'message', 'term'] },
);

const requests: fc.Arbitrary<RequestRecord> = fc.record({
  kind: fc.constant('request' as const),
  id: word(/^[\x21-\x7e]{1,20}$/),
  client: text,
  age: counter,
  fingerprint: text,
  resource: text,
});

const auditLogs = fc.constantFrom(...AUDIT_LOGS);
const marks = fc.record({ number: counter, hash: text });

const auditEntries: fc.Arbitrary<AuditRecord> = fc.record({
  kind: fc.constant('audit' as const),
  entry: fc.record({
    log: auditLogs,
    number: fc.integer({ min: 1, max: 2 ** 50 }),
    term: counter,
    kind: fc.oneof(fc.constantFrom(...AUDIT_KINDS), word(/^[A-Z]{1,8}$/)),
    ...{ principal: text, method: text, resource: text, requestId: text, outcome: text, source: text },
    ...{ count: counter, firstWall: wall, lastWall: wall, previousHash: text, hash: text },
  }),
});

const auditHeads: fc.Arbitrary<AuditHeadRecord> = fc.record({
  ...{ kind: fc.constant('audit_head' as const), log: auditLogs, head: marks, dropped: marks },
});

const hooks: fc.Arbitrary<HookRecord> = fc.record({
  ...{ kind: fc.constant('hook' as const), hook: userId, position: counter },
  failing: optional(fc.record({ sinceWall: wall, problem: text })),
});

export const stateRecords: fc.Arbitrary<StateRecord> = fc.oneof(
  ...[meta, pools, servers, policies, runs, events, requests, auditEntries, auditHeads],
  ...[roles, tokens, users, joinTokens, revocations, authorities, hooks],
);
