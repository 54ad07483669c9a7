/**
 * Lease arithmetic on two clocks at once (semantics: A6). Monotonic time does not count suspend, boot time does. A span is the
 * longest that any clock counted, and a deadline is past as soon as any clock has reached it, so that no pause is taken for short.
 */
import { type Now, SECOND } from '../../shared/time.ts';

/** One reading of both clocks, absolute for this boot of the host, in milliseconds. */
export interface Reading {
  /** CLOCK_MONOTONIC. */
  readonly mono: number;
  /** CLOCK_BOOTTIME: counts suspend. */
  readonly boot: number;
}

/** What an event arrives with: both clocks, and what witnesses against them (semantics: A8), the wall clock first. */
export interface AgentNow extends Now, Reading {
  /** What tells this life of the virtual machine from the one before a restore. Undefined: there is nothing to read it from just now. */
  readonly vmGeneration?: string | undefined;
}

/** A deadline. It is past when either clock has reached it. */
export type Deadline = Reading;

export const readingOf = ({ mono, boot }: Reading): Reading => ({ mono, boot });

/** A6: the longest that any clock counted. */
export function elapsedMs(from: Reading, to: Reading): number {
  return Math.max(to.mono - from.mono, to.boot - from.boot);
}

export function deadlineAfter(from: Reading, spanMs: number): Deadline {
  return { mono: from.mono + spanMs, boot: from.boot + spanMs };
}

/** Time until the first clock reaches the deadline. 0 or less: it is past. */
export function leftMs(deadline: Deadline, now: Reading): number {
  return Math.min(deadline.mono - now.mono, deadline.boot - now.boot);
}

/** A4: the only way to ask. That a timer fired says nothing. */
export function isPast(deadline: Deadline, now: Reading): boolean {
  return leftMs(deadline, now) <= 0;
}

/** A deadline that goes back on neither clock. */
export function laterDeadline(a: Deadline, b: Deadline): Deadline {
  return { mono: Math.max(a.mono, b.mono), boot: Math.max(a.boot, b.boot) };
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
