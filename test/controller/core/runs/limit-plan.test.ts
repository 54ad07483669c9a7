import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageOf } from '../../../../controller/core/cluster/age.ts';
import { startsWithLimit } from '../../../../controller/core/runs/limit-plan.ts';
import { currentAttempt } from '../../../../controller/core/views.ts';
import { present } from '../../../../shared/assert.ts';
import { policyId, serverId } from '../../../../shared/ids.ts';
import { SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const SERVERS = ['s-1', 's-2', 's-3'];
const LISTS = ['', '', ' list=s-1', ' list=s-3,s-1', ' list=s-2 mode=PREFER'];

const policies = fc.array(
  fc.record({ priority: fc.nat(100), slots: fc.integer({ min: 1, max: 3 }), list: fc.constantFrom(...LISTS) }),
  { minLength: 1, maxLength: 12 },
);

function limit(world: ModelWorld, id: string, value: number): void {
  world.call({ kind: 'update_server', server: serverId(id), etag: '', maxSlots: { value }, labels: undefined });
}

/** More is wanted than there is room for. */
function fullWorld(wanted: readonly string[]): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  for (const [i, id] of SERVERS.entries()) {
    world.agent(id).hello();
    world.advanceTo(world.now.mono + SECOND);
    limit(world, id, i + 1);
  }
  for (const [i, words] of wanted.entries()) {
    world.call({ kind: 'create_policy', policy: policyId(`p${i}`), spec: specOf(wordsOf(`policy p${i} ${words}`)) });
    world.advanceTo(world.now.mono + SECOND);
  }
  world.advanceTo(world.now.mono + 10 * SECOND);
  return world;
}

describe('the plan of a limit', () => {
  it('names the runs that start there when it is set, and changes nothing by itself', () => {
    let planned = 0;
    const property = fc.property(policies, fc.constantFrom(...SERVERS), fc.nat(8), (list, id, slots) => {
      const world = fullWorld(list.map((one) => `continuous priority=${one.priority} slots=${one.slots}${one.list}`));
      const before = structuredClone([...world.state.runs.values()]);
      const queued = before.filter(({ state }) => state.kind === 'QUEUED').map((run) => run.id);
      const server = present(world.state.servers.get(serverId(id)), 'the server is there');
      const view = { state: world.state, now: world.now, age: ageOf(world.state, world.now) };
      const starts = startsWithLimit(view, { ...server, maxSlots: slots });
      expect([...world.state.runs.values()]).toEqual(before);
      limit(world, id, slots);
      world.advanceTo(world.now.mono + 5 * SECOND);
      const started = queued.filter((run) => currentAttempt(present(world.state.runs.get(run), run))?.server === id);
      expect(starts.map(({ run }) => run).toSorted()).toEqual(started.toSorted());
      planned += starts.length;
    });
    fc.assert(property, { numRuns: 80 });
    expect(planned).toBeGreaterThan(20);
  });
});
