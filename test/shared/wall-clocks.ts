/**
 * An oracle for schedules, which knows nothing of how they are computed: it walks through a stretch of time minute by minute, asks the
 * runtime what a clock on the wall shows, and applies the sentences of docs/semantics.md, section 7, to the list.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What a clock shows, to the minute: `2027-03-28 02:30`. These compare like times. */
type Reading = string;

export interface Stretch {
  /** For each minute: the instant, and what the zone's clocks show then. */
  readonly minutes: readonly { readonly at: number; readonly shows: Reading }[];
  /** Every minute of the calendar from the first to the last of them, whether clocks show it or not, with the first instant past or at it. */
  readonly calendar: ReadonlyMap<Reading, number>;
  readonly parts: ReadonlyMap<Reading, Parts>;
}

interface Parts {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly weekday: number;
}

/** The five fields as sets; undefined: any. Day of month and day of week are never both given here. */
export interface Fields {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days?: ReadonlySet<number>;
  readonly weekdays?: ReadonlySet<number>;
  readonly fixed: boolean;
}

/** The instant at which a clock in UTC shows the same. */
const utc = (shows: Reading): number => Date.parse(`${shows.replace(' ', 'T')}:00Z`);

function clockOf(zone: string): (at: number) => Reading {
  // Swedish dates are written like this: 2027-03-28 02:30.
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return (at) => format.format(at);
}

/** The moments in a span of years at which a zone's clocks are changed, to the quarter of an hour: found by comparing each day with the last. */
export function changesOf(zone: string, fromYear: number, toYear: number): number[] {
  const clock = clockOf(zone);
  const changes: number[] = [];
  let last = '';
  for (let day = Date.UTC(fromYear, 0, 1); day < Date.UTC(toYear, 0, 1); day += DAY) {
    const time = clock(day).slice(-5);
    if (last !== '' && time !== last) changes.push(changeWithin(clock, day - DAY));
    last = time;
  }
  return changes;
}

function changeWithin(clock: (at: number) => Reading, day: number): number {
  const ahead = utc(clock(day)) - day;
  let at = day;
  while (utc(clock(at)) - at === ahead) at += 15 * MINUTE;
  return at;
}

export function stretchOf(zone: string, from: number, to: number): Stretch {
  const clock = clockOf(zone);
  const minutes: { at: number; shows: Reading }[] = [];
  for (let at = from; at < to; at += MINUTE) minutes.push({ at, shows: clock(at) });
  const calendar = new Map<Reading, number>();
  const parts = new Map<Reading, Parts>();
  let reached = 0;
  for (let at = utc(minutes[0]?.shows ?? ''); reached < minutes.length; at += MINUTE) {
    const reading = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
    // Never shown: the first minute at which the clocks are past it is that of the change.
    while (reached < minutes.length && (minutes[reached]?.shows ?? '') < reading) reached += 1;
    const reachedAt = minutes[reached]?.at;
    if (reachedAt !== undefined) calendar.set(reading, reachedAt);
    const date = new Date(at);
    parts.set(reading, {
      minute: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      day: date.getUTCDate(),
      weekday: date.getUTCDay(),
    });
  }
  return { minutes, calendar, parts };
}

function matches(parts: Parts | undefined, { minutes, hours, days, weekdays }: Fields): boolean {
  if (parts === undefined || !minutes.has(parts.minute) || !hours.has(parts.hour)) return false;
  if (days !== undefined) return days.has(parts.day);
  return weekdays === undefined || weekdays.has(parts.weekday);
}

/** All ticks within a stretch, in order. */
export function ticksOf({ minutes, calendar, parts }: Stretch, fields: Fields): number[] {
  if (!fields.fixed) return minutes.filter(({ shows }) => matches(parts.get(shows), fields)).map(({ at }) => at);
  const ticks = new Set<number>();
  for (const [reading, at] of calendar) if (matches(parts.get(reading), fields)) ticks.add(at);
  return [...ticks].sort((a, b) => a - b);
}
