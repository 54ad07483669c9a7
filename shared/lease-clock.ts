/**
 * Lease arithmetic on two clocks at once (semantics: A6). Monotonic time does not count suspend, boot time does. A span is the
 * longest that any clock counted, and a deadline is past as soon as any clock has reached it, so that no pause is taken for short.
 */

/** One reading of both clocks, absolute for this boot of the host, in milliseconds. */
export interface Reading {
  /** CLOCK_MONOTONIC. */
  readonly mono: number;
  /** CLOCK_BOOTTIME: counts suspend. */
  readonly boot: number;
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
