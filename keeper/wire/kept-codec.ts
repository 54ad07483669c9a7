/** Attempts as the wire and the journal have them. */
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import type { PolicyOutputRetention } from '../../shared/protocol/output-retention.ts';
import { type Attempt, type AttemptEnd, stateOf } from '../core/attempt.ts';
import type { RecordedAttempt } from '../core/record.ts';
import {
  durationJson,
  durationOf,
  hostProblemFromJson,
  hostProblemJson,
  type Json,
  type JsonObject,
  numberOf,
  objectOf,
  textOf,
  timeJson,
  timeOf,
  wordOf,
} from './proto-json.ts';

/** G and K where an agent does not say. */
const DEFAULT_STOP_TIMEOUT_MS = 10_000;
const DEFAULT_KILL_GUARD_MS = 5_000;

const CAUSES = ['EXITED', 'OUT_OF_MEMORY', 'STOPPED', 'LAPSED', 'REFUSED', 'SPAWN_FAILED', 'LOST'] as const;
const ON_DISCONNECT = ['STOP', 'HOLD', 'OVERLAP'] as const;

type Kept = Omit<RecordedAttempt, 'bootId'>;

/** `attempt` is one of the table, or one that is written down: such a one runs or has ended. */
export function keptToJson(attempt: Kept & Partial<Pick<Attempt, 'stage' | 'healthCheck'>>): JsonObject {
  const { run, epoch, policy, frozen, slots, deadline, place, startWall, ended, stage } = attempt;
  const { healthCheck, outputRetention } = attempt;
  const state = stateOf({ ended, stage: stage ?? { kind: 'running' } });
  return {
    status: {
      ...{ run, epoch: String(epoch), policy, state: `ATTEMPT_STATE_${state}`, pid: place.pid },
      ...(startWall !== undefined && { startTime: timeJson(startWall) }),
      ...(ended !== undefined && { end: endToJson(ended.end), endTime: timeJson(ended.wall) }),
    },
    deadline: { monotonicMs: deadline.mono, bootMs: deadline.boot },
    onDisconnect: `ON_DISCONNECT_${frozen.onDisconnect}`,
    lease: durationJson(frozen.leaseMs),
    stopTimeout: durationJson(frozen.stopTimeoutMs),
    killGuard: durationJson(frozen.killGuardMs),
    cgroup: place.cgroup,
    slots,
    startTicks: String(place.startTicks),
    ...(healthCheck !== undefined && { healthCheck: objectOf(healthCheck) }),
    ...(outputRetention !== undefined && { outputRetention: outputRetentionJson(outputRetention) }),
  };
}

function outputRetentionJson({ bytes, ageMs }: PolicyOutputRetention): JsonObject {
  return {
    ...(bytes !== undefined && { bytes: String(bytes) }),
    ...(ageMs !== undefined && { age: durationJson(ageMs) }),
  };
}

/** Undefined: it says nothing. */
export function outputRetentionOf(value: Json): PolicyOutputRetention | undefined {
  const { bytes, age } = objectOf(value);
  const ageMs = durationOf(age);
  if (bytes === undefined && ageMs === undefined) return undefined;
  return { ...(bytes !== undefined && { bytes: numberOf(bytes) }), ...(ageMs !== undefined && { ageMs }) };
}

function endToJson({ cause, detail, exitCode, signal, proof, hostProblem }: AttemptEnd): JsonObject {
  return {
    ...{ cause: `END_CAUSE_${cause}`, detail, signal, proof },
    ...(exitCode !== undefined && { exitCode }),
    ...(hostProblem !== undefined && { hostProblem: hostProblemJson(hostProblem) }),
  };
}

/** Undefined for one without a status, which names nothing. */
export function keptFromJson(value: Json): Kept | undefined {
  const kept = objectOf(value);
  if (kept['status'] === undefined) return undefined;
  const status = objectOf(kept['status']);
  return {
    run: textOf(status['run']),
    epoch: numberOf(status['epoch']),
    policy: textOf(status['policy']),
    frozen: termsFromJson(kept),
    slots: numberOf(kept['slots']),
    // Without one it is past.
    deadline: {
      mono: numberOf(objectOf(kept['deadline'])['monotonicMs']),
      boot: numberOf(objectOf(kept['deadline'])['bootMs']),
    },
    place: {
      pid: numberOf(status['pid']),
      startTicks: numberOf(kept['startTicks']),
      cgroup: textOf(kept['cgroup']),
    },
    outputRetention: outputRetentionOf(kept['outputRetention']),
    startWall: timeOf(status['startTime']),
    ended:
      status['state'] === 'ATTEMPT_STATE_ENDED'
        ? { end: endFromJson(objectOf(status['end'])), wall: timeOf(status['endTime']) ?? 0 }
        : undefined,
  };
}

function endFromJson(end: JsonObject): AttemptEnd {
  return {
    // One that this version does not know is lost: that promises least.
    cause: wordOf(end['cause'], 'END_CAUSE', CAUSES) ?? 'LOST',
    detail: textOf(end['detail']),
    signal: textOf(end['signal']),
    proof: textOf(end['proof']),
    exitCode: end['exitCode'] === undefined ? undefined : numberOf(end['exitCode']),
    hostProblem: hostProblemFromJson(end['hostProblem']),
  };
}

/** Unset is read as STOP, and so is what this version does not know: the value that promises most. */
export function termsFromJson(message: JsonObject): FrozenTerms {
  return {
    onDisconnect: wordOf(message['onDisconnect'], 'ON_DISCONNECT', ON_DISCONNECT) ?? 'STOP',
    leaseMs: durationOf(message['lease']) ?? 0,
    stopTimeoutMs: durationOf(message['stopTimeout']) ?? DEFAULT_STOP_TIMEOUT_MS,
    killGuardMs: durationOf(message['killGuard']) ?? DEFAULT_KILL_GUARD_MS,
  };
}
