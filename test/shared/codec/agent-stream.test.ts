import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { agentMessageToProto } from '../../../shared/codec/agent-message.ts';
import { leaderMessageFromProto } from '../../../shared/codec/leader-message.ts';
import {
  ConnectRequestSchema,
  ConnectResponseSchema,
  VerdictAction,
} from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { OnDisconnect } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { HOST_PROBLEM_DETAIL_LIMIT, HOST_PROBLEM_KINDS } from '../../../shared/host-problem.ts';
import { epoch, policyId, poolId, runId, serverId, uid } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { AgentMessage, HostFacts } from '../../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../../shared/protocol/attempt.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import { hostProblemsFromProto } from '../../../shared/rpc/host-problem-messages.ts';
import { toDuration } from '../../../shared/rpc/time-messages.ts';
import { validate } from '../../../shared/rpc/validation.ts';

const host: HostFacts = {
  ...{ server: serverId('web-1'), pool: poolId('default'), instanceId: 'i'.repeat(128), machineId: 'm'.repeat(128) },
  ...{ bootId: 'b'.repeat(128), agentVersion: '1.0.0' },
};

const status = (i: number): ReportedAttempt => ({
  run: runId(`r${String(i).padStart(79, '0')}`),
  policy: policyId('p'.repeat(63)),
  epoch: epoch(2 ** 52 + i),
  state: 'ENDED',
  pid: 4_000_000,
  startWall: 1_700_000_000_000,
  endWall: 1_700_000_100_000,
  end: { cause: 'EXITED', exitCode: 255, signal: 'SIGTERM', detail: 'ü'.repeat(256) },
});

const capability = (i: number): Capability => ({
  name: `c${String(i).padStart(62, '0')}`,
  value: 'v'.repeat(128),
  source: 'CONFIG',
});

function fullest(kind: 'hello' | 'full_state' | 'report' | 'goodbye'): AgentMessage {
  const attempts = Array.from({ length: 100 }, (_, i) => status(i));
  switch (kind) {
    case 'hello': {
      const capabilities = Array.from({ length: 256 }, (_, i) => capability(i));
      const capacity = { maxSlots: 100_000, saturated: true, cpuPercent: 99, memoryPercent: 99 };
      const numbers = { highestTerm: 2 ** 52, highestEpoch: 2 ** 52 };
      const hostProblems = HOST_PROBLEM_KINDS.map((kind) => ({ kind, detail: 'ü'.repeat(HOST_PROBLEM_DETAIL_LIMIT) }));
      const ids = { ...host, uid: uid('u'.repeat(64)), clusterId: 'c'.repeat(64), uptimeMs: 123_456_789 };
      const facts = { ...ids, capabilities, capacity, hostProblems, ...numbers };
      return { kind, facts, attempts, lastPart: true };
    }
    case 'full_state':
      return { kind, generation: 2 ** 52, attempts, lastPart: true };
    case 'report':
      return { kind, attempts };
    case 'goodbye':
      return { kind, attempts, reason: 'LEAVE' };
  }
}

describe('what the agent says', () => {
  it.each(['hello', 'full_state', 'report', 'goodbye'] as const)(
    'fits into a message and keeps its rules: %s',
    (kind) => {
      const message = agentMessageToProto(fullest(kind));
      expect(toBinary(ConnectRequestSchema, message).length).toBeLessThan(LIMITS.agentMessageBytes);
      expect(() => validate(ConnectRequestSchema, message)).not.toThrow();
    },
  );

  it('leaves what did not change out of a heartbeat, and an unlimited agent’s slots out of its capacity', () => {
    const beat = {
      kind: 'heartbeat',
      sequence: 3,
      generation: 2,
      capacity: undefined,
      capabilities: undefined,
      hostProblems: undefined,
    } as const;
    const plain = agentMessageToProto(beat);
    expect(plain.message.value).toMatchObject({ sequence: 3n, generation: 2n });
    // Two numbers, and nothing else on the wire.
    expect(toBinary(ConnectRequestSchema, plain).length).toBeLessThan(10);
    const capacity = { maxSlots: undefined, saturated: false, cpuPercent: 1, memoryPercent: 2 };
    const told = agentMessageToProto({ ...beat, capacity, capabilities: [] }).message;
    expect(told.case === 'heartbeat' && told.value.capacity?.maxSlots).toBeUndefined();
    expect(told.case === 'heartbeat' && told.value.capabilities?.capabilities).toEqual([]);
    expect(told.case === 'heartbeat' && told.value.hostProblems).toBeUndefined();
    const over = agentMessageToProto({ ...beat, hostProblems: [] }).message;
    expect(over.case === 'heartbeat' && hostProblemsFromProto(over.value.hostProblems)).toEqual([]);
  });
});

describe('what a leader says', () => {
  const decode = (message: Parameters<typeof create<typeof ConnectResponseSchema>>[1] & object) =>
    leaderMessageFromProto(create(ConnectResponseSchema, message));

  it('is a start with its frozen terms', () => {
    const decoded = decode({
      message: {
        case: 'startAttempt',
        value: {
          ...{ commandId: 1n, generation: 2n, sequence: 3n, run: 'import-1', policy: 'import', epoch: 7n, slots: 2 },
          onDisconnect: OnDisconnect.HOLD,
          lease: toDuration(20_000),
          stopTimeout: toDuration(10_000),
          killGuard: toDuration(5_000),
          workload: { kind: { case: 'command', value: { argv: ['a', 'b'] } }, env: { X: '1' } },
          arguments: ['c'],
        },
      },
    });
    expect(decoded).toEqual({
      ...{
        kind: 'start',
        commandId: 1,
        generation: 2,
        sequence: 3,
        run: 'import-1',
        policy: 'import',
        epoch: 7,
        slots: 2,
      },
      terms: { onDisconnect: 'HOLD', leaseMs: 20_000, stopTimeoutMs: 10_000, killGuardMs: 5_000 },
      workload: { kind: 'command', argv: ['a', 'b'], env: { X: '1' }, workingDirectory: '', user: '' },
      arguments: ['c'],
    });
  });

  it('is a start of an unknown workload where a newer controller sends one: it can be refused, and is not lost', () => {
    const decoded = decode({ message: { case: 'startAttempt', value: { commandId: 1n, run: 'a-1', epoch: 1n } } });
    expect(decoded).toMatchObject({ kind: 'start', workload: undefined, terms: { leaseMs: 0 } });
  });

  it('is nothing where this version does not know it', () => {
    expect(decode({ term: 5n })).toBeUndefined();
  });

  it('has verdicts, of which one without a known action says nothing', () => {
    const verdicts = [
      { run: 'a-1', epoch: 1n, action: VerdictAction.KEEP },
      { run: 'b-2', epoch: 2n, action: VerdictAction.STOP, reason: 'SUPERSEDED' },
      { run: 'c-3', epoch: 3n, action: VerdictAction.UNSPECIFIED },
    ];
    expect(decode({ message: { case: 'verdicts', value: { generation: 4n, verdicts } } })).toEqual({
      kind: 'verdicts',
      generation: 4,
      verdicts: [
        { run: 'a-1', epoch: 1, action: 'KEEP', reason: '' },
        { run: 'b-2', epoch: 2, action: 'STOP', reason: 'SUPERSEDED' },
      ],
    });
  });

  it('falls back to the default timers where a Welcome names none', () => {
    expect(decode({ message: { case: 'welcome', value: { session: 's', clusterId: 'c', uid: 'u' } } })).toMatchObject({
      kind: 'welcome',
      timers: { heartbeatMs: 5_000, leaseMs: 20_000 },
    });
  });
});
