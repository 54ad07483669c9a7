import { SECOND } from '../time.ts';

/** Timers of a pool, in milliseconds (docs/semantics.md, section 4). */
export interface Timers {
  /** h: time between heartbeats, jittered by 10 % either way. Default 5 s. */
  readonly heartbeatMs: number;
  /** Silence after which a server is SUSPECT: no new placement, nothing moves. Default 15 s. */
  readonly suspectAfterMs: number;
  /** L: how long a grant lets an attempt run, from the send time of the granted heartbeat. Default 20 s. */
  readonly leaseMs: number;
  /** G: SIGTERM to SIGKILL, for policies that set none. Default 10 s. */
  readonly stopTimeoutMs: number;
  /** K: wake-up, SIGKILL and reaping. Default 5 s. */
  readonly killGuardMs: number;
  /** M: silence after which a server is MISSING. Default 45 s. */
  readonly missingAfterMs: number;
}

export const DEFAULT_TIMERS: Timers = {
  heartbeatMs: 5 * SECOND,
  suspectAfterMs: 15 * SECOND,
  leaseMs: 20 * SECOND,
  stopTimeoutMs: 10 * SECOND,
  killGuardMs: 5 * SECOND,
  missingAfterMs: 45 * SECOND,
};
