import { describe, expect, it, type TestContext } from 'vitest';
import { counterexample, findTools, search, type Tools } from '../../scripts/model-checker.ts';

/** Spin and a C compiler; skips with the reason where there are none. */
function toolsOr(ctx: TestContext): Tools {
  const tools = findTools();
  if ('missing' in tools) return ctx.skip(tools.missing);
  return tools;
}

describe('the formal model of leases and fencing, in its small size', () => {
  it('has no state in which two trees live, an epoch falls, or a deposed leader has an effect', (ctx) => {
    const { violated, states } = search(toolsOr(ctx), { size: 'small' });
    expect(violated).toBeUndefined();
    // Fewer would mean that a step can never be taken any more.
    expect(states).toBeGreaterThan(1_000_000);
  }, 180_000);

  for (const [without, only] of [
    ['A3_SPENT', 'I1'],
    ['C1', 'I3'],
    ['C3_TAKEN', 'I1'],
    ['C4_CAS', 'I2'],
  ] as const) {
    it(`has one without the rule ${without}, seen by ${only}`, (ctx) => {
      expect(search(toolsOr(ctx), { size: 'small', without, only }).violated).toBe(only);
    }, 60_000);
  }

  it('tells the way to it in words', (ctx) => {
    const steps = counterexample(toolsOr(ctx), { size: 'small', without: 'C4_STOP', only: 'I1' });
    expect(steps).toContain('controller 1: sends the stop of epoch 1');
    expect(steps).toContain('standby: epoch 2 runs');
    expect(steps).toContain('keeper: epoch 1 runs');
  }, 60_000);
});
