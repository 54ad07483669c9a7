/** What agents say: `AgentMessage` ⇄ locum.v1.ConnectRequest. */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { unreachable } from '../assert.ts';
import { LocumError } from '../errors.ts';
import {
  AttemptReportSchema,
  CapabilitySetSchema,
  type CapacitySchema,
  CommandResultSchema,
  type ConnectRequest,
  ConnectRequestSchema,
  FullStateSchema,
  GoodbyeSchema,
  HelloSchema,
  OutputChunkSchema,
  type Capacity as PbCapacity,
  type CommandResult as PbCommandResult,
  type Heartbeat as PbHeartbeat,
  type Hello as PbHello,
  type OutputChunk as PbOutputChunk,
} from '../gen/locum/v1/agent_service_pb.ts';
import { CertificateLifeSchema } from '../gen/locum/v1/certificate_pb.ts';
import { HostProblemSetSchema } from '../gen/locum/v1/host_problem_pb.ts';
import type { EndCause as PbEndCause } from '../gen/locum/v1/run_pb.ts';
import { DEFAULT_POOL, poolId, serverId, uid } from '../ids.ts';
import type {
  AgentMessage,
  Capacity,
  CommandResult,
  Heartbeat,
  Hello,
  OutputAnswer,
} from '../protocol/agent-message.ts';
import type { RefusedEnd } from '../protocol/start-refusal.ts';
import {
  hostProblemFromProto,
  hostProblemsFromProto,
  hostProblemsToProto,
  hostProblemToProto,
} from '../rpc/host-problem-messages.ts';
import { toDuration } from '../rpc/time-messages.ts';
import { validate } from '../rpc/validation.ts';
import { reportedAttemptFromProto, reportedAttemptToProto, spanFromProto, told } from './attempt.ts';
import { capabilityFromProto, capabilityToProto, probeFailureFromProto } from './capability.ts';
import { certificateFromProto, certificateToProto } from './certificate.ts';
import { fromUint64, toUint64 } from './numbers.ts';
import { outputTimesFromProto, outputTimesToProto } from './output-times.ts';
import { requiredWord } from './required.ts';
import { commandOutcomeWords, endCauseWords } from './words.ts';

export function agentMessageToProto(message: AgentMessage): ConnectRequest {
  return create(ConnectRequestSchema, { message: contentOf(message) });
}

type Content = NonNullable<MessageInitShape<typeof ConnectRequestSchema>['message']>;

function contentOf(message: AgentMessage): Content {
  switch (message.kind) {
    case 'hello':
      return { case: 'hello', value: helloToProto(message) };
    case 'heartbeat':
      return { case: 'heartbeat', value: heartbeatToProto(message) };
    case 'report':
      return { case: 'attemptReport', value: { attempts: message.attempts.map(reportedAttemptToProto) } };
    case 'command_result':
      return { case: 'commandResult', value: commandResultToProto(message) };
    case 'full_state': {
      const { generation, attempts, lastPart } = message;
      const listed = attempts.map(reportedAttemptToProto);
      return { case: 'fullState', value: { generation: toUint64(generation), attempts: listed, lastPart } };
    }
    case 'goodbye': {
      const { attempts, reason } = message;
      return { case: 'goodbye', value: { attempts: attempts.map(reportedAttemptToProto), reason } };
    }
    case 'output_chunk':
      return { case: 'outputChunk', value: outputToProto(message) };
    default:
      return unreachable(message);
  }
}

/**
 * Keeps the rules that stand in the proto, and the ranges of numbers and times.
 * @throws LocumError INVALID_FIELD, or PROTOCOL for what is not known here
 */
