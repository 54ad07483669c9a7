import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../shared/duration.ts';

describe('a span of time', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['4.5s', 4_500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1h0.5s', 3_600_500],
    ['90s', 90_000],
    ['1m500ms', 60_500],
    ['0.0004s', 0],
  ])('is read: %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    ' ',
    '10',
    's',
    '-1s',
    '+1s',
    '1 s',
    '1d',
    '5s1m',
    '1s1s',
    '1.s',
    '.5s',
    '1e3s',
    '1hs',
    `${'9'.repeat(30)}h`,
  ])('is refused: "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [0, '0s'],
    [999, '999ms'],
    [4_500, '4.5s'],
    [45_000, '45s'],
    [61_001, '1m1.001s'],
    [5_400_000, '1h30m'],
    [86_400_000, '24h'],
    [-4_500, '-4.5s'],
    [0.4, '0s'],
  ])('is written: %i ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('is read back as what it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * 365 * 86_400_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
      { numRuns: 300 },
    );
  });
});
