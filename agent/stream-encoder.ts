/** What the agent says, from the core's own types into locum.v1. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { unreachable } from '../shared/assert.ts';
import {
  type CapacitySchema,
  CommandOutcome,
  type ConnectRequest,
  ConnectRequestSchema,
} from '../shared/gen/locum/v1/agent_service_pb.ts';
import { type CapabilitySchema, CapabilitySource } from '../shared/gen/locum/v1/capability_pb.ts';
import { hostProblemsToProto, hostProblemToProto } from '../shared/rpc/host-problem-messages.ts';
import { toDuration } from '../shared/rpc/time-messages.ts';
import { statusToMessage } from './attempt-codec.ts';
import type { Capability, Capacity, ToLeader } from './core/message.ts';

/** Facts of the host and of the configuration that a Hello carries; the core needs none of them. */
export interface HelloIdentity {
  readonly server: string;
  readonly pool: string;
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly agentVersion: string;
}

/** `uptimeMs`: time since the host's boot, suspend included. */
export function encodeRequest(message: ToLeader, identity: HelloIdentity, uptimeMs: number): ConnectRequest {
  return create(ConnectRequestSchema, { message: payload(message, identity, uptimeMs) });
}

type Payload = NonNullable<MessageInitShape<typeof ConnectRequestSchema>['message']>;

function payload(message: ToLeader, identity: HelloIdentity, uptimeMs: number): Payload {
  switch (message.kind) {
    case 'hello':
      return { case: 'hello', value: helloValue(message, identity, uptimeMs) };
    case 'heartbeat':
      return { case: 'heartbeat', value: heartbeatValue(message) };
    case 'report':
      return { case: 'attemptReport', value: { attempts: message.attempts.map(statusToMessage) } };
    case 'command_result': {
      const { outcome, hostProblem, ...answer } = message.answer;
      const commandId = BigInt(message.commandId);
      const enums = { outcome: CommandOutcome[outcome], hostProblem: hostProblemToProto(hostProblem) };
      return { case: 'commandResult', value: { commandId, ...enums, ...answer } };
    }
    case 'full_state': {
      const { generation, attempts, lastPart } = message;
      return {
        case: 'fullState',
        value: { generation: BigInt(generation), attempts: attempts.map(statusToMessage), lastPart },
      };
    }
    case 'goodbye':
      return { case: 'goodbye', value: { attempts: message.attempts.map(statusToMessage), reason: message.reason } };
    case 'output_chunk': {
      const { requestId, chunk } = message;
      const value = { ...chunk, requestId: BigInt(requestId), offset: BigInt(chunk.offset), size: BigInt(chunk.size) };
      return { case: 'outputChunk', value };
    }
    default:
      return unreachable(message);
  }
}

type HelloValue = Extract<Payload, { case?: 'hello' }>['value'];
type HeartbeatValue = Extract<Payload, { case?: 'heartbeat' }>['value'];

function helloValue(
  { facts, attempts, lastPart }: Extract<ToLeader, { kind: 'hello' }>,
  identity: HelloIdentity,
  uptimeMs: number,
): HelloValue {
  const { uid, clusterId, capabilities, capacity, highestTerm, highestEpoch, hostProblems } = facts;
  return {
    ...identity,
    ...{ uid, clusterId, lastPart, uptime: toDuration(uptimeMs) },
    ...{ highestTerm: BigInt(highestTerm), highestEpoch: BigInt(highestEpoch) },
    capabilities: capabilities.map(capabilityValue),
    capacity: capacityValue(capacity),
    hostProblems: hostProblemsToProto(hostProblems),
    attempts: attempts.map(statusToMessage),
  };
}

function heartbeatValue(beat: Extract<ToLeader, { kind: 'heartbeat' }>): HeartbeatValue {
  const { sequence, generation, capacity, capabilities, hostProblems } = beat;
  return {
    sequence: BigInt(sequence),
    generation: BigInt(generation),
    ...(capacity === undefined ? {} : { capacity: capacityValue(capacity) }),
    ...(capabilities === undefined ? {} : { capabilities: { capabilities: capabilities.map(capabilityValue) } }),
    ...(hostProblems === undefined ? {} : { hostProblems: hostProblemsToProto(hostProblems) }),
  };
}

function capacityValue({ maxSlots, ...load }: Capacity): MessageInitShape<typeof CapacitySchema> {
  return maxSlots === undefined ? load : { ...load, maxSlots };
}

function capabilityValue({ name, value, source }: Capability): MessageInitShape<typeof CapabilitySchema> {
  return { name, value, source: CapabilitySource[source] };
}