export function agentMessageFromProto({ message }: ConnectRequest): AgentMessage {
  switch (message.case) {
    case 'hello':
      return helloFromProto(checked(HelloSchema, message.value));
    case 'heartbeat':
      return heartbeatFromProto(message.value);
    case 'attemptReport': {
      const { attempts } = checked(AttemptReportSchema, message.value);
      return { kind: 'report', attempts: attempts.map(reportedAttemptFromProto) };
    }
    case 'commandResult':
      return commandResultFromProto(checked(CommandResultSchema, message.value));
    case 'fullState': {
      const { generation, attempts, lastPart } = checked(FullStateSchema, message.value);
      const listed = attempts.map(reportedAttemptFromProto);
      return { kind: 'full_state', generation: fromUint64(generation, 'generation'), attempts: listed, lastPart };
    }
    case 'goodbye': {
      const { attempts, reason } = checked(GoodbyeSchema, message.value);
      return { kind: 'goodbye', attempts: attempts.map(reportedAttemptFromProto), reason: farewell(reason) };
    }
    case 'outputChunk':
      return outputFromProto(checked(OutputChunkSchema, message.value));
    case undefined:
      throw new LocumError('PROTOCOL', 'the message says nothing that is known here');
  }
}

/** A word that this version does not know is an agent that leaves, whatever for. */
const farewell = (reason: string): 'LEAVE' | 'SHUTDOWN' => (reason === 'SHUTDOWN' ? 'SHUTDOWN' : 'LEAVE');

/** The message, once it has passed its rules. @throws LocumError INVALID_FIELD */
function checked<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): MessageShape<Desc> {
  validate(schema, message);
  return message;
}

function helloToProto({ facts, attempts, lastPart }: Hello): MessageInitShape<typeof HelloSchema> {
  const { uptimeMs, uid: ownUid = '', capacity, capabilities, hostProblems, probeFailures = [], ...rest } = facts;
  return {
    ...rest,
    ...{ uid: ownUid, uptime: toDuration(uptimeMs), lastPart },
    highestTerm: toUint64(facts.highestTerm),
    highestEpoch: toUint64(facts.highestEpoch),
    capabilities: capabilities.map(capabilityToProto),
    probeFailures: [...probeFailures],
    capacity: capacityToProto(capacity),
    attempts: attempts.map(reportedAttemptToProto),
    ...(hostProblems === undefined ? {} : { hostProblems: hostProblemsToProto(hostProblems) }),
  };
}

function helloFromProto(hello: PbHello): Hello {
  const { instanceId, machineId, bootId, agentVersion, clusterId } = hello;
  const facts = {
    ...{ instanceId, machineId, bootId, agentVersion, clusterId },
    server: serverId(hello.server),
    pool: hello.pool === '' ? DEFAULT_POOL : poolId(hello.pool),
    uid: hello.uid === '' ? undefined : uid(hello.uid),
    uptimeMs: spanFromProto(hello.uptime, 'uptime'),
    capabilities: hello.capabilities.map(capabilityFromProto),
    probeFailures: hello.probeFailures.map(probeFailureFromProto),
    capacity: capacityFromProto(hello.capacity),
    highestTerm: fromUint64(hello.highestTerm, 'highest_term'),
    highestEpoch: fromUint64(hello.highestEpoch, 'highest_epoch'),
    hostProblems: hostProblemsFromProto(hello.hostProblems),
  };
  return { kind: 'hello', facts, attempts: hello.attempts.map(reportedAttemptFromProto), lastPart: hello.lastPart };
}

function heartbeatToProto(beat: Heartbeat): Extract<Content, { case: 'heartbeat' }>['value'] {
  const { capacity, capabilities, probeFailures = [], hostProblems, certificate } = beat;
  return {
    sequence: toUint64(beat.sequence),
    generation: toUint64(beat.generation),
    ...(capacity === undefined ? {} : { capacity: capacityToProto(capacity) }),
    ...(capabilities === undefined
      ? {}
      : { capabilities: { capabilities: capabilities.map(capabilityToProto), probeFailures: [...probeFailures] } }),
    ...(hostProblems === undefined ? {} : { hostProblems: hostProblemsToProto(hostProblems) }),
    ...(certificate === undefined ? {} : { certificate: certificateToProto(certificate) }),
  };
}

