/** The keeper's protocol, to and from the core's own types. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { refFromProto, refToProto, reportedEndFromProto, termsFromProto } from '../../shared/codec/attempt.ts';
import { knownHealthCheck } from '../../shared/codec/health-check.ts';
import { startToProto } from '../../shared/codec/leader-message.ts';
import { outputTimesFromProto } from '../../shared/codec/output-times.ts';
import { attemptStateWords } from '../../shared/codec/words.ts';
import {
  type AllowedSecretsSchema,
  Containment,
  type DeadlineSchema,
  type ExtensionSchema,
  type KeptAttempt as KeptMessage,
  type Opened,
  type ReadResult,
  type Result,
  type StartSchema,
} from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import type { AttemptStatus } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { policyId } from '../../shared/ids.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { AttemptStateName, ReportedAttempt, ReportedEnd } from '../../shared/protocol/attempt.ts';
import type { ValueSource } from '../../shared/protocol/workload.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import type { SecretSettings } from '../config.ts';
import type { Extension, KeeperRequest } from '../core/effect.ts';
import type { FromKeeper, KeptAttempt, RequestId } from '../core/event.ts';

export function decodeOpened(opened: Opened): Extract<FromKeeper, { kind: 'keeper_opened' }> {
  return {
    kind: 'keeper_opened',
    pid: opened.keeperPid,
    containment: opened.containment === Containment.CGROUP ? 'CGROUP' : 'PROCESS_GROUP',
    features: opened.features,
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
      status: statusOf(kept.status),
      // Without one it is past.
      deadline: { mono: kept.deadline?.monotonicMs ?? 0, boot: kept.deadline?.bootMs ?? 0 },
      terms: termsFromProto(kept),
      cgroup: kept.cgroup,
      startTicks: Number(kept.startTicks),
      slots: kept.slots,
      healthCheck: kept.healthCheck && knownHealthCheck(kept.healthCheck),
    },
  ];
}

const NO_END: ReportedEnd = { cause: 'UNKNOWN', exitCode: undefined, signal: '', detail: '' };

function statusOf(status: AttemptStatus): ReportedAttempt {
  const { policy, pid, startTime, endTime, end } = status;
  const state = stateOf(status);
  return {
    ...refFromProto(status),
    ...{ policy: policyId(policy), state, pid, startWall: fromTimestamp(startTime), endWall: fromTimestamp(endTime) },
    end: state !== 'ENDED' ? undefined : end === undefined ? NO_END : reportedEndFromProto(end),
  };
}

/** A state that this version does not know is taken for a living one: that proves nothing. What is assigned is being started here. */
function stateOf({ state }: AttemptStatus): AttemptStateName {
  const word = attemptStateWords.from.get(state) ?? 'RUNNING';
  return word === 'ASSIGNED' ? 'STARTING' : word;
}

export function decodeResult(request: RequestId, result: Result): Extract<FromKeeper, { kind: 'keeper_result' }> {
  const { ok, reason, detail, pid, refused } = result;
  return { kind: 'keeper_result', request, ok, reason, detail, pid, refused: refused.map(refFromProto) };
}

export function decodeOutput(
  request: RequestId,
  { offset, data, size, end, error, times }: ReadResult,
): Extract<FromKeeper, { kind: 'keeper_output' }> {
  const chunk = { offset: Number(offset), data, size: Number(size), end, error, times: outputTimesFromProto(times) };
  return { kind: 'keeper_output', request, chunk };
}

export function encodeDeadline({ mono, boot }: Deadline): MessageInitShape<typeof DeadlineSchema> {
  return { monotonicMs: mono, bootMs: boot };
}

export function encodeExtension(extension: Extension): MessageInitShape<typeof ExtensionSchema> {
  return { ...refToProto(extension), deadline: encodeDeadline(extension.deadline) };
}

export function encodeStart(
  { command, deadline }: Extract<KeeperRequest, { kind: 'start' }>,
  baseEnv: Readonly<Record<string, string>>,
  secrets: SecretSettings,
): MessageInitShape<typeof StartSchema> {
  return {
    ...refToProto(command),
    policy: command.policy,
    deadline: encodeDeadline(deadline),
    command: startToProto(command),
    baseEnv: { ...baseEnv },
    ...(command.workload?.envFrom === undefined ? {} : { secrets: allowedFor(command.workload.envFrom, secrets) }),
  };
}

/** Of the agent's own variables only those go over the socket that the workload names. */
function allowedFor(
  sources: Readonly<Record<string, ValueSource>>,
  { directories, agentEnv }: SecretSettings,
): MessageInitShape<typeof AllowedSecretsSchema> {
  const named = Object.values(sources).flatMap((source) => (source.kind === 'agent_env' ? [source.name] : []));
  const values = named.flatMap((name) => {
    const value = agentEnv[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { directories: [...directories], agentEnv: Object.fromEntries(values) };
}
