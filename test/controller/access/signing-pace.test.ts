import { describe, expect, it } from 'vitest';
import { SigningPace } from '../../../controller/access/signing-pace.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `web-${index}`);

describe('the pace of renewals', () => {
  it('takes a burst at once, and tells each further one a turn of its own', () => {
    const pace = new SigningPace();
    const turns = names(1_000).map((name) => pace.ask(name, 0));
    expect(turns.filter(({ kind }) => kind === 'NOW')).toHaveLength(40);
    const waits = turns.flatMap((turn) => (turn.kind === 'LATER' ? [turn.afterMs] : []));
    expect(new Set(waits).size).toBe(960);
    expect(Math.max(...waits)).toBeLessThan(50_000);
  });

  it('takes all who come back at their turn', () => {
    const pace = new SigningPace();
    const later = names(1_000).flatMap((name) => {
      const turn = pace.ask(name, 0);
      return turn.kind === 'NOW' ? [] : [{ name, at: turn.afterMs }];
    });
    const refused = later.filter(({ name, at }) => pace.ask(name, at).kind !== 'NOW');
    expect(refused).toEqual([]);
  });

  it('never takes more than 20 a second and the burst, whatever is asked', () => {
    const pace = new SigningPace();
    let taken = 0;
    for (let ms = 0; ms < 60_000; ms += 5) if (pace.ask(`web-${ms}`, ms).kind === 'NOW') taken += 1;
    expect(taken).toBeLessThanOrEqual(60 * 20 + 40);
    expect(taken).toBeGreaterThan(60 * 20);
  });

  it('takes one server five times, then once in ten seconds', () => {
    const pace = new SigningPace();
    const kinds = Array.from({ length: 6 }, () => pace.ask('web-1', 0));
    expect(kinds.slice(0, 5).every(({ kind }) => kind === 'NOW')).toBe(true);
    expect(kinds[5]).toEqual({ kind: 'LATER', afterMs: 10_000, for: 'SERVER' });
    expect(pace.ask('web-1', 9_999).kind).toBe('LATER');
    expect(pace.ask('web-1', 10_000).kind).toBe('NOW');
    expect(pace.ask('web-1', 10_001).kind).toBe('LATER');
  });

  it('lets one that asks all the time push nobody back', () => {
    const pace = new SigningPace();
    for (const name of names(41)) pace.ask(name, 0);
    const told = pace.ask('web-40', 0);
    for (let n = 0; n < 1_000; n += 1) expect(pace.ask('web-40', 0)).toEqual(told);
    const next = pace.ask('web-41', 0);
    expect(next.kind === 'LATER' && told.kind === 'LATER' && next.afterMs - told.afterMs).toBe(50);
  });

  it('forgets who came long ago', () => {
    const pace = new SigningPace();
    for (const name of names(10_000)) pace.ask(name, 0);
    expect(pace.size).toBe(10_000);
    pace.ask('last', 11 * 60_000);
    expect(pace.size).toBe(1);
  });
});
