/** Attempts: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { type Duration, durationMs } from '@bufbuild/protobuf/wkt';
import { termsToProto } from '../../shared/codec/attempt.ts';
import { healthWords } from '../../shared/codec/health-check.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { required, requiredId, requiredTime, requiredWord } from '../../shared/codec/required.ts';
import { attemptStateWords, endCauseWords, onDisconnectWords } from '../../shared/codec/words.ts';
import { type AttemptRecord, AttemptRecordSchema } from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  AttemptEndSchema,
  AttemptHealthSchema,
  AttemptSchema,
  type Attempt as PbAttempt,
  type AttemptEnd as PbAttemptEnd,
  type AttemptHealth as PbAttemptHealth,
} from '../../shared/gen/locum/v1/run_pb.ts';
import { epoch, uid } from '../../shared/ids.ts';
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import { parseServerName, serverName } from '../../shared/resource-name.ts';
import { hostProblemFromProto, hostProblemToProto } from '../../shared/rpc/host-problem-messages.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { AttemptEnd, AttemptState } from '../core/records/attempt-state.ts';
import type { Attempt, AttemptHealth } from '../core/records/state.ts';
import { attemptCauseWords, proofWords, stopReasonWords } from './words.ts';

/** As it is shown: the state directory that it runs from is not, an agent is known by it. */
export function attemptToProto(attempt: Attempt): PbAttempt {
  const { terms, state } = attempt;
  return create(AttemptSchema, {
    epoch: toUint64(attempt.epoch),
    server: serverName(attempt.server),
    serverUid: attempt.place.serverUid,
    state: attemptStateWords.to[state.kind],
    cause: attempt.cause,
    assignTime: toTimestamp(attempt.assignWall),
    ...stateToProto(state),
    ...termsToProto(terms),
    ...(attempt.health === undefined ? {} : { health: healthToProto(attempt.health) }),
  });
}

function stateToProto(state: AttemptState) {
  switch (state.kind) {
    case 'ASSIGNED':
      return {};
    case 'ENDED':
      return {
        startTime: toTimestamp(state.startWall),
        endTime: toTimestamp(state.endWall),
        end: endToProto(state.end),
      };
    case 'STARTING':
    case 'RUNNING':
    case 'STOPPING':
    case 'STUCK':
      return { startTime: toTimestamp(state.startWall), pid: state.pid };
  }
}

function healthToProto({ state, detail, sinceWall }: AttemptHealth): PbAttemptHealth {
  return create(AttemptHealthSchema, { state: healthWords.to[state], detail, sinceTime: toTimestamp(sinceWall) });
}

function healthFromProto(health: PbAttemptHealth, sinceAge: number): AttemptHealth {
  return {
    state: requiredWord(healthWords, health.state, 'attempt.health.state'),
    detail: health.detail,
    sinceWall: requiredTime(health.sinceTime, 'attempt.health.since_time'),
    sinceAge,
  };
}

function endToProto({ cause, exitCode, signal, proof, detail, hostProblem }: AttemptEnd): PbAttemptEnd {
  return create(AttemptEndSchema, {
    cause: endCauseWords.to[cause],
    ...(exitCode === undefined ? {} : { exitCode }),
    signal,
    proof: proofWords.to[proof],
    detail,
    hostProblem: hostProblemToProto(hostProblem),
  });
}

export function attemptToRecord(attempt: Attempt): AttemptRecord {
  const { instanceId, machineId } = attempt.place;
  return create(AttemptRecordSchema, {
    attempt: Object.assign(attemptToProto(attempt), { instanceId }),
    machineId,
    bootId: attempt.bootId,
    stopReason: attempt.stopReason ?? '',
    overlapped: attempt.overlapped,
    assignAgeMs: toUint64(attempt.assignAge),
    healthSinceAgeMs: toUint64(attempt.health?.sinceAge ?? 0),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function attemptFromRecord(record: AttemptRecord): Attempt {
  const attempt = required(record.attempt, 'attempt');
  const { stopReason, machineId } = record;
  return {
    epoch: epoch(fromUint64(attempt.epoch, 'attempt.epoch')),
    server: requiredId(parseServerName, attempt.server, 'attempt.server'),
    place: { serverUid: uid(attempt.serverUid), instanceId: attempt.instanceId, machineId },
    bootId: record.bootId,
    cause: requiredWord(attemptCauseWords, attempt.cause, 'attempt.cause'),
    terms: termsFromProto(attempt),
    state: stateFromProto(attempt),
    assignWall: requiredTime(attempt.assignTime, 'attempt.assign_time'),
    assignAge: fromUint64(record.assignAgeMs, 'assign_age_ms'),
    stopReason: stopReason === '' ? undefined : requiredWord(stopReasonWords, stopReason, 'attempt.stop_reason'),
    overlapped: record.overlapped,
    health:
      attempt.health && healthFromProto(attempt.health, fromUint64(record.healthSinceAgeMs, 'health_since_age_ms')),
  };
}

function stateFromProto({ state, pid, startTime, endTime, end }: PbAttempt): AttemptState {
  const kind = requiredWord(attemptStateWords, state, 'attempt.state');
  const startWall = fromTimestamp(startTime);
  switch (kind) {
    case 'ASSIGNED':
      return { kind };
    case 'ENDED': {
      const endWall = requiredTime(endTime, 'attempt.end_time');
      return { kind, end: endFromProto(required(end, 'attempt.end')), startWall, endWall };
    }
    case 'STARTING':
    case 'RUNNING':
    case 'STOPPING':
    case 'STUCK':
      return { kind, pid, startWall };
  }
}

function termsFromProto(attempt: PbAttempt): FrozenTerms {
  const span = (value: Duration | undefined, field: string): number => durationMs(required(value, `attempt.${field}`));
  return {
    onDisconnect: requiredWord(onDisconnectWords, attempt.onDisconnect, 'attempt.on_disconnect'),
    leaseMs: span(attempt.lease, 'lease'),
    stopTimeoutMs: span(attempt.stopTimeout, 'stop_timeout'),
    killGuardMs: span(attempt.killGuard, 'kill_guard'),
  };
}

function endFromProto({ cause, exitCode, signal, proof, detail, hostProblem }: PbAttemptEnd): AttemptEnd {
  return {
    cause: requiredWord(endCauseWords, cause, 'attempt.end.cause'),
    exitCode,
    signal,
    proof: requiredWord(proofWords, proof, 'attempt.end.proof'),
    detail,
    hostProblem: hostProblemFromProto(hostProblem),
  };
}
