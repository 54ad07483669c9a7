/** A tenth of the default timers: a takeover after 4.5 s instead of 45 s, for trying out, the demo and tests. */
import { toDuration } from '../../shared/rpc/time-messages.ts';

/** Milliseconds. Every inequality of docs/semantics.md holds. */
export const SHORT_TIMERS_MS = {
  heartbeatInterval: 500,
  suspectAfter: 1_500,
  lease: 2_000,
  stopTimeout: 1_000,
  killGuard: 500,
  missingAfter: 4_500,
} as const;

export const DEFAULT_MISSING_AFTER_MS = 45_000;

export const shortTimers = () => ({
  heartbeatInterval: toDuration(SHORT_TIMERS_MS.heartbeatInterval),
  suspectAfter: toDuration(SHORT_TIMERS_MS.suspectAfter),
  lease: toDuration(SHORT_TIMERS_MS.lease),
  stopTimeout: toDuration(SHORT_TIMERS_MS.stopTimeout),
  killGuard: toDuration(SHORT_TIMERS_MS.killGuard),
  missingAfter: toDuration(SHORT_TIMERS_MS.missingAfter),
});

export const SHORT_TIMER_PATHS = [
  'timers.heartbeat_interval',
  'timers.suspect_after',
  'timers.lease',
  'timers.stop_timeout',
  'timers.kill_guard',
  'timers.missing_after',
];
