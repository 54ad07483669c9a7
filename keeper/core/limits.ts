/** Bounds of the keeper's tables. */

/** Attempts that may live at once; a further start is refused. */
export const MAX_LIVING_ATTEMPTS = 10_000;

/** Ended attempts kept until they are forgotten; past it the oldest are dropped, with a line in the log. */
export const MAX_ENDED_ATTEMPTS = 10_000;

/** Runs whose spent epochs are kept one by one; older ones share one floor. */
export const MAX_SPENT_RUNS = 10_000;
