/** Attempts as the wire and the journal have them. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type KeptAttempt, KeptAttemptSchema } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { type AttemptEndSchema, AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { hostProblemFromProto, hostProblemToProto } from '../../shared/rpc/host-problem-messages.ts';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Attempt, AttemptEnd, FrozenTerms } from '../core/attempt.ts';
import { stateOf } from '../core/attempt.ts';
import type { RecordedAttempt } from '../core/record.ts';

/** G and K where an agent does not say. */
const DEFAULT_STOP_TIMEOUT_MS = 10_000;
const DEFAULT_KILL_GUARD_MS = 5_000;

type Kept = Omit<RecordedAttempt, 'bootId'>;

/** `attempt` is one of the table, or one that is written down: such a one runs or has ended. */
export function keptToMessage(attempt: Kept & Partial<Pick<Attempt, 'stage'>>): KeptAttempt {
  const { run, epoch, policy, frozen, slots, deadline, place, startWall, ended, stage } = attempt;
  const state = stateOf({ ended, stage: stage ?? { kind: 'running' } });
  return create(KeptAttemptSchema, {
    status: {
      ...{ run, epoch: BigInt(epoch), policy, state: AttemptState[state], pid: place.pid },
      ...(startWall !== undefined && { startTime: toTimestamp(startWall) }),
      ...(ended !== undefined && { end: endToMessage(ended.end), endTime: toTimestamp(ended.wall) }),
    },
    deadline: { monotonicMs: deadline.mono, bootMs: deadline.boot },
    onDisconnect: OnDisconnect[frozen.onDisconnect],
    lease: toDuration(frozen.leaseMs),
    stopTimeout: toDuration(frozen.stopTimeoutMs),
    killGuard: toDuration(frozen.killGuardMs),
    cgroup: place.cgroup,
    slots,
    startTicks: BigInt(place.startTicks),
  });
}

function endToMessage({
  cause,
  detail,
  exitCode,
  signal,
  proof,
  hostProblem,
}: AttemptEnd): MessageInitShape<typeof AttemptEndSchema> {
  return {
    ...{ cause: EndCause[cause], detail, signal, proof, hostProblem: hostProblemToProto(hostProblem) },
    ...(exitCode !== undefined && { exitCode }),
  };
}

/** Undefined for one without a status, which names nothing. */
export function keptFromMessage(kept: KeptAttempt): Kept | undefined {
  const { status, deadline, cgroup, startTicks, slots } = kept;
  if (status === undefined) return undefined;
  const end = status.state === AttemptState.ENDED ? (status.end ?? undefined) : undefined;
  return {
    run: status.run,
    epoch: Number(status.epoch),
    policy: status.policy,
    frozen: termsFromMessage(kept),
    slots,
    // Without one it is past.
    deadline: { mono: deadline?.monotonicMs ?? 0, boot: deadline?.bootMs ?? 0 },
    place: { pid: status.pid, startTicks: Number(startTicks), cgroup },
    startWall: fromTimestamp(status.startTime),
    ended: end && {
      end: {
        ...{ cause: causeFromMessage(end.cause), detail: end.detail, signal: end.signal, proof: end.proof },
        ...{ exitCode: end.exitCode, hostProblem: hostProblemFromProto(end.hostProblem) },
      },
      wall: fromTimestamp(status.endTime) ?? 0,
    },
  };
}

type TermsMessage = Pick<KeptAttempt, 'onDisconnect' | 'lease' | 'stopTimeout' | 'killGuard'>;

/** Unset is read as STOP, and so is what this version does not know: the value that promises most. */
export function termsFromMessage({ onDisconnect, lease, stopTimeout, killGuard }: Partial<TermsMessage>): FrozenTerms {
  return {
    onDisconnect:
      onDisconnect === OnDisconnect.HOLD ? 'HOLD' : onDisconnect === OnDisconnect.OVERLAP ? 'OVERLAP' : 'STOP',
    leaseMs: fromDuration(lease) ?? 0,
    stopTimeoutMs: fromDuration(stopTimeout) ?? DEFAULT_STOP_TIMEOUT_MS,
    killGuardMs: fromDuration(killGuard) ?? DEFAULT_KILL_GUARD_MS,
  };
}

const CAUSES: ReadonlyMap<EndCause, AttemptEnd['cause']> = new Map(
  (['EXITED', 'STOPPED', 'LAPSED', 'REFUSED', 'SPAWN_FAILED', 'LOST'] as const).map((word) => [EndCause[word], word]),
);

/** One that this version does not know is lost: that promises least. */
const causeFromMessage = (cause: EndCause): AttemptEnd['cause'] => CAUSES.get(cause) ?? 'LOST';
