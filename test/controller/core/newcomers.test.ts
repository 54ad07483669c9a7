import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../shared/limits.ts';
import { HOUR, MINUTE } from '../../../shared/time.ts';
import { CLUSTER_ID } from './world/model-agent.ts';
import { ModelWorld } from './world/model-world.ts';

function worldOf(servers: number): { readonly world: ModelWorld; readonly refused: string[] } {
  const refused: string[] = [];
  const world = new ModelWorld({
    onEffect: (effect) => {
      if (effect.kind === 'close' && effect.error !== undefined) refused.push(effect.error.reason);
    },
  });
  world.elect();
  for (let n = 1; n <= servers; n += 1) world.agent(`old-${n}`).hello();
  world.advanceTo(HOUR + MINUTE);
  return { world, refused };
}

const join = (world: ModelWorld, name: string, count: number): void => {
  for (let n = 1; n <= count; n += 1) world.agent(`${name}-${n}`).hello();
  world.advanceTo(world.time.now.mono + 1);
};

describe('servers that nobody knows yet', () => {
  it('are taken in up to a bound within ten minutes, where three have been there for an hour', () => {
    const { world, refused } = worldOf(3);
    join(world, 'new', LIMITS.newServers + 3);
    expect(world.state.servers.size).toBe(3 + LIMITS.newServers);
    expect(refused).toEqual(['OVERLOADED', 'OVERLOADED', 'OVERLOADED']);
    // Those that are known come back all the same.
    world.agent('old-1').hello();
    world.advanceTo(world.time.now.mono + 1);
    expect(refused).toHaveLength(3);
    world.advanceTo(world.time.now.mono + 10 * MINUTE);
    join(world, 'later', 1);
    expect(world.state.servers.size).toBe(4 + LIMITS.newServers);
  });

  it('are not counted while the pool is new as a whole', () => {
    const { world, refused } = worldOf(2);
    join(world, 'new', LIMITS.newServers + 3);
    expect(world.state.servers.size).toBe(5 + LIMITS.newServers);
    expect(refused).toEqual([]);
  });

  it('are taken in beyond the bound with a certificate of the cluster', () => {
    const { world, refused } = worldOf(3);
    join(world, 'new', LIMITS.newServers);
    world.agent('certified', { certifiedWall: 0 }).hello();
    world.advanceTo(world.time.now.mono + 1);
    expect(refused).toEqual([]);
    expect(world.state.servers.size).toBe(4 + LIMITS.newServers);
  });

  it('that have seen a higher epoch stop all starts with a certificate of the cluster only', () => {
    const { world, refused } = worldOf(1);
    const more = { clusterId: CLUSTER_ID, highestEpoch: 77 };
    world.agent('stranger', more).hello();
    world.advanceTo(world.time.now.mono + 1);
    expect(world.state.storeBehind).toBeUndefined();
    world.agent('certified', { ...more, certifiedWall: 0 }).hello();
    world.advanceTo(world.time.now.mono + 1);
    expect(world.state.storeBehind).toContain('certified has seen term');
    expect(refused).toEqual(['STORE_BEHIND', 'STORE_BEHIND']);
  });
});
