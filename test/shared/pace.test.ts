import { describe, expect, it } from 'vitest';
import { Pace } from '../../shared/pace.ts';

/** How many of those that ask at these times may. */
function taken(pace: Pace, who: string, times: Iterable<number>): number {
  let count = 0;
  for (const ms of times) {
    if (pace.waitMs(who, ms) > 0) continue;
    pace.take(who, ms);
    count += 1;
  }
  return count;
}

const eachMs = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('a pace', () => {
  it('takes a burst, then one each so often, and tells when the next one is', () => {
    const pace = new Pace({ burst: 5, everyMs: 20 });
    expect(taken(pace, 'a', Array<number>(10).fill(0))).toBe(5);
    expect(pace.waitMs('a', 7)).toBe(13);
    expect(taken(pace, 'a', eachMs(1, 1_001))).toBe(50);
  });

  it('has the burst again for one that stayed away', () => {
    const pace = new Pace({ burst: 5, everyMs: 20 });
    taken(pace, 'a', Array<number>(10).fill(0));
    expect(taken(pace, 'a', Array<number>(10).fill(100))).toBe(5);
  });

  it('is the business of each alone', () => {
    const pace = new Pace({ burst: 5, everyMs: 20 });
    taken(pace, 'a', eachMs(0, 1_000));
    expect(taken(pace, 'b', Array<number>(10).fill(1_000))).toBe(5);
  });

  it('counts what was given back for nothing', () => {
    const pace = new Pace({ burst: 2, everyMs: 20 });
    taken(pace, 'a', [0, 0]);
    pace.giveBack('a');
    expect(taken(pace, 'a', [0, 0])).toBe(1);
    pace.giveBack('nobody');
    expect(taken(pace, 'nobody', [0, 0, 0])).toBe(2);
  });

  it('forgets those that are not ahead of it', () => {
    const pace = new Pace({ burst: 5, everyMs: 20 });
    for (const ms of eachMs(0, 10_000)) taken(pace, `${ms}`, [ms]);
    expect(pace.size).toBeLessThanOrEqual(20);
  });
});
