import { describe, expect, it, vi } from 'vitest';
import { TimerWheel } from '../../../controller/core/cluster/timer-wheel.ts';
import { policyId } from '../../../shared/ids.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import { wordsOf } from '../../scenarios/words.ts';
import { ModelWorld } from './world/model-world.ts';

/** A hundred servers, each with a run. */
function idleCluster(): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  for (let n = 1; n <= 100; n += 1) world.agent(`s-${n}`).hello();
  world.advanceTo(SECOND);
  const spec = { ...specOf(wordsOf('continuous slots=50')), maxConcurrentRuns: 100 };
  world.call({ kind: 'create_policy', policy: policyId('work'), spec });
  world.advanceTo(MINUTE);
  return world;
}

describe('idle agents', () => {
  it('cause no commit and no write in an hour, and keep what they run', () => {
    const world = idleCluster();
    const { commits, writes } = world.store;
    world.advanceTo(MINUTE + HOUR);
    expect([...world.state.runs.values()].filter((run) => run.state.kind === 'RUNNING')).toHaveLength(100);
    expect([...world.state.servers.values()].every((server) => server.liveness === 'ALIVE')).toBe(true);
    expect({ commits: world.store.commits, writes: world.store.writes }).toEqual({ commits, writes });
  });

  it('touch no timer wheel with their heartbeats: wheels see one look per server and threshold', () => {
    const world = idleCluster();
    const set = vi.spyOn(TimerWheel.prototype, 'set');
    // Three heartbeats of each server; its silence is looked at once in 15 s.
    world.advanceTo(MINUTE + 15 * SECOND);
    const calls = set.mock.calls.length;
    set.mockRestore();
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThanOrEqual(2 * 100);
  });

  it('have watchers told of nothing', () => {
    const published: string[] = [];
    const world = new ModelWorld({
      onEffect: (effect) => {
        if (effect.kind === 'publish') published.push(...effect.changes.map(({ key }) => key));
      },
    });
    world.elect();
    world.agent('s-1').hello();
    world.advanceTo(MINUTE);
    published.length = 0;
    world.advanceTo(10 * MINUTE);
    expect(published).toEqual([]);
  });
});
