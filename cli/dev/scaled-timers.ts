/** The default timers, scaled down: for trying out, the demo and tests. A tenth of them makes a takeover happen after 4.5 s. */
import { toDuration } from '../../shared/rpc/time-messages.ts';

/** Milliseconds, as in docs/semantics.md, section 4. */
const DEFAULTS_MS = {
  heartbeatInterval: 5_000,
  suspectAfter: 15_000,
  lease: 20_000,
  stopTimeout: 10_000,
  killGuard: 5_000,
  missingAfter: 45_000,
} as const;

/** 1: the defaults. Every inequality of the timers holds at every scale from 0.1 to 1. */
export type TimersScale = number;

export const SHORT: TimersScale = 0.1;

export const missingAfterMs = (scale: TimersScale): number => DEFAULTS_MS.missingAfter * scale;

export const scaledTimers = (scale: TimersScale) => ({
  heartbeatInterval: toDuration(DEFAULTS_MS.heartbeatInterval * scale),
  suspectAfter: toDuration(DEFAULTS_MS.suspectAfter * scale),
  lease: toDuration(DEFAULTS_MS.lease * scale),
  stopTimeout: toDuration(DEFAULTS_MS.stopTimeout * scale),
  killGuard: toDuration(DEFAULTS_MS.killGuard * scale),
  missingAfter: toDuration(DEFAULTS_MS.missingAfter * scale),
});

export const TIMER_PATHS = [
  'timers.heartbeat_interval',
  'timers.suspect_after',
  'timers.lease',
  'timers.stop_timeout',
  'timers.kill_guard',
  'timers.missing_after',
];
