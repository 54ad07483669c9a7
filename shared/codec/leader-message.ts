/** What a leader says to an agent: `LeaderMessage` ⇄ locum.v1.ConnectResponse. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { unreachable } from '../assert.ts';
import { invalidField } from '../errors.ts';
import {
  type ConnectResponse,
  ConnectResponseSchema,
  type ReadOutput as PbReadOutput,
  type Verdict as PbVerdict,
  type StartAttempt,
  type StartAttemptSchema,
  type VerdictSchema,
} from '../gen/locum/v1/agent_service_pb.ts';
import type { Timers as PbTimers } from '../gen/locum/v1/timers_pb.ts';
import { policyId, sessionId, uid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { inParts } from '../parts.ts';
import type { LeaderMessage, ReadOutput, StartCommand, Verdict } from '../protocol/leader-message.ts';
import type { Timers } from '../protocol/timers.ts';
import { fromTimestamp, toDuration, toTimestamp } from '../rpc/time-messages.ts';
import { refFromProto, refToProto, spanFromProto, termsFromProto, termsToProto } from './attempt.ts';
import { healthCheckToProto, knownHealthCheck } from './health-check.ts';
import { fromUint64, toUint64 } from './numbers.ts';
import { outputRetentionFromProto, outputRetentionToProto } from './output-retention.ts';
import { timersFromProto, timersToProto } from './timers.ts';
import { verdictWords } from './words.ts';
import { workloadFromProto, workloadToProto } from './workload.ts';

/** One message, or several where it answers a large inventory. They belong together: nothing is sent between them. */
export function encodeLeaderMessage(message: LeaderMessage, term: number): readonly Buffer[] {
  return leaderMessageToProto(message, term).map((response) => {
    const { buffer, byteOffset, byteLength } = toBinary(ConnectResponseSchema, response);
    return Buffer.from(buffer, byteOffset, byteLength);
  });
}

export function leaderMessageToProto(message: LeaderMessage, term: number): readonly ConnectResponse[] {
  return partsOf(message).map(({ part, moreParts }) =>
    create(ConnectResponseSchema, { term: toUint64(term), message: contentOf(part, moreParts) }),
  );
}

interface Part {
  readonly part: LeaderMessage;
  readonly moreParts: boolean;
}

function partsOf(message: LeaderMessage): readonly Part[] {
  switch (message.kind) {
    case 'welcome':
    case 'verdicts':
      return inParts(message.verdicts, bytesOfVerdict, LIMITS.partBytes).map((verdicts, i, all) => ({
        part: { ...message, verdicts },
        moreParts: i < all.length - 1,
      }));
    case 'ack':
      return inParts(message.attempts, bytesOfRef, LIMITS.partBytes).map((attempts) => ({
        part: { ...message, attempts },
        moreParts: false,
      }));
    case 'grant':
    case 'start':
    case 'stop':
    case 'report_full_state':
    case 'reconnect':
    case 'read_output':
    case 'timers_changed':
    case 'authority_notice':
      return [{ part: message, moreParts: false }];
  }
}

/** Ids and stable words are ASCII; the rest is numbers and tags. */
const bytesOfRef = ({ run }: { readonly run: string }): number => 32 + run.length;
const bytesOfVerdict = (verdict: Verdict): number => bytesOfRef(verdict) + verdict.reason.length;

type Content = NonNullable<MessageInitShape<typeof ConnectResponseSchema>['message']>;

function contentOf(message: LeaderMessage, moreParts: boolean): Content {
  switch (message.kind) {
    case 'welcome': {
      const { session, clusterId, uid: ownUid, timers, verdicts } = message;
      const said = { session, clusterId, uid: ownUid, timers: timersToProto(timers) };
      return { case: 'welcome', value: { ...said, verdicts: verdicts.map(verdictToProto), moreParts } };
    }
    case 'grant': {
      const { sequence, generation } = message;
      return { case: 'grant', value: { sequence: toUint64(sequence), generation: toUint64(generation) } };
    }
    case 'start':
      return { case: 'startAttempt', value: startToProto(message) };
    case 'stop': {
      const { commandId, generation, reason } = message;
      const numbers = { commandId: toUint64(commandId), generation: toUint64(generation) };
      return { case: 'stopAttempt', value: { ...refToProto(message), ...numbers, reason } };
    }
    case 'ack':
      return { case: 'attemptAck', value: { attempts: message.attempts.map(refToProto) } };
    case 'report_full_state':
      return { case: 'reportFullState', value: { reason: message.reason } };
    case 'verdicts': {
      const { generation, verdicts } = message;
      const value = { generation: toUint64(generation), verdicts: verdicts.map(verdictToProto), moreParts };
      return { case: 'verdicts', value };
    }
    case 'reconnect': {
      const { endpoints, afterMs, reason } = message;
      const after = afterMs === 0 ? {} : { after: toDuration(afterMs) };
      return { case: 'reconnect', value: { endpoints: [...endpoints], ...after, reason } };
    }
    case 'read_output': {
      const { requestId, offset, limit, sinceWall } = message;
      const numbers = { requestId: toUint64(requestId), offset: BigInt(offset), limit };
      const since = sinceWall === undefined ? {} : { sinceTime: toTimestamp(sinceWall) };
      return { case: 'readOutput', value: { ...refToProto(message), ...numbers, ...since } };
    }
    case 'timers_changed':
      return { case: 'timersChanged', value: { timers: timersToProto(message.timers) } };
    case 'authority_notice':
      return { case: 'authorityNotice', value: { trusted: [...message.trusted], signing: message.signing } };
    default:
      return unreachable(message);
  }
}

