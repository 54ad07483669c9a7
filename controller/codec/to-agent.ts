/** What agents are told: `ToAgent` → bytes of locum.v1.ConnectResponse. */
import { create, toBinary } from '@bufbuild/protobuf';
import { toUint64 } from '../../shared/codec/numbers.ts';
import {
  type ConnectResponse,
  ConnectResponseSchema,
  GrantSchema,
  type Verdict as PbVerdict,
  type ReadOutput,
  ReconnectSchema,
  StartAttemptSchema,
  VerdictSchema,
  WelcomeSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { inParts } from '../../shared/parts.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import type { ToAgent, Verdict } from '../core/records/to-agent.ts';
import { timersToProto } from './timers.ts';
import { onDisconnectWords, verdictWords } from './words.ts';
import { workloadToProto } from './workload.ts';

/** What the shell knows of the leadership and adds to each message. */
export interface LeaderIdentity {
  readonly term: number;
  readonly clusterId: string;
}

/** One message, or several where it answers a large inventory. They belong together: nothing is sent between them. */
export function encodeToAgent(message: ToAgent, leader: LeaderIdentity): readonly Buffer[] {
  return partsOf(message).map(({ part, moreParts }) => encode(contentOf(part, leader, moreParts), leader));
}

interface Part {
  readonly part: ToAgent;
  readonly moreParts: boolean;
}

function partsOf(message: ToAgent): readonly Part[] {
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
    case 'timers_changed':
      return [{ part: message, moreParts: false }];
  }
}

/** Ids and stable words are ASCII; the rest is numbers and tags. */
const bytesOfRef = ({ run }: { readonly run: string }): number => 32 + run.length;
const bytesOfVerdict = (verdict: Verdict): number => bytesOfRef(verdict) + verdict.reason.length;

/** The one message that the core knows nothing of. */
export function encodeReadOutput(value: ReadOutput, leader: LeaderIdentity): Buffer {
  return encode({ case: 'readOutput', value }, leader);
}

/** Where else to connect, best first. `leader` is the one that this controller knows of. */
export function encodeReconnect(endpoints: readonly string[], reason: string, leader: LeaderIdentity): Buffer {
  const value = create(ReconnectSchema, { endpoints: [...endpoints], reason });
  return encode({ case: 'reconnect', value }, leader);
}

function encode(message: ConnectResponse['message'], leader: LeaderIdentity): Buffer {
  const response = create(ConnectResponseSchema, { term: toUint64(leader.term), message });
  const { buffer, byteOffset, byteLength } = toBinary(ConnectResponseSchema, response);
  return Buffer.from(buffer, byteOffset, byteLength);
}

function contentOf(message: ToAgent, leader: LeaderIdentity, moreParts: boolean): ConnectResponse['message'] {
  switch (message.kind) {
    case 'grant': {
      const { sequence, generation } = message;
      const value = create(GrantSchema, { sequence: toUint64(sequence), generation: toUint64(generation) });
      return { case: 'grant', value };
    }
    case 'welcome':
      return { case: 'welcome', value: welcomeToProto(message, leader, moreParts) };
    case 'start':
      return { case: 'startAttempt', value: startToProto(message) };
    case 'stop':
    case 'ack':
    case 'report_full_state':
    case 'verdicts':
    case 'timers_changed':
      return create(ConnectResponseSchema, { message: plainContentOf(message, moreParts) }).message;
  }
}

type Plain = Exclude<ToAgent, { kind: 'grant' | 'welcome' | 'start' }>;

function plainContentOf(message: Plain, moreParts: boolean) {
  switch (message.kind) {
    case 'stop': {
      const { commandId, generation, run, epoch, reason } = message;
      const numbers = { commandId: toUint64(commandId), generation: toUint64(generation), epoch: toUint64(epoch) };
      return { case: 'stopAttempt' as const, value: { ...numbers, run, reason } };
    }
    case 'ack': {
      const attempts = message.attempts.map(({ run, epoch }) => ({ run, epoch: toUint64(epoch) }));
      return { case: 'attemptAck' as const, value: { attempts } };
    }
    case 'report_full_state':
      return { case: 'reportFullState' as const, value: { reason: message.reason } };
    case 'verdicts': {
      const generation = toUint64(message.generation);
      const verdicts = message.verdicts.map(verdictToProto);
      return { case: 'verdicts' as const, value: { generation, verdicts, moreParts } };
    }
    case 'timers_changed':
      return { case: 'timersChanged' as const, value: { timers: timersToProto(message.timers) } };
  }
}

function welcomeToProto(
  message: Extract<ToAgent, { kind: 'welcome' }>,
  { clusterId }: LeaderIdentity,
  moreParts: boolean,
) {
  const { session, uid, timers, verdicts } = message;
  return create(WelcomeSchema, {
    session,
    clusterId,
    uid,
    timers: timersToProto(timers),
    verdicts: verdicts.map(verdictToProto),
    moreParts,
  });
}

function startToProto(message: Extract<ToAgent, { kind: 'start' }>) {
  const { terms } = message;
  return create(StartAttemptSchema, {
    commandId: toUint64(message.commandId),
    generation: toUint64(message.generation),
    sequence: toUint64(message.sequence),
    run: message.run,
    policy: message.policy,
    epoch: toUint64(message.epoch),
    onDisconnect: onDisconnectWords.to[terms.onDisconnect],
    lease: toDuration(terms.leaseMs),
    stopTimeout: toDuration(terms.stopTimeoutMs),
    killGuard: toDuration(terms.killGuardMs),
    workload: workloadToProto(message.workload),
    arguments: [...message.arguments],
    slots: message.slots,
  });
}

function verdictToProto({ run, epoch, action, reason }: Verdict): PbVerdict {
  return create(VerdictSchema, { run, epoch: toUint64(epoch), action: verdictWords.to[action], reason });
}
