/** Time is an argument. All times are milliseconds as numbers; a core never reads a clock. */

/** One reading of both clocks of a process. */
export interface Now {
  /** Monotonic milliseconds: for leases, liveness and waits. Never compared across processes. */
  readonly mono: number;
  /** Wall-clock milliseconds since 1970: for records, cron and what must survive a restart. */
  readonly wall: number;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
