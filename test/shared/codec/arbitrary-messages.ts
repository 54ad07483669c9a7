/** Random messages of both sides of the agent stream, one arbitrary for each kind, with every field that it can have. */
import fc from 'fast-check';
import { HOST_PROBLEM_KINDS, tellableProblems } from '../../../shared/host-problem.ts';
import { epoch, policyId, poolId, runId, serverId, sessionId, uid } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { AgentMessage } from '../../../shared/protocol/agent-message.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';

type Each<M extends { readonly kind: string }> = { readonly [K in M['kind']]: fc.Arbitrary<Extract<M, { kind: K }>> };

const word = (pattern: RegExp) => fc.stringMatching(pattern);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const oneOf = <const W extends string>(...words: W[]) => fc.constantFrom(...words);
/** Up to 2^53, and 0, which protobuf leaves out. */
const counter = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const span = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 7_200_000 }));
/** Up to the year 2255, in whole milliseconds. */
const wall = fc.integer({ min: 0, max: 9e12 });
const id = word(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const text = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
const stable = word(/^[A-Z_]{0,12}$/);
const pid = fc.integer({ min: 0, max: 2 ** 31 - 1 });
/** Of a protobuf float, which has no more digits. */
const percent = fc.integer({ min: 0, max: 100 });

const ref = { run: id.map((name) => runId(`${name}-1`)), epoch: fc.integer({ min: 1, max: 2 ** 53 - 1 }).map(epoch) };

const end = fc.record({
  cause: oneOf('UNKNOWN', 'EXITED', 'OUT_OF_MEMORY', 'STOPPED', 'LAPSED', 'REFUSED', 'EXPIRED', 'SPAWN_FAILED', 'LOST'),
  exitCode: optional(fc.integer({ min: 0, max: 255 })),
  signal: stable,
  detail: text,
  hostProblem: optional(fc.constantFrom(...HOST_PROBLEM_KINDS)),
});

const attempt = fc.record({
  ...ref,
  policy: id.map(policyId),
  state: oneOf('ASSIGNED', 'STARTING', 'RUNNING', 'STOPPING', 'STUCK', 'ENDED'),
  pid,
  startWall: optional(wall),
  endWall: optional(wall),
  end: optional(end),
});
const attempts = fc.array(attempt, { maxLength: 5 });

const capabilities = fc.array(
  fc.record({ name: word(/^[a-z][a-z0-9._-]{0,12}$/), value: text, source: oneOf('FINGERPRINT', 'PROBE', 'CONFIG') }),
  { maxLength: 5 },
);
const probeFailures = fc.array(fc.record({ probe: word(/^[a-z][a-z0-9._-]{0,12}$/), detail: text }), { maxLength: 3 });
const capacity = fc.record({
  maxSlots: optional(fc.integer({ min: 0, max: 100_000 })),
  saturated: fc.boolean(),
  cpuPercent: percent,
  memoryPercent: percent,
});
const hostProblems = fc
  .array(fc.record({ kind: fc.constantFrom(...HOST_PROBLEM_KINDS), detail: text }), { maxLength: 4 })
  .map(tellableProblems);

const facts = fc.record({
  server: id.map(serverId),
  pool: id.map(poolId),
  instanceId: id,
  machineId: id,
  bootId: id,
  agentVersion: text,
  uid: optional(id.map(uid)),
  uptimeMs: span,
  capabilities,
  probeFailures,
  capacity,
  highestTerm: counter,
  highestEpoch: counter,
  clusterId: text,
  hostProblems: optional(hostProblems),
});

export const agentMessages: Each<AgentMessage> = {
  hello: fc.record({ kind: fc.constant('hello'), facts, attempts, lastPart: fc.boolean() }),
  heartbeat: fc
    .record({
      kind: fc.constant('heartbeat'),
      sequence: counter,
      generation: counter,
      capacity: optional(capacity),
      found: optional(fc.record({ capabilities, probeFailures })),
      hostProblems: optional(hostProblems),
      certificate: optional(fc.record({ notBeforeWall: wall, notAfterWall: wall, renewalProblem: text })),
    })
    .map(({ found, certificate, ...rest }) => ({
      ...{ ...rest, capabilities: undefined, probeFailures: undefined, ...found },
      ...(certificate === undefined ? {} : { certificate }),
    })),
  report: fc.record({ kind: fc.constant('report'), attempts }),
  command_result: fc.record({
    kind: fc.constant('command_result'),
    commandId: counter,
    outcome: oneOf('APPLIED', 'ALREADY_APPLIED', 'REFUSED', 'EXPIRED', 'STALE'),
    reason: stable,
    detail: text,
    pid,
    endCause: optional(oneOf('REFUSED', 'EXPIRED', 'SPAWN_FAILED')),
    hostProblem: optional(fc.constantFrom(...HOST_PROBLEM_KINDS)),
  }),
  full_state: fc.record({
    kind: fc.constant('full_state'),
    generation: counter,
    attempts,
    lastPart: fc.boolean(),
  }),
  goodbye: fc.record({ kind: fc.constant('goodbye'), attempts, reason: oneOf('LEAVE', 'SHUTDOWN') }),
  output_chunk: fc.record({
    kind: fc.constant('output_chunk'),
    requestId: counter,
    chunk: fc.record({
      offset: counter,
      data: fc.uint8Array({ maxLength: 50 }),
      size: counter,
      end: fc.boolean(),
      error: text,
      times: fc.array(fc.record({ offset: counter, wall }), { maxLength: 3 }),
    }),
  }),
};

const command = { ...ref, commandId: counter, generation: counter };
const terms = fc.record({
  onDisconnect: oneOf('STOP', 'HOLD', 'OVERLAP'),
  leaseMs: span,
  stopTimeoutMs: span,
  killGuardMs: span,
});
const timers = fc.record({
  heartbeatMs: span,
  suspectAfterMs: span,
  leaseMs: span,
  stopTimeoutMs: span,
  killGuardMs: span,
  missingAfterMs: span,
});
const texts = (minLength = 0) => fc.array(text, { minLength, maxLength: 4 });
const around = {
  env: fc.dictionary(word(/^[A-Z]{1,6}$/), text, { maxKeys: 3, noNullPrototype: true }),
  workingDirectory: text,
  user: text,
};
const workload = fc.oneof(
  fc.record({ ...around, kind: fc.constant('command' as const), argv: texts(1) }),
  fc.record({ ...around, kind: fc.constant('script' as const), interpreter: texts(1), text }),
);

const verdict = fc.record({ ...ref, action: oneOf('KEEP', 'ADOPT', 'STOP'), reason: stable });
/** Now and then more than one message has room for. */
const verdicts = fc.oneof(
  { weight: 9, arbitrary: fc.array(verdict, { maxLength: 5 }) },
  {
    weight: 1,
    arbitrary: verdict.map((one) =>
      Array.from({ length: LIMITS.partBytes / 32 }, (_, i) => ({ ...one, epoch: epoch(i + 1) })),
    ),
  },
);

export const leaderMessages: Each<LeaderMessage> = {
  welcome: fc.record({
    kind: fc.constant('welcome'),
    session: id.map(sessionId),
    clusterId: text,
    uid: id.map(uid),
    timers,
    verdicts,
  }),
  grant: fc.record({ kind: fc.constant('grant'), sequence: counter, generation: counter }),
  start: fc.record({
    kind: fc.constant('start'),
    ...command,
    sequence: counter,
    policy: id.map(policyId),
    terms,
    workload: optional(workload),
    arguments: texts(),
    slots: fc.integer({ min: 0, max: 100_000 }),
    outputRetention: optional(
      fc
        .record({ bytes: fc.integer({ min: 1, max: 1e12 }), ageMs: span }, { requiredKeys: [] })
        .map((kept) => (Object.keys(kept).length === 0 ? undefined : kept)),
    ),
  }),
  stop: fc.record({ kind: fc.constant('stop'), ...command, reason: stable }),
  ack: fc.record({ kind: fc.constant('ack'), attempts: fc.array(fc.record(ref), { maxLength: 5 }) }),
  report_full_state: fc.record({ kind: fc.constant('report_full_state'), reason: stable }),
  verdicts: fc.record({ kind: fc.constant('verdicts'), generation: counter, verdicts }),
  reconnect: fc.record({
    kind: fc.constant('reconnect'),
    endpoints: texts(),
    afterMs: span,
    reason: stable,
  }),
  read_output: fc.record({
    kind: fc.constant('read_output'),
    ...ref,
    requestId: counter,
    offset: fc.maxSafeInteger(),
    limit: fc.integer({ min: 0, max: LIMITS.outputBytes }),
    sinceWall: optional(wall),
  }),
  timers_changed: fc.record({ kind: fc.constant('timers_changed'), timers }),
  authority_notice: fc.record({ kind: fc.constant('authority_notice'), trusted: fc.array(stable), signing: stable }),
};
