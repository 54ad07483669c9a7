/** Attempts, their frozen terms and their ends: `locum.v1`, as the agent stream, the store and the keeper's protocol have them. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { invalidField } from '../errors.ts';
import { type AttemptStatus, AttemptStatusSchema } from '../gen/locum/v1/agent_service_pb.ts';
import type { OnDisconnect as PbOnDisconnect } from '../gen/locum/v1/policy_pb.ts';
import type { AttemptEnd, AttemptEndSchema } from '../gen/locum/v1/run_pb.ts';
import { epoch, policyId, runId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { cut, printable } from '../printable.ts';
import type { AttemptRef, FrozenTerms, ReportedAttempt, ReportedEnd } from '../protocol/attempt.ts';
import { hostProblemFromProto, hostProblemToProto } from '../rpc/host-problem-messages.ts';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from '../rpc/time-messages.ts';
import { healthWords } from './health-check.ts';
import { fromUint64, toUint64 } from './numbers.ts';
import { requiredWord } from './required.ts';
import { attemptStateWords, endCauseWords, onDisconnectWords } from './words.ts';

interface RefMessage {
  readonly run: string;
  readonly epoch: bigint;
}

export function refToProto(ref: AttemptRef): RefMessage {
  return { run: ref.run, epoch: toUint64(ref.epoch) };
}

/** @throws LocumError INVALID_FIELD */
export function refFromProto(ref: RefMessage): AttemptRef {
  return { run: runId(ref.run), epoch: epoch(fromUint64(ref.epoch, 'epoch')) };
}

/** The fields of frozen terms stand in the message of whatever has them. */
interface TermsMessage {
  readonly onDisconnect: PbOnDisconnect;
  readonly lease?: Duration | undefined;
  readonly stopTimeout?: Duration | undefined;
  readonly killGuard?: Duration | undefined;
}

export function termsToProto({ onDisconnect, leaseMs, stopTimeoutMs, killGuardMs }: FrozenTerms) {
  return {
    onDisconnect: onDisconnectWords.to[onDisconnect],
    lease: toDuration(leaseMs),
    stopTimeout: toDuration(stopTimeoutMs),
    killGuard: toDuration(killGuardMs),
  };
}

/**
 * What an unset or unknown `on_disconnect` means is STOP: the value that promises most. Times are always there; a lease that is not
 * would be one of no length, which no start is early enough for. @throws LocumError INVALID_FIELD
 */
export function termsFromProto({ onDisconnect, lease, stopTimeout, killGuard }: TermsMessage): FrozenTerms {
  return {
    onDisconnect: onDisconnectWords.from.get(onDisconnect) ?? 'STOP',
    leaseMs: spanFromProto(lease, 'lease'),
    stopTimeoutMs: spanFromProto(stopTimeout, 'stop_timeout'),
    killGuardMs: spanFromProto(killGuard, 'kill_guard'),
  };
}

/** Unset: 0. @throws LocumError INVALID_FIELD for a time that is none to wait */
export function spanFromProto(duration: Duration | undefined, field: string): number {
  const ms = fromDuration(duration) ?? 0;
  if (ms < 0) throw invalidField(field, 'must not be negative');
  return ms;
}

export function reportedAttemptToProto(attempt: ReportedAttempt): AttemptStatus {
  const { policy, state, pid, startWall, endWall, end, health } = attempt;
  return create(AttemptStatusSchema, {
    ...{ ...refToProto(attempt), policy, pid, state: attemptStateWords.to[state] },
    ...(startWall === undefined ? {} : { startTime: toTimestamp(startWall) }),
    ...(endWall === undefined ? {} : { endTime: toTimestamp(endWall) }),
    ...(end === undefined ? {} : { end: reportedEndToProto(end) }),
    ...(health === undefined ? {} : { health: healthWords.to[health.state], healthDetail: health.detail }),
  });
}

/** @throws LocumError INVALID_FIELD */
export function reportedAttemptFromProto(status: AttemptStatus): ReportedAttempt {
  const { end } = status;
  const health = healthWords.from.get(status.health);
  if (status.epoch === 0n) throw invalidField('attempts.epoch', 'must not be 0');
  return {
    run: runId(status.run),
    policy: policyId(status.policy),
    epoch: epoch(fromUint64(status.epoch, 'attempts.epoch')),
    state: requiredWord(attemptStateWords, status.state, 'attempts.state'),
    pid: status.pid,
    startWall: fromTimestamp(status.startTime),
    endWall: fromTimestamp(status.endTime),
    end: end === undefined ? undefined : reportedEndFromProto(end),
    ...(health === undefined ? {} : { health: { state: health, detail: told(status.healthDetail) } }),
  };
}

function reportedEndToProto(end: ReportedEnd): MessageInitShape<typeof AttemptEndSchema> {
  const { cause, exitCode, signal, detail, hostProblem } = end;
  return {
    ...{ cause: endCauseWords.to[cause], signal, detail, hostProblem: hostProblemToProto(hostProblem) },
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

/** A cause that only the other side knows is still an end. */
export function reportedEndFromProto({ cause, exitCode, signal, detail, hostProblem }: AttemptEnd): ReportedEnd {
  return {
    cause: endCauseWords.from.get(cause) ?? 'UNKNOWN',
    exitCode,
    signal: told(signal),
    detail: told(detail),
    hostProblem: hostProblemFromProto(hostProblem),
  };
}

/** What is told of a process, whose name and last words may have anything in them: one line, not too long. */
export const told = (text: string): string => cut(printable(text), LIMITS.reasonCharacters);
