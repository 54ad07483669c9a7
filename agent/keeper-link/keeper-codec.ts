/** The keeper's protocol, to and from the core's own types. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { unreachable } from '../../shared/assert.ts';
import {
  Containment,
  type DeadlineSchema,
  type ExtensionSchema,
  type KeptAttempt as KeptMessage,
  type Opened,
  type ReadResult,
  type Result,
  type StartSchema,
} from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import type { StartAttemptSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import type { WorkloadSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import { fromDuration, toDuration } from '../../shared/rpc/time-messages.ts';
import {
  onDisconnectFromMessage,
  onDisconnectToMessage,
  refFromMessage,
  refToMessage,
  statusFromMessage,
} from '../attempt-codec.ts';
import type { Extension, KeeperRequest } from '../core/effect.ts';
import type { FromKeeper, KeptAttempt, RequestId } from '../core/event.ts';
import type { StartCommand, Workload } from '../core/message.ts';

export function decodeOpened(opened: Opened): Extract<FromKeeper, { kind: 'keeper_opened' }> {
  return {
    kind: 'keeper_opened',
    pid: opened.keeperPid,
    containment: opened.containment === Containment.CGROUP ? 'CGROUP' : 'PROCESS_GROUP',
    attempts: opened.attempts.flatMap(decodeKept),
    highestTerm: Number(opened.highestTerm),
    highestEpoch: Number(opened.highestEpoch),
  };
}

/** None for an entry without a status, which names nothing. */
export function decodeKept(kept: KeptMessage): readonly KeptAttempt[] {
  if (kept.status === undefined) return [];
  return [
    {
      status: statusFromMessage(kept.status),
      // Without one it is past.
      deadline: { mono: kept.deadline?.monotonicMs ?? 0, boot: kept.deadline?.bootMs ?? 0 },
      terms: {
        onDisconnect: onDisconnectFromMessage(kept.onDisconnect),
        leaseMs: fromDuration(kept.lease) ?? 0,
        stopTimeoutMs: fromDuration(kept.stopTimeout) ?? 0,
        killGuardMs: fromDuration(kept.killGuard) ?? 0,
      },
      cgroup: kept.cgroup,
      startTicks: Number(kept.startTicks),
      slots: kept.slots,
    },
  ];
}

export function decodeResult(request: RequestId, result: Result): Extract<FromKeeper, { kind: 'keeper_result' }> {
  const { ok, reason, detail, pid, refused } = result;
  return { kind: 'keeper_result', request, ok, reason, detail, pid, refused: refused.map(refFromMessage) };
}

export function decodeOutput(
  request: RequestId,
  { offset, data, size, end, error }: ReadResult,
): Extract<FromKeeper, { kind: 'keeper_output' }> {
  const chunk = { offset: Number(offset), data, size: Number(size), end, error };
  return { kind: 'keeper_output', request, chunk };
}

export function encodeDeadline({ mono, boot }: Deadline): MessageInitShape<typeof DeadlineSchema> {
  return { monotonicMs: mono, bootMs: boot };
}

export function encodeExtension(extension: Extension): MessageInitShape<typeof ExtensionSchema> {
  return { ...refToMessage(extension), deadline: encodeDeadline(extension.deadline) };
}

export function encodeStart(
  { command, deadline }: Extract<KeeperRequest, { kind: 'start' }>,
  baseEnv: Readonly<Record<string, string>>,
): MessageInitShape<typeof StartSchema> {
  return {
    ...refToMessage(command),
    policy: command.policy,
    deadline: encodeDeadline(deadline),
    command: encodeCommand(command),
    baseEnv: { ...baseEnv },
  };
}

function encodeCommand(command: StartCommand): MessageInitShape<typeof StartAttemptSchema> {
  const { commandId, generation, sequence, policy, terms, workload, arguments: args, slots } = command;
  return {
    ...refToMessage(command),
    ...{ commandId: BigInt(commandId), generation: BigInt(generation), sequence: BigInt(sequence), policy, slots },
    onDisconnect: onDisconnectToMessage(terms.onDisconnect),
    lease: toDuration(terms.leaseMs),
    stopTimeout: toDuration(terms.stopTimeoutMs),
    killGuard: toDuration(terms.killGuardMs),
    workload: encodeWorkload(workload),
    arguments: [...args],
  };
}

function encodeWorkload(workload: Workload): MessageInitShape<typeof WorkloadSchema> {
  const { program, env, workingDirectory, user } = workload;
  const around = { env: { ...env }, workingDirectory, user };
  switch (program.kind) {
    case 'command':
      return { kind: { case: 'command', value: { argv: [...program.argv] } }, ...around };
    case 'script': {
      const { interpreter, text } = program;
      return { kind: { case: 'script', value: { interpreter: [...interpreter], text } }, ...around };
    }
    case 'unknown':
      return around;
    default:
      return unreachable(program);
  }
}
