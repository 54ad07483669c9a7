import { describe, expect, it } from 'vitest';
import { Starvation } from './starvation.ts';

/** So much time passes between two looks, of which so much was used. */
function looks(passed: readonly { readonly wallMs: number; readonly cpuMs: number }[]): Starvation {
  let [wallMs, cpuMs] = [0, 0];
  const starvation = new Starvation({ wallMs: () => wallMs, cpuMs: () => cpuMs });
  for (const one of passed) {
    wallMs += one.wallMs;
    cpuMs += one.cpuMs;
    starvation.tick();
  }
  return starvation;
}

const several = <T>(count: number, one: T): T[] => Array<T>(count).fill(one);

describe('a process', () => {
  it('is starved that is not let run for seconds', () => {
    expect(looks([{ wallMs: 6_000, cpuMs: 100 }]).isStarved).toBe(true);
    expect(looks(several(10, { wallMs: 600, cpuMs: 50 })).isStarved).toBe(true);
  });

  it('is not starved by itself, however long it works without a pause', () => {
    expect(looks([{ wallMs: 6_000, cpuMs: 5_900 }]).isStarved).toBe(false);
  });

  it('is not starved that has nothing to do', () => {
    expect(looks(several(100, { wallMs: 201, cpuMs: 0 })).isStarved).toBe(false);
  });

  it('is not starved that shares its processor with one other', () => {
    expect(looks(several(100, { wallMs: 400, cpuMs: 190 })).isStarved).toBe(false);
  });

  it('is starved once, not for ever', () => {
    const starvation = looks([{ wallMs: 6_000, cpuMs: 100 }]);
    starvation.forget();
    expect(starvation.isStarved).toBe(false);
  });
});
