import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpentEpochs } from '../../../keeper/core/spent-epochs.ts';

describe('spent epochs', () => {
  it('are the highest of a run and every lower one', () => {
    const spent = new SpentEpochs(10);
    spent.spend('a', 5);
    spent.spend('a', 3);
    expect([3, 5, 6].map((epoch) => spent.isSpent('a', epoch))).toEqual([true, true, false]);
    expect(spent.isSpent('b', 1)).toBe(false);
  });

  it('are bounded: what is no longer kept by run is kept as a floor', () => {
    const spent = new SpentEpochs(2);
    for (const [run, epoch] of Object.entries({ a: 1, b: 2, c: 3 })) spent.spend(run, epoch);
    expect([...spent.entries()]).toEqual([
      ['b', 2],
      ['c', 3],
    ]);
    expect(spent.floor).toBe(1);
    expect([1, 2].map((epoch) => spent.isSpent('a', epoch))).toEqual([true, false]);
  });

  it('are never free again, whatever the bound', () => {
    const spends = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 50 })));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), spends, (limit, all) => {
        const spent = new SpentEpochs(limit);
        for (const [run, epoch] of all) spent.spend(run, epoch);
        expect(all.every(([run, epoch]) => spent.isSpent(run, epoch))).toBe(true);
        expect([...spent.entries()].length).toBeLessThanOrEqual(limit);
        expect(spent.newest).toBe(Math.max(0, ...all.map(([, epoch]) => epoch)));
      }),
      { numRuns: 300 },
    );
  });
});
