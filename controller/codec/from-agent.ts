/** What agents say: locum.v1.ConnectRequest → facts of the core. Messages have passed the rules of their protos. */

import { fromUint64 } from '../../shared/codec/numbers.ts';
import { requiredWord } from '../../shared/codec/required.ts';
import { invalidField } from '../../shared/errors.ts';
import type { AttemptStatus, Capacity, CommandResult, Hello } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import type { HostProblemKind } from '../../shared/host-problem.ts';
import { DEFAULT_POOL, epoch, policyId, poolId, runId, serverId, uid } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import { cut, printable } from '../../shared/printable.ts';
import { hostProblemFromProto, hostProblemsFromProto } from '../../shared/rpc/host-problem-messages.ts';
import { fromDuration, fromTimestamp } from '../../shared/rpc/time-messages.ts';
import type { CommandOutcome, HelloFacts, ReportedAttempt, ReportedCapacity } from '../core/cluster/event.ts';
import type { CauseOf } from '../core/records/event-type.ts';
import { capabilityFromProto } from './capability.ts';
import { attemptStateWords, commandOutcomeWords, endCauseWords } from './words.ts';

/** What an agent tells of a process, whose name and last words may have anything in them. */
const told = (text: string): string => cut(printable(text), LIMITS.reasonCharacters);

/** `hello` is the first part, `inventory` the attempts of all parts. @throws LocumError INVALID_FIELD */
export function helloFromProto(hello: Hello, inventory: readonly ReportedAttempt[]): HelloFacts {
  return {
    server: serverId(hello.server),
    pool: hello.pool === '' ? DEFAULT_POOL : poolId(hello.pool),
    uid: hello.uid === '' ? undefined : uid(hello.uid),
    instanceId: hello.instanceId,
    machineId: hello.machineId,
    bootId: hello.bootId,
    uptimeMs: Math.max(0, fromDuration(hello.uptime) ?? 0),
    agentVersion: hello.agentVersion,
    capabilities: hello.capabilities.map(capabilityFromProto),
    capacity: capacityFromProto(hello.capacity),
    inventory,
    highestTerm: fromUint64(hello.highestTerm, 'highest_term'),
    highestEpoch: fromUint64(hello.highestEpoch, 'highest_epoch'),
    clusterId: hello.clusterId,
    hostProblems: hostProblemsFromProto(hello.hostProblems),
  };
}

/** Unset: no limit of its own, not saturated. */
export function capacityFromProto(capacity: Capacity | undefined): ReportedCapacity {
  return { maxSlots: capacity?.maxSlots, saturated: capacity?.saturated ?? false };
}

/** @throws LocumError INVALID_FIELD */
export function reportedAttemptFromProto(status: AttemptStatus): ReportedAttempt {
  const { end } = status;
  if (status.epoch === 0n) throw invalidField('attempts.epoch', 'must not be 0');
  return {
    run: runId(status.run),
    policy: policyId(status.policy),
    epoch: epoch(fromUint64(status.epoch, 'attempts.epoch')),
    state: requiredWord(attemptStateWords, status.state, 'attempts.state'),
    pid: status.pid,
    startWall: fromTimestamp(status.startTime),
    endWall: fromTimestamp(status.endTime),
    end:
      end === undefined
        ? undefined
        : {
            // A cause that only a newer agent knows is still an end.
            cause: endCauseWords.from.get(end.cause) ?? 'UNKNOWN',
            exitCode: end.exitCode,
            signal: told(end.signal),
            detail: told(end.detail),
            hostProblem: hostProblemFromProto(end.hostProblem),
          },
  };
}

/** A word that this controller does not know is an agent that leaves, whatever for. */
export const farewell = (reason: string): CauseOf<'SERVER_LEFT'> => (reason === 'SHUTDOWN' ? 'SHUTDOWN' : 'LEAVE');

/** @throws LocumError INVALID_FIELD */
export function commandResultFromProto(result: CommandResult): {
  readonly commandId: number;
  readonly outcome: CommandOutcome;
  readonly reason: string;
  readonly detail: string;
  readonly pid: number;
  readonly hostProblem: HostProblemKind | undefined;
} {
  return {
    commandId: fromUint64(result.commandId, 'command_id'),
    outcome: requiredWord(commandOutcomeWords, result.outcome, 'outcome'),
    reason: told(result.reason),
    detail: told(result.detail),
    pid: result.pid,
    hostProblem: hostProblemFromProto(result.hostProblem),
  };
}
