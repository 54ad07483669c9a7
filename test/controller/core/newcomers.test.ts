import { describe, expect, it } from 'vitest';
import type { RunState } from '../../../controller/core/records/run-state.ts';
import { policyId, serverId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import { wordsOf } from '../../scenarios/words.ts';
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

const stateOf = (world: ModelWorld): RunState | undefined => [...world.state.runs.values()][0]?.state;

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

  it('that lie with a certificate hold starts back until it is revoked, and honest ones go on to', () => {
    const { world } = worldOf(1);
    const more = { clusterId: CLUSTER_ID, highestEpoch: 77, certifiedWall: 0 };
    for (const name of ['thief', 'other']) world.agent(name, more).hello();
    world.advanceTo(world.time.now.mono + 1);
    world.call({ kind: 'create_policy', policy: policyId('p'), spec: specOf(wordsOf('policy p')) });
    const revoke = (name: string): void => {
      world.call({ kind: 'revoke_server', server: serverId(name), reason: 'stolen' });
      world.advanceTo(world.time.now.mono + SECOND);
    };
    expect(world.state.storeBehind).toContain('locum server revoke other');
    revoke('other');
    expect(world.state.storeBehind).toContain('locum server revoke thief');
    expect(stateOf(world)).toMatchObject({ kind: 'QUEUED', reason: 'STORE_BEHIND' });
    revoke('thief');
    expect(world.state.storeBehind).toBeUndefined();
    expect(stateOf(world)?.kind).not.toBe('QUEUED');
  });

  it('that are revoked for their word are believed as strangers are: until no lease of a lost history can live', () => {
    const world = new ModelWorld();
    world.elect();
    world.agent('old').hello();
    world.agent('thief', { clusterId: CLUSTER_ID, highestEpoch: 77, certifiedWall: 0 }).hello();
    world.advanceTo(world.time.now.mono + SECOND);
    world.call({ kind: 'create_policy', policy: policyId('p'), spec: specOf(wordsOf('policy p')) });
    world.advanceTo(world.time.now.mono + SECOND);
    world.call({ kind: 'revoke_server', server: serverId('thief'), reason: 'stolen' });
    world.advanceTo(40 * SECOND);
    expect(stateOf(world)).toMatchObject({ kind: 'QUEUED', reason: 'STORE_BEHIND' });
    world.advanceTo(50 * SECOND);
    expect(stateOf(world)?.kind).not.toBe('QUEUED');
  });
});
