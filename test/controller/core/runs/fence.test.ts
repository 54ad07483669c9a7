import { describe, expect, it } from 'vitest';
import { judgeFence } from '../../../../controller/core/runs/fence.ts';
import { policyId, runId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const POLICY = policyId('p');

/** A policy that runs on `a` as epoch 1; then it is moved to `b` as epoch 2, and the store is set back to before that. */
function restoredWorld(): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  world.agent('a').hello();
  world.advanceTo(SECOND);
  world.agent('b').hello();
  world.call({ kind: 'create_policy', policy: POLICY, spec: specOf(wordsOf('continuous')) });
  world.advanceTo(2 * SECOND);
  world.store.save();
  world.call({ kind: 'move_run', run: runId('p-1'), server: world.agent('b').server });
  world.advanceTo(10 * SECOND);
  expect(world.state.runs.get(runId('p-1'))?.attempts.at(-1)).toMatchObject({ server: 'b', epoch: 2 });
  world.crash();
  world.store.restore();
  world.elect({ incarnation: 2, first: true });
  world.advanceTo(11 * SECOND);
  return world;
}

const verdictOf = (world: ModelWorld, epoch: number): string =>
  judgeFence(world.state, POLICY, epoch, undefined).verdict;

describe('after a restore an epoch of before it', () => {
  it('is not known to be current while its server is silent: a later one may live elsewhere', () => {
    const world = restoredWorld();
    expect(verdictOf(world, 1)).toBe('NOT_SETTLED');
    world.agent('b').hello();
    world.advanceTo(20 * SECOND);
    expect(verdictOf(world, 1)).toBe('NOT_SETTLED');
  });

  it('has ended when its server does not list it', () => {
    const world = restoredWorld();
    world.agent('a').hello();
    world.advanceTo(20 * SECOND);
    expect(verdictOf(world, 1)).toBe('ENDED');
  });

  it('is current when its server lists it', () => {
    const world = new ModelWorld();
    world.elect();
    world.agent('a').hello();
    world.call({ kind: 'create_policy', policy: POLICY, spec: specOf(wordsOf('continuous')) });
    world.advanceTo(2 * SECOND);
    world.elect({ incarnation: 2, first: true });
    world.advanceTo(3 * SECOND);
    expect(verdictOf(world, 1)).toBe('NOT_SETTLED');
    world.agent('a').hello();
    world.advanceTo(4 * SECOND);
    expect(verdictOf(world, 1)).toBe('CURRENT');
    world.advanceTo(2 * MINUTE);
    expect(verdictOf(world, 1)).toBe('CURRENT');
  });
});
