/**
 * Random lives of a small cluster: servers cut off, silent, closed and powered off, operators' calls, slow commits and
 * checks, crashes of the controller at any moment. Checked from inside (checkAll, after each turn) and from outside, by agents
 * that keep to the lease rules on perfect clocks: a run of STOP or HOLD is never alive twice (I1), its epochs increase (I2).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../shared/prng.ts';
import { propertyRuns } from './property.ts';
import { lifeSteps, playLife } from './world/life.ts';

describe('a random life of a small cluster', () => {
  it('never has a run of STOP or HOLD alive twice, and comes to rest when the faults end', () => {
    fc.assert(
      fc.property(lifeSteps, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (steps, seed) => {
        const { violations, unplaced } = playLife(steps, new Prng(seed));
        expect(violations).toEqual([]);
        expect(unplaced).toEqual([]);
      }),
      propertyRuns(),
    );
  }, 60_000);
});
