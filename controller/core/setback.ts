/**
 * What an attempt that came to nothing costs, whatever the cause (semantics 7). One rule for all ends that nobody chose: like a bus
 * that does not come, a server is waited for longer each time. Its run avoids it for a while where another one has room, and the starts
 * of a run on one server are at least 1, 2, 4, … 20 s apart, so that no host, however sick, is handed attempts by the hundred.
 *
 * Pauses count from when the attempt was assigned: one that took long has waited already, and what ran for an hour starts again at once.
 */
import type { ServerId } from '../../shared/ids.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import type { Skip } from './skip.ts';
import type { Attempt, Run } from './state.ts';

/** How long a server that lost, refused or ended a run is taken only if no other eligible one has room. */
export const SKIP_MS = 5 * MINUTE;
/** Setbacks are remembered this long: what came to nothing before is "tried". */
export const SETBACK_WINDOW_MS = 30 * MINUTE;
/** Between the starts on one server: doubled for each setback there. */
const PAUSE_FIRST_MS = 1 * SECOND;
/** Below every M in use, so that a host that is well again gets its runs within the bound of I5. */
const PAUSE_MAX_MS = 20 * SECOND;
/** So many servers are tried without a rest between them. */
const FREE_SETBACKS = 3;

/** Between the n-th setback, from 1, and the next start. */
export const pauseAfterMs = (count: number): number =>
  Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10));

export const skipOf = (run: Run, server: ServerId): Skip | undefined =>
  run.skips.find((skip) => skip.server === server);

export const skippedServers = (run: Run, wall: number): readonly ServerId[] =>
  run.skips.filter(({ untilWall }) => untilWall > wall).map(({ server }) => server);

/** None is longer than this: one that ends later was noted before the wall clock was set back, and is over. */
export const LONGEST_PAUSE_MS = 5 * MINUTE;

export const isPaused = ({ pausedUntilWall }: Skip, wall: number): boolean =>
  pausedUntilWall > wall && pausedUntilWall <= wall + LONGEST_PAUSE_MS;

export const pausedServers = (run: Run, wall: number): readonly ServerId[] =>
  run.skips.filter((skip) => isPaused(skip, wall)).map(({ server }) => server);

/** Where the restart budget is spent: not tried again until all others are. */
export const triedServers = (run: Run, wall: number): readonly ServerId[] =>
  run.skips.filter(({ triedUntilWall }) => triedUntilWall > wall).map(({ server }) => server);

/** Notes one more setback on the server of an attempt. Answers the entry, which neither skips nor pauses yet. */
export function countSetback(run: Run, { server }: Attempt, reason: string, wall: number): Skip {
  const before = skipOf(run, server);
  const nothing = { untilWall: 0, pausedUntilWall: 0, triedUntilWall: 0 };
  return putSkip(run, { ...nothing, ...before, server, reason, count: (before?.count ?? 0) + 1, lastWall: wall });
}

/** Avoids the server from now on, and pauses there. */
export function avoid(run: Run, attempt: Attempt, skip: Skip, wall: number, skipMs = SKIP_MS): Skip {
  return putSkip(run, {
    ...skip,
    untilWall: Math.max(skip.untilWall, wall + skipMs),
    pausedUntilWall: notBefore(attempt, pauseAfterMs(skip.count), wall),
  });
}

/** Time since the assignment counts as waited. A wall clock that was set back makes no wait longer. */
export const notBefore = ({ assignWall }: Attempt, pauseMs: number, wall: number): number =>
  Math.min(assignWall, wall) + pauseMs;

/** Rest of the run itself, wherever it goes next: whom many servers refuse does not go through a thousand of them in a second. */
export function restMs(run: Run): number {
  const total = run.skips.reduce((sum, { count }) => sum + count, 0);
  return total <= FREE_SETBACKS ? 0 : pauseAfterMs(total - FREE_SETBACKS);
}

export function putSkip(run: Run, skip: Skip): Skip {
  run.skips = [...run.skips.filter(({ server }) => server !== skip.server), skip];
  return skip;
}

/** What is old says nothing any more. */
export function forgetOldSetbacks(run: Run, wall: number): void {
  run.skips = run.skips.filter(
    ({ lastWall, untilWall, pausedUntilWall }) =>
      lastWall > wall - SETBACK_WINDOW_MS || untilWall > wall || pausedUntilWall > wall,
  );
}

/** It ran there for long: what went wrong before is no sign of what comes. */
export function forgetSetbacks(run: Run, server: ServerId): void {
  run.skips = run.skips.filter((skip) => skip.server !== server);
}

/** Whoever waits for nothing but a pause is tried again now. */
export function endPauses(run: Run): void {
  run.skips = run.skips.map((skip) => ({ ...skip, pausedUntilWall: 0 }));
}

/** A new round begins at the top of the list: tried are all, and so is none. */
export function forgetTried(run: Run): void {
  run.skips = run.skips.map((skip) =>
    skip.triedUntilWall === 0 ? skip : { ...skip, untilWall: 0, triedUntilWall: 0 },
  );
}
