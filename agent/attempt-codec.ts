/** Attempts and their frozen terms, to and from locum.v1: what the stream and the keeper's protocol share. */
import { create } from '@bufbuild/protobuf';
import { unreachable } from '../shared/assert.ts';
import {
  type AttemptStatus as AttemptStatusMessage,
  AttemptStatusSchema,
} from '../shared/gen/locum/v1/agent_service_pb.ts';
import { OnDisconnect as OnDisconnectEnum } from '../shared/gen/locum/v1/policy_pb.ts';
import {
  type AttemptEnd as AttemptEndMessage,
  AttemptEndSchema,
  AttemptState as AttemptStateEnum,
  EndCause as EndCauseEnum,
} from '../shared/gen/locum/v1/run_pb.ts';
import { epoch, policyId, runId } from '../shared/ids.ts';
import { hostProblemFromProto, hostProblemToProto } from '../shared/rpc/host-problem-messages.ts';
import { fromTimestamp, toTimestamp } from '../shared/rpc/time-messages.ts';
import type { AttemptEnd, AttemptRef, AttemptState, AttemptStatus, EndCause, OnDisconnect } from './core/message.ts';

export function refFromMessage(ref: { readonly run: string; readonly epoch: bigint }): AttemptRef {
  return { run: runId(ref.run), epoch: epoch(Number(ref.epoch)) };
}

export function refToMessage({ run, epoch: e }: AttemptRef): { readonly run: string; readonly epoch: bigint } {
  return { run, epoch: BigInt(e) };
}

export function statusToMessage(status: AttemptStatus): AttemptStatusMessage {
  const { policy, state, pid, startWall, endWall, end } = status;
  const message = create(AttemptStatusSchema, { ...refToMessage(status), policy, state: AttemptStateEnum[state], pid });
  if (startWall !== undefined) message.startTime = toTimestamp(startWall);
  if (endWall !== undefined) message.endTime = toTimestamp(endWall);
  if (end !== undefined) message.end = endToMessage(end);
  return message;
}

function endToMessage({ cause, exitCode, signal, detail, hostProblem }: AttemptEnd): AttemptEndMessage {
  const message = create(AttemptEndSchema, {
    ...{ cause: causeToMessage(cause), signal, detail },
    hostProblem: hostProblemToProto(hostProblem),
  });
  if (exitCode !== undefined) message.exitCode = exitCode;
  return message;
}

export function causeToMessage(cause: EndCause): EndCauseEnum {
  return cause === 'UNKNOWN' ? EndCauseEnum.UNSPECIFIED : EndCauseEnum[cause];
}

/** A status as a keeper tells it. A state that this version does not know is taken for a living one: that proves nothing. */
export function statusFromMessage(message: AttemptStatusMessage): AttemptStatus {
  const { policy, pid, startTime, endTime, end } = message;
  const state = stateFromMessage(message.state);
  return {
    ...refFromMessage(message),
    policy: policyId(policy),
    state,
    pid,
    startWall: fromTimestamp(startTime),
    endWall: fromTimestamp(endTime),
    end: state === 'ENDED' ? endFromMessage(end) : undefined,
  };
}

function stateFromMessage(state: AttemptStateEnum): AttemptState {
  switch (state) {
    case AttemptStateEnum.ASSIGNED:
    case AttemptStateEnum.STARTING:
      return 'STARTING';
    case AttemptStateEnum.STOPPING:
      return 'STOPPING';
    case AttemptStateEnum.STUCK:
      return 'STUCK';
    case AttemptStateEnum.ENDED:
      return 'ENDED';
    case AttemptStateEnum.RUNNING:
    case AttemptStateEnum.UNSPECIFIED:
      return 'RUNNING';
    default:
      return 'RUNNING';
  }
}

function endFromMessage(end: AttemptEndMessage | undefined): AttemptEnd {
  const { cause = EndCauseEnum.UNSPECIFIED, exitCode, signal = '', detail = '' } = end ?? {};
  const hostProblem = end === undefined ? undefined : hostProblemFromProto(end.hostProblem);
  return { cause: causeFromMessage(cause), exitCode, signal, detail, hostProblem };
}

function causeFromMessage(cause: EndCauseEnum): EndCause {
  switch (cause) {
    case EndCauseEnum.EXITED:
      return 'EXITED';
    case EndCauseEnum.STOPPED:
      return 'STOPPED';
    case EndCauseEnum.LAPSED:
      return 'LAPSED';
    case EndCauseEnum.REFUSED:
      return 'REFUSED';
    case EndCauseEnum.SPAWN_FAILED:
      return 'SPAWN_FAILED';
    case EndCauseEnum.LOST:
      return 'LOST';
    case EndCauseEnum.EXPIRED:
      return 'EXPIRED';
    case EndCauseEnum.UNSPECIFIED:
      return 'UNKNOWN';
    default:
      return 'UNKNOWN';
  }
}

/** Unset is read as STOP, and so is what this version does not know: the value that promises most. */
export function onDisconnectFromMessage(value: OnDisconnectEnum): OnDisconnect {
  switch (value) {
    case OnDisconnectEnum.HOLD:
      return 'HOLD';
    case OnDisconnectEnum.OVERLAP:
      return 'OVERLAP';
    case OnDisconnectEnum.STOP:
    case OnDisconnectEnum.UNSPECIFIED:
      return 'STOP';
    default:
      return 'STOP';
  }
}

export function onDisconnectToMessage(value: OnDisconnect): OnDisconnectEnum {
  switch (value) {
    case 'STOP':
      return OnDisconnectEnum.STOP;
    case 'HOLD':
      return OnDisconnectEnum.HOLD;
    case 'OVERLAP':
      return OnDisconnectEnum.OVERLAP;
    default:
      return unreachable(value);
  }
}
