/** Timers of a pool to and from locum.v1.Timers. */
import { create } from '@bufbuild/protobuf';
import { type Timers as PbTimers, TimersSchema } from '../gen/locum/v1/timers_pb.ts';
import { DEFAULT_TIMERS, type Timers } from '../protocol/timers.ts';
import { fromDuration, toDuration } from '../rpc/time-messages.ts';

export function timersToProto(timers: Timers): PbTimers {
  return create(TimersSchema, {
    heartbeatInterval: toDuration(timers.heartbeatMs),
    suspectAfter: toDuration(timers.suspectAfterMs),
    lease: toDuration(timers.leaseMs),
    stopTimeout: toDuration(timers.stopTimeoutMs),
    killGuard: toDuration(timers.killGuardMs),
    missingAfter: toDuration(timers.missingAfterMs),
  });
}

/** Only what is set. */
export function timersPatchFromProto(timers: PbTimers | undefined): Partial<Timers> {
  if (timers === undefined) return {};
  return {
    ...(timers.heartbeatInterval === undefined ? {} : { heartbeatMs: fromDuration(timers.heartbeatInterval) }),
    ...(timers.suspectAfter === undefined ? {} : { suspectAfterMs: fromDuration(timers.suspectAfter) }),
    ...(timers.lease === undefined ? {} : { leaseMs: fromDuration(timers.lease) }),
    ...(timers.stopTimeout === undefined ? {} : { stopTimeoutMs: fromDuration(timers.stopTimeout) }),
    ...(timers.killGuard === undefined ? {} : { killGuardMs: fromDuration(timers.killGuard) }),
    ...(timers.missingAfter === undefined ? {} : { missingAfterMs: fromDuration(timers.missingAfter) }),
  };
}

/** What is not set takes its default. */
export function timersFromProto(timers: PbTimers | undefined): Timers {
  return { ...DEFAULT_TIMERS, ...timersPatchFromProto(timers) };
}
