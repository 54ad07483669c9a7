/** How far the health checks of one attempt are, and what an answer says (semantics 7c). */
import type { HealthCheck, ReportedHealth } from '../../shared/protocol/health-check.ts';

export interface Health {
  readonly check: HealthCheck;
  /** Failures before this monotonic time do not count, while none succeeded. Undefined: it does not run yet. */
  graceUntil: number | undefined;
  /** When the next check begins, monotonic. Undefined: one is under way, and no other is begun. */
  nextAt: number | undefined;
  /** Checks that failed one after the other. */
  failed: number;
  /** A check succeeded, once. */
  cameUp: boolean;
}

/** FAILED: in words, how. UNKNOWN: it could not be made, which says nothing about what was to be checked. */
export type CheckOutcome =
  | { readonly kind: 'SUCCEEDED' }
  | { readonly kind: 'FAILED'; readonly detail: string }
  | { readonly kind: 'UNKNOWN' };

/** Undefined: it is not checked. A restarted agent looks at once: what was reported before stands against the run until it reports anew. */
export const newHealth = (check: HealthCheck | undefined): Health | undefined =>
  check && { check, graceUntil: undefined, nextAt: Number.NEGATIVE_INFINITY, failed: 0, cameUp: false };

/** Takes in an answer. What is known by it; undefined: no more than before. */
export function judgeCheck(health: Health, outcome: CheckOutcome, nowMono: number): ReportedHealth | undefined {
  switch (outcome.kind) {
    case 'UNKNOWN':
      return undefined;
    case 'SUCCEEDED':
      health.failed = 0;
      health.cameUp = true;
      return { state: 'HEALTHY', detail: '' };
    case 'FAILED': {
      const isComingUp = !health.cameUp && nowMono < (health.graceUntil ?? nowMono);
      if (isComingUp) return undefined;
      health.failed += 1;
      return health.failed < health.check.failures ? undefined : { state: 'UNHEALTHY', detail: outcome.detail };
    }
  }
}
