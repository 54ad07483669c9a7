import { describe, expect, it } from 'vitest';
import { isEnded } from '../../../../controller/core/records/run-state.ts';
import type { Retention } from '../../../../controller/core/records/state.ts';
import { RUNS_OF_DELETED_KEPT_MS } from '../../../../controller/core/runs/retention.ts';
import { policyId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

/** Without servers: runs wait until they are stopped. */
function emptyWorld(): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  world.advanceTo(SECOND);
  return world;
}

function create(world: ModelWorld, name: string, retention: Partial<Retention> = {}): void {
  const spec = specOf(wordsOf('on_demand'));
  const kept = { ...spec.retention, ...retention };
  world.call({ kind: 'create_policy', policy: policyId(name), spec: { ...spec, retention: kept } });
  world.advanceTo(world.now.mono + SECOND);
}

/** Runs of the policy that are started and stopped, one after the other. */
function runTimes(world: ModelWorld, name: string, times: number): void {
  for (let i = 0; i < times; i += 1) {
    world.call({ kind: 'start_policy', policy: policyId(name), arguments: [] });
    world.advanceTo(world.now.mono + SECOND);
    world.call({ kind: 'stop_policy', policy: policyId(name) });
    world.advanceTo(world.now.mono + SECOND);
  }
}

const endedOf = (world: ModelWorld, name: string): number =>
  [...world.state.runs.values()].filter((run) => run.policy === name && isEnded(run)).length;

describe('what is kept of what is over', () => {
  it('is, of ended runs, what each policy says, and the newest', () => {
    const world = emptyWorld();
    create(world, 'few', { endedRuns: 2 });
    create(world, 'usual');
    runTimes(world, 'usual', 3);
    runTimes(world, 'few', 30);
    expect([endedOf(world, 'few'), endedOf(world, 'usual')]).toEqual([2, 3]);
    expect([...world.state.runs.keys()].filter((id) => id.startsWith('few'))).toEqual(['few-32', 'few-33']);
  });

  it('outlives its policy: ended runs of a deleted one stay for seven days, over a change of leader too', () => {
    const world = emptyWorld();
    create(world, 'work');
    runTimes(world, 'work', 3);
    world.call({ kind: 'delete_policy', policy: policyId('work'), etag: '' });
    world.advanceTo(world.now.mono + MINUTE);
    expect([world.state.policies.has(policyId('work')), endedOf(world, 'work')]).toEqual([false, 3]);
    world.crash();
    world.elect();
    world.advanceTo(world.now.mono + SECOND);
    expect(endedOf(world, 'work')).toBe(3);
    world.advanceTo(world.now.mono + RUNS_OF_DELETED_KEPT_MS - 10 * MINUTE);
    expect(endedOf(world, 'work')).toBe(3);
    world.advanceTo(world.now.mono + 20 * MINUTE);
    expect(endedOf(world, 'work')).toBe(0);
  });

  it('is not taken over by a new policy of the same name', () => {
    const world = emptyWorld();
    create(world, 'work', { endedRuns: 1 });
    runTimes(world, 'work', 1);
    world.call({ kind: 'delete_policy', policy: policyId('work'), etag: '' });
    world.advanceTo(world.now.mono + MINUTE);
    create(world, 'work', { endedRuns: 1 });
    runTimes(world, 'work', 3);
    expect(endedOf(world, 'work')).toBe(2);
  });
});
