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