/**
 * The whole of an answer in parts. Undefined: a kind of message that this version does not know, which a newer controller may send;
 * it is left out. @throws LocumError INVALID_FIELD
 */
export function leaderMessageFromProto({ message }: ConnectResponse): LeaderMessage | undefined {
  switch (message.case) {
    case 'welcome': {
      const { session, clusterId, uid: ownUid, timers, verdicts } = message.value;
      const ids = { session: sessionId(session), clusterId, uid: uid(ownUid) };
      return { kind: 'welcome', ...ids, timers: toldTimers(timers), verdicts: verdicts.flatMap(verdictFromProto) };
    }
    case 'grant': {
      const { sequence, generation } = message.value;
      const numbers = { sequence: fromUint64(sequence, 'sequence'), generation: fromUint64(generation, 'generation') };
      return { kind: 'grant', ...numbers };
    }
    case 'startAttempt':
      return startFromProto(message.value);
    case 'stopAttempt':
      return { kind: 'stop', ...commandFromProto(message.value), reason: message.value.reason };
    case 'attemptAck':
      return { kind: 'ack', attempts: message.value.attempts.map(refFromProto) };
    case 'reportFullState':
      return { kind: 'report_full_state', reason: message.value.reason };
    case 'verdicts': {
      const { generation, verdicts } = message.value;
      const held = fromUint64(generation, 'generation');
      return { kind: 'verdicts', generation: held, verdicts: verdicts.flatMap(verdictFromProto) };
    }
    case 'reconnect': {
      const { endpoints, after, reason } = message.value;
      return { kind: 'reconnect', endpoints, afterMs: spanFromProto(after, 'after'), reason };
    }
    case 'readOutput':
      return readOutputFromProto(message.value);
    case 'timersChanged':
      return { kind: 'timers_changed', timers: toldTimers(message.value.timers) };
    case 'authorityNotice':
      return { kind: 'authority_notice', trusted: message.value.trusted, signing: message.value.signing };
    case undefined:
      return undefined;
  }
}

/** What is not set takes its default. */
function toldTimers(timers: PbTimers | undefined): Timers {
  const told = timersFromProto(timers);
  const [negative] = Object.entries(told).find(([, ms]) => ms < 0) ?? [];
  if (negative !== undefined) throw invalidField(`timers.${negative}`, 'must not be negative');
  return told;
}

function verdictToProto(verdict: Verdict): MessageInitShape<typeof VerdictSchema> {
  return { ...refToProto(verdict), action: verdictWords.to[verdict.action], reason: verdict.reason };
}

/** A verdict without an action that this version knows says nothing: the attempt is not covered, and lapses. */
function verdictFromProto(verdict: PbVerdict): readonly Verdict[] {
  const action = verdictWords.from.get(verdict.action);
  return action === undefined ? [] : [{ ...refFromProto(verdict), action, reason: verdict.reason }];
}

/** Also what the keeper is told of a start. */
export function startToProto(start: StartCommand): MessageInitShape<typeof StartAttemptSchema> {
  const { commandId, generation, sequence, policy, terms, workload, arguments: args, slots } = start;
  const { healthCheck, outputRetention } = start;
  return {
    ...refToProto(start),
    ...termsToProto(terms),
    ...{ commandId: toUint64(commandId), generation: toUint64(generation), sequence: toUint64(sequence) },
    ...{ policy, arguments: [...args], slots },
    ...(workload === undefined ? {} : { workload: workloadToProto(workload) }),
    ...(healthCheck === undefined ? {} : { healthCheck: healthCheckToProto(healthCheck) }),
    ...(outputRetention === undefined ? {} : { outputRetention: outputRetentionToProto(outputRetention) }),
  };
}

function startFromProto(start: StartAttempt): StartCommand {
  const { policy, workload, slots, healthCheck } = start;
  const outputRetention = outputRetentionFromProto(start.outputRetention);
  return {
    kind: 'start',
    ...commandFromProto(start),
    sequence: fromUint64(start.sequence, 'sequence'),
    policy: policyId(policy),
    terms: termsFromProto(start),
    workload: workload?.kind.case === undefined ? undefined : workloadFromProto(workload),
    arguments: start.arguments,
    slots,
    ...(healthCheck === undefined ? {} : { healthCheck: knownHealthCheck(healthCheck) }),
    ...(outputRetention === undefined ? {} : { outputRetention }),
  };
}

function commandFromProto(command: Pick<StartAttempt, 'run' | 'epoch' | 'commandId' | 'generation'>) {
  const { commandId, generation } = command;
  const numbers = { commandId: fromUint64(commandId, 'command_id'), generation: fromUint64(generation, 'generation') };
  return { ...refFromProto(command), ...numbers };
}

function readOutputFromProto(read: PbReadOutput): ReadOutput {
  const offset = Number(read.offset);
  if (!Number.isSafeInteger(offset)) throw invalidField('offset', 'must be below 2^53');
  const requestId = fromUint64(read.requestId, 'request_id');
  const sinceWall = fromTimestamp(read.sinceTime);
  const since = sinceWall === undefined ? {} : { sinceWall };
  return { kind: 'read_output', ...refFromProto(read), requestId, offset, limit: read.limit, ...since };
}
