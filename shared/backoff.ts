/**
 * Exponential back-off with full jitter: every wait is uniform between 0 and a ceiling that doubles up to a cap. Full jitter
 * spreads a crowd that was cut off at the same moment better than a small jitter around a fixed wait does.
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */

export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly baseMs: number;
  /** No ceiling is higher. */
  readonly capMs: number;
}

/** The longest possible wait before try number `failures + 1`; `failures` counts from 0. */
export function backoffCeilingMs(options: BackoffOptions, failures: number): number {
  // 2^1023 is the largest power of two; past 60 doublings every sensible cap is reached.
  return Math.min(options.capMs, options.baseMs * 2 ** Math.min(failures, 60));
}

/**
 * How long to wait after `failures` failures in a row (0: the first one).
 * `random` is a number from 0 up to, not including, 1, drawn by the caller.
 */
export function backoffMs(options: BackoffOptions, failures: number, random: number): number {
  return random * backoffCeilingMs(options, failures);
}
