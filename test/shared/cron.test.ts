import { describe, expect, it } from 'vitest';
import { nextTick, parseSchedule, type Schedule } from '../../shared/cron.ts';

const at = (text: string): number => Date.parse(text);

function schedule(cron: string, timeZone = ''): Schedule {
  const result = parseSchedule({ cron, timeZone });
  if (result.kind === 'error') throw new Error(result.description);
  return result.schedule;
}

/** The next `count` ticks after a time, as text. */
function ticks(cron: string, timeZone: string, after: string, count: number): (string | undefined)[] {
  const parsed = schedule(cron, timeZone);
  let last: number | undefined = at(after);
  return Array.from({ length: count }, () => {
    last = last === undefined ? undefined : nextTick(parsed, last);
    return last === undefined ? undefined : new Date(last).toISOString();
  });
}

describe('a schedule', () => {
  it('of five fields fires at full minutes, one of six at its seconds', () => {
    expect(ticks('*/20 * * * *', '', '2026-01-01T00:00:01Z', 2)).toEqual([
      '2026-01-01T00:20:00.000Z',
      '2026-01-01T00:40:00.000Z',
    ]);
    expect(ticks('*/20 * * * * *', '', '2026-01-01T00:00:01Z', 2)).toEqual([
      '2026-01-01T00:00:20.000Z',
      '2026-01-01T00:00:40.000Z',
    ]);
  });

  it('fires strictly after the given time', () => {
    expect(ticks('0 3 * * *', '', '2026-01-01T03:00:00Z', 1)).toEqual(['2026-01-02T03:00:00.000Z']);
  });

  it('follows its time zone', () => {
    expect(ticks('0 3 * * *', 'Europe/Berlin', '2026-01-01T12:00:00Z', 1)).toEqual(['2026-01-02T02:00:00.000Z']);
    expect(schedule('0 3 * * *').timeZone).toBe('UTC');
  });

  it('fires after the hour that spring leaves out, and once in the hour that autumn has twice', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it.each([
    ['30 23 27 3 *', 'America/Nuuk', '2027-03-28T01:00:00.000Z'],
    ['0 23 27 3 *', 'America/Nuuk', '2027-03-28T01:00:00.000Z'],
    ['30 2 28 3 *', 'Europe/Berlin', '2027-03-28T01:00:00.000Z'],
    ['0,30 2 28 3 *', 'Europe/Berlin', '2027-03-28T01:00:00.000Z'],
    ['0 2,14 28 3 *', 'Europe/Berlin', '2027-03-28T01:00:00.000Z'],
    ['0 0 30 4 *', 'Africa/Cairo', '2027-04-29T22:00:00.000Z'],
    ['0 0,12 30 4 *', 'Africa/Cairo', '2027-04-29T22:00:00.000Z'],
    ['*/10 30 2 28 3 *', 'Europe/Berlin', '2027-03-28T01:00:00.000Z'],
  ])('"%s" in %s, left out by the change of the clocks, fires at the moment of the change', (cron, zone, right) => {
    expect(ticks(cron, zone, '2026-11-26T00:00:00Z', 1)).toEqual([right]);
  });

  it('goes on from any moment of the hour that comes twice', () => {
    // 02:00 to 03:00 comes twice in this night: from 00:00Z and from 01:00Z.
    for (const moment of ['00:30:00Z', '00:45:00.500Z', '01:00:00Z', '01:29:59.999Z', '01:30:00Z', '01:59:59Z']) {
      expect(ticks('30 2 * * *', 'Europe/Berlin', `2026-10-25T${moment}`, 1), moment).toEqual([
        '2026-10-26T01:30:00.000Z',
      ]);
      expect(ticks('0 3 * * *', 'Europe/Berlin', `2026-10-25T${moment}`, 1), moment).toEqual([
        '2026-10-25T02:00:00.000Z',
      ]);
    }
    expect(ticks('*/30 2 * * *', 'Europe/Berlin', '2026-10-25T00:45:00Z', 3)).toEqual([
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-26T01:00:00.000Z',
    ]);
  });

  it.each([
    ['0 0 L * *', '2026-01-31 2026-02-28 2026-03-31'],
    ['0 0 15W * *', '2026-01-15 2026-02-16 2026-03-16'],
    ['0 0 LW * *', '2026-01-30 2026-02-27 2026-03-31'],
    ['0 0 * * 5#2', '2026-01-09 2026-02-13 2026-03-13'],
    ['0 0 * * 5L', '2026-01-30 2026-02-27 2026-03-27'],
    ['0 0 13 * 5', '2026-01-02 2026-01-09 2026-01-13'],
    ['0 0 13 * +5', '2026-02-13 2026-03-13 2026-11-13'],
    ['0 0 * JAN FRI', '2026-01-02 2026-01-09 2026-01-16'],
  ])('"%s" means the days that the page on schedules says', (cron, days) => {
    const right = days.split(' ').map((day) => `${day}T00:00:00.000Z`);
    expect(ticks(cron, '', '2026-01-01T00:00:00Z', 3)).toEqual(right);
  });

  it('may never fire, and says so', () => {
    expect(ticks('0 0 30 2 *', '', '2026-01-01T00:00:00Z', 1)).toEqual([undefined]);
    expect(ticks('0 0 29 2 *', '', '2026-01-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00:00.000Z']);
  });

  it.each([
    ['@daily', '', 'cron', '1 fields'],
    ['* * * *', '', 'cron', '4 fields'],
    ['* * * * * * *', '', 'cron', '7 fields'],
    ['', '', 'cron', 'fields'],
    ['61 * * * *', '', 'cron', 'Invalid value for minute: 61'],
    ['? * * * *', '', 'cron', '"?"'],
    ['x * * * *', '', 'cron', 'not a cron pattern'],
    ['0 22-2 * * *', '', 'cron', 'From value is larger'],
    ['* * * * *', 'Europe/Berlon', 'time_zone', '"Europe/Berlon" is not a time zone'],
    ['* * * * *', '+02:00', 'time_zone', 'IANA'],
  ])('is refused at once: "%s" in "%s"', (cron, timeZone, field, words) => {
    expect(parseSchedule({ cron, timeZone })).toEqual({
      kind: 'error',
      reason: 'SCHEDULE_INVALID',
      field,
      description: expect.stringContaining(words),
    });
  });
});
