import { describe, expect, it } from 'vitest';
import { backoffCeilingMs, backoffMs } from '../../shared/backoff.ts';

const options = { baseMs: 100, capMs: 1_000 };

describe('waiting after failures', () => {
  it('doubles up to the cap, and stays there', () => {
    const ceilings = [0, 1, 2, 3, 4, 5_000].map((failures) => backoffCeilingMs(options, failures));
    expect(ceilings).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('is anywhere between nothing and the ceiling', () => {
    expect([0, 0.25, 0.999].map((random) => backoffMs(options, 2, random))).toEqual([0, 100, 399.6]);
  });
});
