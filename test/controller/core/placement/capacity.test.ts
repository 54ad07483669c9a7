import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serverLiveOf } from '../../../../controller/core/cluster/cluster.ts';
import { isAvailable } from '../../../../controller/core/placement/capacity.ts';
import { worldOf, worldPlans } from './random-world.ts';

describe('whether a server is available', () => {
  it('is known without a look at its runs, of which there may be many, unless it is on trial', () => {
    const worlds = fc.sample(worldPlans, { seed: 1, numRuns: 20 }).map(worldOf);
    let asked = 0;
    for (const state of worlds) {
      for (const server of state.servers.values()) {
        if (server.gate.probation?.phase === 'TRIAL') continue;
        const live = serverLiveOf(state, server.id);
        const before = isAvailable(state, server);
        Object.assign(live, {
          runs: { [Symbol.iterator]: () => expect.fail(`the runs of ${server.id} are looked at`) },
        });
        expect(isAvailable(state, server)).toBe(before);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThan(100);
  });
});
