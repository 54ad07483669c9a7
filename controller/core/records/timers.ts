import { DEFAULT_TIMERS, type Timers } from '../../../shared/protocol/timers.ts';
import { SECOND } from '../../../shared/time.ts';

/** How long a silent leader keeps the lead when nobody says otherwise. Embedded stores have no such time, and are held to it all the same. */
export const DEFAULT_ELECTION_TTL_MS = 5 * SECOND;

/** F: covers clock rates within ±11 %. Fixed: a setting could only make two live copies possible. */
export const DRIFT = 1.25;

/** A policy's own stop_timeout is at most this. */
export const MAX_STOP_TIMEOUT_MS = 600 * SECOND;

/** What the takeover wait of one attempt depends on: its frozen L, G and K, and the pool's M. */
export type TakeoverTerms = Pick<Timers, 'leaseMs' | 'stopTimeoutMs' | 'killGuardMs' | 'missingAfterMs'>;

/** W = max(M, F·(L+G+K)): how long after the last grant an attempt is dead for certain (proof (b) of section 6). */
export function takeoverWaitMs(terms: TakeoverTerms): number {
  return Math.max(terms.missingAfterMs, DRIFT * (terms.leaseMs + terms.stopTimeoutMs + terms.killGuardMs));
}

/** Settings outside the pool that the inequalities also bind. */
export interface TimerSurroundings {
  /** How long a leadership outlives its silent leader. Default of the controller: 5 s. */
  readonly electionTtlMs: number;
  /** Idle time before a transport ping. Default 10 s. */
  readonly keepaliveTimeMs?: number;
  /** Wait for the answer to a transport ping. Default 5 s. */
  readonly keepaliveTimeoutMs?: number;
}

export type TimersCheck =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'error';
      /** The inequality that does not hold, by the letters of docs/semantics.md. */
      readonly inequality: string;
      /** One sentence with the figures on both sides. */
      readonly detail: string;
    };

interface Inequality {
  readonly name: string;
  readonly leftMs: number;
  readonly rightMs: number;
  readonly strict?: true;
}

/**
 * Checks the inequalities of docs/semantics.md, section 4, in their order, and names the first that does not hold.
 *
 * Some of them hold fixed seconds: time for one late heartbeat (1 s), for dialling the next controller (4 s), for an
 * election (TTL + 1.1 s) and for the answer (3 s). With short timers, as in tests and the demo, these would leave no
 * room at all, so they count times `min(1, L / 20 s)`. At the default lease and above that is exactly the rule as
 * written; below it, what a controller outage may last without stopping anything shrinks as the lease does.
 * Shorter timers never make two live copies possible: only `F·(L + G + K) ≤ M` and W guard that, and they do not scale.
 * The transport's keepalive does not scale either: it only finds dead sockets.
 */
export function checkTimers(timers: Timers, surroundings: TimerSurroundings): TimersCheck {
  for (const [name, value] of Object.entries(timers)) {
    if (!Number.isFinite(value) || value < 0) {
      return { kind: 'error', inequality: `0 ≤ ${name}`, detail: `${name} must be a time of 0 or more, not ${value}.` };
    }
  }
  const failed = inequalities(timers, surroundings).find((one) => !holds(one));
  if (failed === undefined) return { kind: 'ok' };
  const relation = failed.strict ? 'less than' : 'at most';
  const detail = `${failed.name} does not hold: ${seconds(failed.leftMs)} must be ${relation} ${seconds(failed.rightMs)}.`;
  return { kind: 'error', inequality: failed.name, detail };
}

function inequalities(timers: Timers, surroundings: TimerSurroundings): readonly Inequality[] {
  const { heartbeatMs: h, suspectAfterMs, leaseMs: L, stopTimeoutMs: G, killGuardMs: K, missingAfterMs: M } = timers;
  const { electionTtlMs, keepaliveTimeMs = 10 * SECOND, keepaliveTimeoutMs = 5 * SECOND } = surroundings;
  const scale = Math.min(1, L / DEFAULT_TIMERS.leaseMs);
  const lateMs = SECOND * scale;
  const redialMs = (Math.max(4 * SECOND, electionTtlMs + 1.1 * SECOND) + 3 * SECOND) * scale;
  // Tenths in integers: 3·1.1 is not 3.3 in binary, and a limit that is met exactly must pass.
  return [
    { name: '0 < h', leftMs: 0, rightMs: h, strict: true },
    { name: '3·1.1·h + 1 s ≤ L', leftMs: (33 * h) / 10 + lateMs, rightMs: L },
    { name: '2·1.1·h + 1 s ≤ suspect_after', leftMs: (22 * h) / 10 + lateMs, rightMs: suspectAfterMs },
    { name: 'suspect_after < L', leftMs: suspectAfterMs, rightMs: L, strict: true },
    { name: 'G ≤ 10 min', leftMs: G, rightMs: MAX_STOP_TIMEOUT_MS },
    { name: 'F·(L + G + K) ≤ M', leftMs: DRIFT * (L + G + K), rightMs: M },
    { name: '1.1·h + max(4 s, TTL + 1.1 s) + 3 s ≤ L', leftMs: (11 * h) / 10 + redialMs, rightMs: L },
    { name: 'keepalive time + timeout ≤ 15 s', leftMs: keepaliveTimeMs + keepaliveTimeoutMs, rightMs: 15 * SECOND },
  ];
}

function holds({ leftMs, rightMs, strict }: Inequality): boolean {
  return strict ? leftMs < rightMs : leftMs <= rightMs;
}

function seconds(ms: number): string {
  return `${Number((ms / SECOND).toFixed(3))} s`;
}
