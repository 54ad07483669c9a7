/** Schedules against an oracle, in every zone of the machine's tz data whose clocks are changed within five years. */
import { describe, expect, it } from 'vitest';
import { nextTick, parseSchedule } from '../../shared/cron.ts';
import { changesOf, type Fields, stretchOf, ticksOf } from './wall-clocks.ts';

const FROM_YEAR = 2026;
const TO_YEAR = 2031;
const HOUR = 3_600_000;

const range = (from: number, to: number, step = 1): Set<number> =>
  new Set(Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step));
const all = { minutes: range(0, 59), hours: range(0, 23) };

/** Patterns with what they mean, written twice: the oracle reads no patterns. Dense ones are compared near the change only. */
const PATTERNS: readonly (readonly [cron: string, fields: Fields])[] = [
  ['30 2 * * *', { minutes: new Set([30]), hours: new Set([2]), fixed: true }],
  ['15,45 2 * * *', { minutes: new Set([15, 45]), hours: new Set([2]), fixed: true }],
  ['0 2,14 * * *', { minutes: new Set([0]), hours: new Set([2, 14]), fixed: true }],
  ['0,30 0-3 * * *', { minutes: new Set([0, 30]), hours: range(0, 3), fixed: true }],
  ['30 23 * * *', { minutes: new Set([30]), hours: new Set([23]), fixed: true }],
  ['0 0 * * *', { minutes: new Set([0]), hours: new Set([0]), fixed: true }],
  ['0 0,12 * * *', { minutes: new Set([0]), hours: new Set([0, 12]), fixed: true }],
  ['10-12 0-23 * * *', { minutes: range(10, 12), hours: range(0, 23), fixed: true }],
  ['0-59 0-23 * * *', { ...all, fixed: true }],
  ['30 1 24-31 * *', { minutes: new Set([30]), hours: new Set([1]), days: range(24, 31), fixed: true }],
  ['0 23 * * 6', { minutes: new Set([0]), hours: new Set([23]), weekdays: new Set([6]), fixed: true }],
  ['0 0 * * 0,5', { minutes: new Set([0]), hours: new Set([0]), weekdays: new Set([0, 5]), fixed: true }],
  ['* * * * *', { ...all, fixed: false }],
  ['0 * * * *', { minutes: new Set([0]), hours: range(0, 23), fixed: false }],
  ['*/20 2 * * *', { minutes: range(0, 59, 20), hours: new Set([2]), fixed: false }],
  ['5-59/20 1-2 * * *', { minutes: range(5, 59, 20), hours: range(1, 2), fixed: false }],
  ['30 */2 * * *', { minutes: new Set([30]), hours: range(0, 23, 2), fixed: false }],
  ['45 0-23/3 * * *', { minutes: new Set([45]), hours: range(0, 23, 3), fixed: false }],
];

/** Zones of the same rules are one group: the first of them is tried for all. */
function zonesThatChange(): { zones: string[]; changes: number[] }[] {
  const groups = new Map<string, { zones: string[]; changes: number[] }>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const changes = changesOf(zone, FROM_YEAR, TO_YEAR);
    if (changes.length === 0) continue;
    const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
    const key = [...changes, ...changes.map((at) => clock.format(at))].join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { zones: [zone], changes });
    else group.zones.push(zone);
  }
  return [...groups.values()];
}

function* ticksBetween(cron: string, timeZone: string, from: number, to: number): Generator<number> {
  const parsed = parseSchedule({ cron, timeZone });
  if (parsed.kind === 'error') throw new Error(parsed.description);
  for (let at = nextTick(parsed.schedule, from - 1); at !== undefined && at < to; at = nextTick(parsed.schedule, at)) {
    yield at;
  }
}

const groups = zonesThatChange();

describe('a schedule at a change of the clocks', () => {
  it('is tried in every zone that has one, among them those whose gap ends at midnight', () => {
    const zones = groups.flatMap((group) => group.zones);
    expect(zones.length).toBeGreaterThan(100);
    expect(zones).toEqual(
      expect.arrayContaining([
        'Europe/Berlin',
        'America/Godthab', // Nuuk
        'America/Scoresbysund',
        'Africa/Cairo',
        'Asia/Beirut',
        'America/Havana',
        'Australia/Lord_Howe',
        'Antarctica/Troll',
      ]),
    );
  });

  it.each(groups.map(({ zones, changes }) => [zones[0] ?? '', zones.length, changes] as const))(
    'fires in %s (one of %i with the same rules) when the sentences of the semantics say so',
    (zone, _count, changes) => {
      for (const change of changes) {
        const stretch = stretchOf(zone, change - 18 * HOUR, change + 18 * HOUR);
        for (const [cron, fields] of PATTERNS) {
          const near = (fields.minutes.size * fields.hours.size > 4 ? 3 : 14) * HOUR;
          const [from, to] = [change - near, change + near];
          const right = ticksOf(stretch, fields).filter((at) => at >= from && at < to);
          const is = [...ticksBetween(cron, zone, from, to)];
          expect.soft(is.map(text), `"${cron}" in ${zone}`).toEqual(right.map(text));
        }
      }
    },
  );
});

function text(at: number): string {
  return new Date(at).toISOString();
}
