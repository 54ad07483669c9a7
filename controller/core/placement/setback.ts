/**
 * What an attempt that came to nothing costs, whatever the cause (semantics 7). One rule for all ends that nobody chose: a server
 * is waited for longer each time. Its run avoids it for a while where another one has room, and the starts
 * of a run on one server are at least 1, 2, 4, … 20 s apart, so that no host, however sick, is handed attempts by the hundred.
 *
 * Pauses count from when the attempt was assigned: one that took long has waited already, and what ran for an hour starts again at once.
 */
import type { ServerId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import type { RunReason } from '../records/run-reason.ts';
import type { Skip } from '../records/skip.ts';
import type { Attempt, Run } from '../records/state.ts';

/** How long a server that lost, refused or ended a run is taken only if no other eligible one has room. */
export const SKIP_MS = 5 * MINUTE;
/** Setbacks are remembered this long: what came to nothing before is "tried". */
export const SETBACK_WINDOW_MS = 30 * MINUTE;
/** Between the starts on one server: doubled for each setback there. */
const SETBACK_PAUSE_FIRST_MS = 1 * SECOND;
/** Below every M in use, so that a host that is well again gets its runs within the bound of I5. */
const SETBACK_PAUSE_MAX_MS = 20 * SECOND;
/** So many servers are tried without a rest between them. */
const FREE_SETBACKS = 3;

/** Between the n-th setback, from 1, and the next start. */
export const pauseAfterMs = (count: number): number =>
  Math.min(SETBACK_PAUSE_MAX_MS, SETBACK_PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10));

/** What remembers setbacks: a run, or what is about to become of it. */
type Remembering = Pick<Run, 'skips'>;

export const skipOf = ({ skips }: Remembering, server: ServerId): Skip | undefined =>
  skips.find((skip) => skip.server === server);

/** Oldest first: the server where the last setback is longest ago. */
export const skippedServers = ({ skips }: Remembering, age: number): readonly ServerId[] =>
  skips
    .filter(({ untilAge }) => untilAge > age)
    .sort((a, b) => a.lastAge - b.lastAge)
    .map(({ server }) => server);

export const isPaused = ({ pausedUntilAge }: Skip, age: number): boolean => pausedUntilAge > age;

export const pausedServers = ({ skips }: Remembering, age: number): readonly ServerId[] =>
  skips.filter((skip) => isPaused(skip, age)).map(({ server }) => server);

/** Where the restart budget is spent: not tried again until all others are. */
export const triedServers = ({ skips }: Remembering, age: number): readonly ServerId[] =>
  skips.filter(({ triedUntilAge }) => triedUntilAge > age).map(({ server }) => server);

/** One more setback on the server of an attempt, which neither skips nor pauses it yet. */
export function nextSetback(of: Remembering, { server }: Attempt, reason: RunReason, age: number): Skip {
  const before = skipOf(of, server);
  const nothing = { untilAge: 0, pausedUntilAge: 0, triedUntilAge: 0 };
  return { ...nothing, ...before, server, reason, count: (before?.count ?? 0) + 1, lastAge: age };
}

/** The server is avoided from now on, and paused. */
export const avoided = (attempt: Attempt, skip: Skip, age: number, skipMs = SKIP_MS): Skip => ({
  ...skip,
  untilAge: Math.max(skip.untilAge, age + skipMs),
  pausedUntilAge: notBefore(attempt, pauseAfterMs(skip.count)),
});

/** Time since the assignment counts as waited. */
export const notBefore = ({ assignAge }: Attempt, pauseMs: number): number => assignAge + pauseMs;

/** Rest of the run itself, wherever it goes next: whom many servers refuse does not go through a thousand of them in a second. */
export function restMs({ skips }: Remembering): number {
  const total = skips.reduce((sum, { count }) => sum + count, 0);
  return total <= FREE_SETBACKS ? 0 : pauseAfterMs(total - FREE_SETBACKS);
}

/** Newest last. Past the bound the oldest is forgotten: with 20 s between starts it is older than the window. */
export const withSkip = ({ skips }: Remembering, skip: Skip): readonly Skip[] =>
  [...skips.filter(({ server }) => server !== skip.server), skip].slice(-LIMITS.runSkips);

/** What is old says nothing any more. */
export const withoutOld = (skips: readonly Skip[], age: number): readonly Skip[] =>
  skips.filter(
    ({ lastAge, untilAge, pausedUntilAge }) =>
      lastAge > age - SETBACK_WINDOW_MS || untilAge > age || pausedUntilAge > age,
  );

/** It ran there for long: what went wrong before is no sign of what comes. */
export const withoutServer = (skips: readonly Skip[], server: ServerId): readonly Skip[] =>
  skips.filter((skip) => skip.server !== server);

/** Whoever waits for nothing but a pause is tried again now. */
export const withoutPauses = (skips: readonly Skip[]): readonly Skip[] =>
  skips.map((skip) => ({ ...skip, pausedUntilAge: 0 }));

/** A new round begins at the top of the list: tried are all, and so is none. */
export const withoutTried = (skips: readonly Skip[]): readonly Skip[] =>
  skips.map((skip) => (skip.triedUntilAge === 0 ? skip : { ...skip, untilAge: 0, triedUntilAge: 0 }));
