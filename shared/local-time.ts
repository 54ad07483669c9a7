/**
 * The clocks on the walls of a time zone. A reading of such a clock (year to second, without a zone) is kept as the milliseconds since
 * 1970 at which a clock in UTC shows the same: `local` below. Most readings belong to one instant; one in the hour that a change of the
 * clocks leaves out belongs to none, one in the hour that comes twice to two.
 *
 * The rules of zones come from the tz data of the runtime (`Intl`), read only through the offset at an instant.
 */

const HOUR_MS = 3_600_000;
/** No zone is ahead of or behind UTC by more than this, and none changes twice within it. */
const FAR_MS = 26 * HOUR_MS;
/** A search for a change of the clocks takes steps of this size: of two changes within one step the search could see none. */
const STEP_MS = 24 * HOUR_MS;

/** One time zone. Its offset is looked up, never kept. */
export interface Zone {
  /** As it was asked for. */
  readonly name: string;
  /** How far its clocks are ahead of UTC at an instant, in milliseconds. */
  readonly offsetAt: (instant: number) => number;
}

/** The instants at which the clocks show one reading. */
export type Instants =
  | { readonly kind: 'once'; readonly at: number }
  | { readonly kind: 'twice'; readonly first: number; readonly second: number }
  /** Left out; `over` is the instant at which the clocks were set forward past it. */
  | { readonly kind: 'never'; readonly over: number };

/** The zone of an IANA name such as `Europe/Berlin`; undefined if the runtime knows none of that name. */
export function zoneNamed(name: string): Zone | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  return { name, offsetAt: (instant) => readingAt(format, instant) - Math.floor(instant / 1000) * 1000 };
}

function readingAt(format: Intl.DateTimeFormat, instant: number): number {
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of format.formatToParts(instant)) part[type] = Number(value);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** What the clocks of a zone show at an instant. */
export function localAt(zone: Zone, instant: number): number {
  return instant + zone.offsetAt(instant);
}

/** The instants at which the clocks of a zone show `local`. */
export function instantsOf(zone: Zone, local: number): Instants {
  // One of the two offsets around a change is in force at each instant near it.
  const before = local - zone.offsetAt(local - FAR_MS);
  const after = local - zone.offsetAt(local + FAR_MS);
  const shown = [...new Set([before, after])]
    .filter((instant) => localAt(zone, instant) === local)
    .sort((a, b) => a - b);
  const [first, second] = shown;
  if (first === undefined) {
    return { kind: 'never', over: changeWithin(zone, local - FAR_MS, local + FAR_MS) ?? after };
  }
  return second === undefined ? { kind: 'once', at: first } : { kind: 'twice', first, second };
}

/** The first instant in (from, to] at which the offset is another one than at `from`, exact to the second; undefined if it never is. */
export function nextChange(zone: Zone, from: number, to: number): number | undefined {
  for (let at = from; at < to; at += STEP_MS) {
    const change = changeWithin(zone, at, Math.min(at + STEP_MS, to));
    if (change !== undefined) return change;
  }
  return undefined;
}

/** As `nextChange`, where at most one change lies between. */
function changeWithin(zone: Zone, from: number, to: number): number | undefined {
  const offset = zone.offsetAt(from);
  if (zone.offsetAt(to) === offset) return undefined;
  let [before, after] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (zone.offsetAt(middle * 1000) === offset) before = middle;
    else after = middle;
  }
  return after * 1000;
}
