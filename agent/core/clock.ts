/** What the agent's events arrive with, and how long it waits for answers in terms of a lease. */
import type { Reading } from '../../shared/lease-clock.ts';
import { type Now, SECOND } from '../../shared/time.ts';

/** What an event arrives with: both clocks, and what witnesses against them (semantics: A8), the wall clock first. */
export interface AgentNow extends Now, Reading {
  /** What tells this life of the virtual machine from the one before a restore. Undefined: there is nothing to read it from just now. */
  readonly vmGeneration?: string | undefined;
}

/**
 * A3: how long before the end of its lease a start is no longer made, so that a process never begins with next to no lease left.
 * 1 s; with leases below 10 s (tests, demonstrations) a tenth of the lease.
 */
export function startMarginMs(leaseMs: number): number {
  return Math.min(SECOND, leaseMs / 10);
}

/**
 * A10: how long a heartbeat may stay unanswered before another endpoint is dialled. 4 s; with leases below 20 s a fifth of the
 * lease, so that there is time left to find another leader before the lease ends.
 */
export function answerTimeoutMs(leaseMs: number): number {
  return Math.min(4 * SECOND, leaseMs / 5);
}

/** How long a Hello may stay unanswered: as a heartbeat, but the leader has to commit first, so never below 1 s. */
export function welcomeTimeoutMs(leaseMs: number): number {
  return Math.max(SECOND, answerTimeoutMs(leaseMs));
}
