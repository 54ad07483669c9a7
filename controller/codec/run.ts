/** Runs: core ⇄ API and store. What is derived from other records is added by the API's projections. */
import { create } from '@bufbuild/protobuf';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { required, requiredId, requiredTime, requiredWord } from '../../shared/codec/required.ts';
import {
  type Reservation as PbReservation,
  type RunOutcome as PbRunOutcome,
  type Skip as PbSkip,
  type WantedMove as PbWantedMove,
  ReservationSchema,
  RunOutcomeSchema,
  type RunRecord,
  RunRecordSchema,
  SkipSchema,
  WantedMoveSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import { type Run as PbRun, RunSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import { type ServerId, serverId, uid } from '../../shared/ids.ts';
import {
  parsePolicyName,
  parsePoolName,
  parseRunName,
  policyName,
  poolName,
  runName,
  serverName,
} from '../../shared/resource-name.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { etagOf } from '../core/records/etag.ts';
import { causeOf } from '../core/records/event-cause.ts';
import { runReasonOf, UNKNOWN_WORD } from '../core/records/run-reason.ts';
import {
  endAgeOf,
  endOfRun,
  etaOf,
  isEndState,
  isReasonIn,
  queueReason,
  type RunState,
} from '../core/records/run-state.ts';
import type { Skip } from '../core/records/skip.ts';
import type { Reservation, Run, RunOutcome } from '../core/records/state.ts';
import { attemptFromRecord, attemptToRecord } from './attempt.ts';
import {
  attemptCauseWords,
  desiredWords,
  outcomeWords,
  queueCauseWords,
  reservationCauseWords,
  runStateWords,
  wantedMoveCauseWords,
} from './words.ts';

/** Without attempts: the API adds them in its form, the store in its own. */
export function runToProto(run: Run): PbRun {
  return create(RunSchema, {
    name: runName(run.id),
    policy: policyName(run.policy),
    policyUid: run.policyUid,
    pool: poolName(run.pool),
    etag: etagOf(run),
    createTime: toTimestamp(run.createWall),
    updateTime: toTimestamp(run.updateWall),
    endTime: toTimestamp(endOfRun(run)?.endWall),
    desired: desiredWords.to[run.desired],
    state: runStateWords.to[run.state.kind],
    reason: run.state.reason,
    message: run.state.message,
    etaTime: toTimestamp(etaOf(run)),
    reservedServer: run.reservation === undefined ? '' : serverName(run.reservation.server),
    attemptCount: run.attemptCount,
    arguments: [...run.arguments],
    slots: run.slots,
    priority: run.priority,
    queueTime: toTimestamp(run.queueSinceWall),
    createCause: run.origin?.cause ?? '',
    creator: run.origin?.creator ?? '',
  });
}

function reservationToProto({ server, from, cause, sinceAge }: Reservation): PbReservation {
  return create(ReservationSchema, { server, fromServer: from, cause, sinceAgeMs: toUint64(sinceAge) });
}

function reservationFromProto(reservation: PbReservation): Reservation {
  return {
    server: serverId(reservation.server),
    from: serverId(reservation.fromServer),
    cause: requiredWord(reservationCauseWords, reservation.cause, 'reservation.cause'),
    sinceAge: fromUint64(reservation.sinceAgeMs, 'reservation.since_age_ms'),
  };
}

function wantedMoveToProto({ server, cause, sinceAge }: NonNullable<Run['wantedMove']>): PbWantedMove {
  return create(WantedMoveSchema, { server, cause, sinceAgeMs: toUint64(sinceAge) });
}

function wantedMoveFromProto({ server, cause, sinceAgeMs }: PbWantedMove): NonNullable<Run['wantedMove']> {
  return {
    server: serverId(server),
    cause: requiredWord(wantedMoveCauseWords, cause, 'wanted_move.cause'),
    sinceAge: fromUint64(sinceAgeMs, 'wanted_move.since_age_ms'),
  };
}

function skipToProto({ server, reason, count, ...ages }: Skip): PbSkip {
  return create(SkipSchema, {
    ...{ server, reason, count: toUint64(count) },
    untilAgeMs: toUint64(ages.untilAge),
    pausedUntilAgeMs: toUint64(ages.pausedUntilAge),
    triedUntilAgeMs: toUint64(ages.triedUntilAge),
    lastAgeMs: toUint64(ages.lastAge),
  });
}

function skipFromProto(skip: PbSkip): Skip {
  return {
    server: serverId(skip.server),
    untilAge: fromUint64(skip.untilAgeMs, 'skips.until_age_ms'),
    pausedUntilAge: fromUint64(skip.pausedUntilAgeMs, 'skips.paused_until_age_ms'),
    triedUntilAge: fromUint64(skip.triedUntilAgeMs, 'skips.tried_until_age_ms'),
    count: fromUint64(skip.count, 'skips.count'),
    lastAge: fromUint64(skip.lastAgeMs, 'skips.last_age_ms'),
    reason: runReasonOf(skip.reason),
  };
}

function outcomeToProto({ kind, reason, message }: RunOutcome): PbRunOutcome {
  return create(RunOutcomeSchema, { state: outcomeWords.to[kind], reason, message });
}

function outcomeFromProto({ state, reason, message }: PbRunOutcome): RunOutcome {
  const known = requiredWord(outcomeWords, state, 'outcome.state');
  const word = runReasonOf(reason);
  switch (known) {
    case 'SUCCEEDED':
      return { kind: known, reason: 'EXITED', message };
    case 'FAILED':
      return { kind: known, reason: isReasonIn(known, word) ? word : 'BUDGET_SPENT', message };
    case 'STOPPED':
      return { kind: known, reason: isReasonIn(known, word) ? word : 'OPERATOR', message };
  }
}

/** A word that none has in this state is one of a newer controller, or of an older one. */
function stateFromProto(run: PbRun, endAge: number): RunState {
  const kind = requiredWord(runStateWords, run.state, 'state');
  const word = runReasonOf(run.reason);
  const why = { reason: isReasonIn(kind, word) ? word : UNKNOWN_WORD, message: run.message };
  const times = isEndState(kind)
    ? { endWall: requiredTime(run.endTime, 'end_time'), endAge }
    : { etaWall: fromTimestamp(run.etaTime) };
  // The compiler can't see that state, reason and times fit; it has just been looked at.
  return { kind, ...why, ...times } as RunState;
}

export function runToRecord(run: Run): RunRecord {
  const { reservation, wantedMove, outcome } = run;
  return create(RunRecordSchema, {
    run: runToProto(run),
    version: toUint64(run.version),
    uid: run.uid,
    attempts: run.attempts.map(attemptToRecord),
    queueCause: run.queueCause,
    notBeforeAgeMs: toUint64(run.notBeforeAge),
    preferServer: run.preferServer ?? '',
    nextCause: run.nextCause,
    nextReason: run.nextReason,
    ...(reservation === undefined ? {} : { reservation: reservationToProto(reservation) }),
    ...(wantedMove === undefined ? {} : { wantedMove: wantedMoveToProto(wantedMove) }),
    ...(outcome === undefined ? {} : { outcome: outcomeToProto(outcome) }),
    failures: run.failures.map(({ server, age }) => ({ server, ageMs: toUint64(age) })),
    skips: run.skips.map(skipToProto),
    backoffRounds: toUint64(run.backoffRounds),
    failureCount: toUint64(run.failureCount),
    lastMoveAgeMs: toUint64(run.lastMoveAge),
    queueSinceAgeMs: toUint64(run.queueSinceAge),
    passedOverSinceAgeMs: toUint64(run.passedOverSinceAge),
    endAgeMs: toUint64(endAgeOf(run)),
    firstStartTime: toTimestamp(run.firstStartWall),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function runFromRecord(record: RunRecord): Run {
  const run = required(record.run, 'run');
  return {
    kind: 'run',
    id: requiredId(parseRunName, run.name, 'name'),
    version: fromUint64(record.version, 'version'),
    uid: uid(record.uid),
    createWall: requiredTime(run.createTime, 'create_time'),
    updateWall: requiredTime(run.updateTime, 'update_time'),
    policy: requiredId(parsePolicyName, run.policy, 'policy'),
    policyUid: uid(run.policyUid),
    pool: requiredId(parsePoolName, run.pool, 'pool'),
    desired: requiredWord(desiredWords, run.desired, 'desired'),
    state: stateFromProto(run, fromUint64(record.endAgeMs, 'end_age_ms')),
    slots: run.slots,
    priority: run.priority,
    arguments: [...run.arguments],
    origin: run.createCause === '' ? undefined : { cause: causeOf(run.createCause), creator: run.creator },
    firstStartWall: fromTimestamp(record.firstStartTime),
    attempts: record.attempts.map(attemptFromRecord),
    attemptCount: run.attemptCount,
    queueCause: requiredWord(queueCauseWords, record.queueCause, 'queue_cause'),
    queueSinceWall: requiredTime(run.queueTime, 'queue_time'),
    queueSinceAge: fromUint64(record.queueSinceAgeMs, 'queue_since_age_ms'),
    passedOverSinceAge: fromUint64(record.passedOverSinceAgeMs, 'passed_over_since_age_ms'),
    notBeforeAge: fromUint64(record.notBeforeAgeMs, 'not_before_age_ms'),
    preferServer: idOrNone(record.preferServer),
    nextCause: requiredWord(attemptCauseWords, record.nextCause, 'next_cause'),
    // Records of before this field have it in the reason, or need it no more.
    nextReason: queueReason(runReasonOf(record.nextReason === '' ? run.reason : record.nextReason)),
    reservation: record.reservation === undefined ? undefined : reservationFromProto(record.reservation),
    wantedMove: record.wantedMove === undefined ? undefined : wantedMoveFromProto(record.wantedMove),
    outcome: record.outcome === undefined ? undefined : outcomeFromProto(record.outcome),
    failures: record.failures.map(({ server, ageMs }) => ({
      server: serverId(server),
      age: fromUint64(ageMs, 'failures.age_ms'),
    })),
    skips: record.skips.map(skipFromProto),
    backoffRounds: fromUint64(record.backoffRounds, 'backoff_rounds'),
    failureCount: fromUint64(record.failureCount, 'failure_count'),
    lastMoveAge: fromUint64(record.lastMoveAgeMs, 'last_move_age_ms'),
  };
}

function idOrNone(id: string): ServerId | undefined {
  return id === '' ? undefined : serverId(id);
}
