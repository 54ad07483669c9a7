/** What a leader says, from locum.v1 into the core's own types. Nothing of the generated code passes this file. */
import {
  type ConnectResponse,
  type StartAttempt,
  VerdictAction,
  type Verdict as VerdictMessage,
  type Welcome as WelcomeMessage,
} from '../shared/gen/locum/v1/agent_service_pb.ts';
import type { Workload as WorkloadMessage } from '../shared/gen/locum/v1/policy_pb.ts';
import type { Timers } from '../shared/gen/locum/v1/timers_pb.ts';
import { policyId, sessionId, uid } from '../shared/ids.ts';
import { fromDuration } from '../shared/rpc/time-messages.ts';
import { onDisconnectFromMessage, refFromMessage } from './attempt-codec.ts';
import type { AgentTimers, FromLeader, FrozenTerms, StartCommand, Verdict, Workload } from './core/message.ts';
import { DEFAULT_TIMERS } from './core/state.ts';

/** Undefined: a kind of message that this version does not know, which a newer controller may send; it is left out. */
export function decodeResponse({ message }: ConnectResponse): FromLeader | undefined {
  switch (message.case) {
    case 'welcome':
      return decodeWelcome(message.value);
    case 'grant': {
      const { sequence, generation } = message.value;
      return { kind: 'grant', sequence: Number(sequence), generation: Number(generation) };
    }
    case 'startAttempt':
      return decodeStart(message.value);
    case 'stopAttempt': {
      const { commandId, generation, reason } = message.value;
      const numbers = { commandId: Number(commandId), generation: Number(generation) };
      return { kind: 'stop', ...numbers, ...refFromMessage(message.value), reason };
    }
    case 'attemptAck':
      return { kind: 'ack', attempts: message.value.attempts.map(refFromMessage) };
    case 'reportFullState':
      return { kind: 'report_full_state', reason: message.value.reason };
    case 'verdicts': {
      const { generation, verdicts } = message.value;
      return { kind: 'verdicts', generation: Number(generation), verdicts: verdicts.flatMap(decodeVerdict) };
    }
    case 'reconnect': {
      const { endpoints, after, reason } = message.value;
      return { kind: 'reconnect', endpoints, afterMs: fromDuration(after) ?? 0, reason };
    }
    case 'readOutput': {
      const { requestId, offset, limit } = message.value;
      const numbers = { requestId: Number(requestId), offset: Number(offset), limit };
      return { kind: 'read_output', ...refFromMessage(message.value), ...numbers };
    }
    case 'timersChanged':
      return { kind: 'timers_changed', timers: decodeTimers(message.value.timers) };
    case undefined:
      return undefined;
  }
}

function decodeWelcome({ session, clusterId, uid: ownUid, timers, verdicts }: WelcomeMessage): FromLeader {
  return {
    kind: 'welcome',
    session: sessionId(session),
    clusterId,
    uid: uid(ownUid),
    timers: decodeTimers(timers),
    verdicts: verdicts.flatMap(decodeVerdict),
  };
}

function decodeTimers(timers: Timers | undefined): AgentTimers {
  return {
    heartbeatMs: fromDuration(timers?.heartbeatInterval) ?? DEFAULT_TIMERS.heartbeatMs,
    leaseMs: fromDuration(timers?.lease) ?? DEFAULT_TIMERS.leaseMs,
  };
}

/** A verdict without an action that this version knows says nothing: the attempt is not covered, and lapses. */
function decodeVerdict(verdict: VerdictMessage): readonly Verdict[] {
  const { action, reason } = verdict;
  switch (action) {
    case VerdictAction.KEEP:
      return [{ ...refFromMessage(verdict), action: 'KEEP', reason }];
    case VerdictAction.ADOPT:
      return [{ ...refFromMessage(verdict), action: 'ADOPT', reason }];
    case VerdictAction.STOP:
      return [{ ...refFromMessage(verdict), action: 'STOP', reason }];
    case VerdictAction.UNSPECIFIED:
      return [];
    default:
      return [];
  }
}

function decodeStart(start: StartAttempt): StartCommand {
  return {
    kind: 'start',
    ...refFromMessage(start),
    commandId: Number(start.commandId),
    generation: Number(start.generation),
    sequence: Number(start.sequence),
    policy: policyId(start.policy),
    terms: decodeTerms(start),
    workload: decodeWorkload(start.workload),
    arguments: start.arguments,
    slots: start.slots,
  };
}

/** Terms are always there; a lease that is not would be one of no length, which no start is early enough for. */
function decodeTerms({ onDisconnect, lease, stopTimeout, killGuard }: StartAttempt): FrozenTerms {
  return {
    onDisconnect: onDisconnectFromMessage(onDisconnect),
    leaseMs: fromDuration(lease) ?? 0,
    stopTimeoutMs: fromDuration(stopTimeout) ?? 0,
    killGuardMs: fromDuration(killGuard) ?? 0,
  };
}

function decodeWorkload(workload: WorkloadMessage | undefined): Workload {
  const { env = {}, workingDirectory = '', user = '' } = workload ?? {};
  return { program: decodeProgram(workload?.kind), env, workingDirectory, user };
}

function decodeProgram(kind: WorkloadMessage['kind'] | undefined): Workload['program'] {
  switch (kind?.case) {
    case 'command':
      return { kind: 'command', argv: kind.value.argv };
    case 'script':
      return { kind: 'script', interpreter: kind.value.interpreter, text: kind.value.text };
    case undefined:
      return { kind: 'unknown' };
  }
}