/** Its rules by hand, but for what it hardly ever has: the validator takes longer than all the rest of a heartbeat. */
function heartbeatFromProto(beat: PbHeartbeat): Heartbeat {
  const { sequence, generation, capacity, capabilities, hostProblems, certificate } = beat;
  if (capacity !== undefined) checkCapacity(capacity);
  if (capabilities !== undefined) checked(CapabilitySetSchema, capabilities);
  return {
    kind: 'heartbeat',
    sequence: fromUint64(sequence, 'sequence'),
    generation: fromUint64(generation, 'generation'),
    capacity: capacity === undefined ? undefined : capacityFromProto(capacity),
    capabilities: capabilities?.capabilities.map(capabilityFromProto),
    probeFailures: capabilities?.probeFailures.map(probeFailureFromProto),
    hostProblems:
      hostProblems === undefined ? undefined : hostProblemsFromProto(checked(HostProblemSetSchema, hostProblems)),
    ...(certificate === undefined
      ? {}
      : { certificate: certificateFromProto(checked(CertificateLifeSchema, certificate)) }),
  };
}

function checkCapacity({ maxSlots }: PbCapacity): void {
  if (maxSlots !== undefined && (maxSlots < 0 || maxSlots > 100_000)) {
    throw new LocumError('PROTOCOL', `max_slots is ${maxSlots}; it must be from 0 to 100000`);
  }
}

function capacityToProto({ maxSlots, ...load }: Capacity): MessageInitShape<typeof CapacitySchema> {
  return maxSlots === undefined ? load : { ...load, maxSlots };
}

/** Unset: no limit of its own, not saturated. */
function capacityFromProto(capacity: PbCapacity | undefined): Capacity {
  const { maxSlots, saturated = false, cpuPercent = 0, memoryPercent = 0 } = capacity ?? {};
  return { maxSlots, saturated, cpuPercent, memoryPercent };
}

function commandResultToProto(result: CommandResult): MessageInitShape<typeof CommandResultSchema> {
  const { commandId, outcome, reason, detail, pid, endCause, hostProblem } = result;
  return {
    ...{ commandId: toUint64(commandId), outcome: commandOutcomeWords.to[outcome], reason, detail, pid },
    ...(endCause === undefined ? {} : { endCause: endCauseWords.to[endCause] }),
    hostProblem: hostProblemToProto(hostProblem),
  };
}

function commandResultFromProto(result: PbCommandResult): CommandResult {
  return {
    kind: 'command_result',
    commandId: fromUint64(result.commandId, 'command_id'),
    outcome: requiredWord(commandOutcomeWords, result.outcome, 'outcome'),
    reason: told(result.reason),
    detail: told(result.detail),
    pid: result.pid,
    endCause: refusedEndOf(result.endCause),
    hostProblem: hostProblemFromProto(result.hostProblem),
  };
}

/** What a start that was not carried out can't end by says nothing. */
function refusedEndOf(cause: PbEndCause): RefusedEnd | undefined {
  const word = endCauseWords.from.get(cause);
  return word === 'REFUSED' || word === 'EXPIRED' || word === 'SPAWN_FAILED' ? word : undefined;
}

function outputToProto({ requestId, chunk }: OutputAnswer): MessageInitShape<typeof OutputChunkSchema> {
  const { offset, size, times, ...rest } = chunk;
  return {
    ...rest,
    times: outputTimesToProto(times),
    requestId: toUint64(requestId),
    offset: toUint64(offset),
    size: toUint64(size),
  };
}

function outputFromProto({ requestId, offset, data, size, end, error, times }: PbOutputChunk): OutputAnswer {
  const place = { offset: fromUint64(offset, 'offset'), data, size: fromUint64(size, 'size') };
  const chunk = { ...place, end, error, times: outputTimesFromProto(times) };
  return { kind: 'output_chunk', requestId: fromUint64(requestId, 'request_id'), chunk };
}
