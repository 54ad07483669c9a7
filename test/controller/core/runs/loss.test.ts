import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentAttempt, planLossOf } from '../../../../controller/core/views.ts';
import { present } from '../../../../shared/assert.ts';
import { policyId, serverId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const SERVERS = ['s-1', 's-2', 's-3', 's-4'];
const LISTS = ['', ' list=s-1', ' list=s-3,s-1', ' list=s-4,s-2 mode=PREFER'];

const policies = fc.array(
  fc.record({
    priority: fc.nat(100),
    slots: fc.integer({ min: 1, max: 3 }),
    list: fc.constantFrom(...LISTS),
    disconnect: fc.constantFrom('STOP', 'STOP', 'STOP', 'OVERLAP', 'HOLD'),
  }),
  { minLength: 1, maxLength: 12 },
);

function worldOf(limits: readonly number[], wanted: readonly string[]) {
  const world = new ModelWorld();
  world.elect();
  const agents = new Map(SERVERS.map((id) => [id, world.agent(id)]));
  for (const [i, id] of SERVERS.entries()) {
    agents.get(id)?.hello();
    world.advanceTo(world.now.mono + SECOND);
    world.call({
      kind: 'update_server',
      server: serverId(id),
      etag: '',
      maxSlots: { value: limits[i] ?? 1 },
      labels: undefined,
    });
  }
  for (const [i, words] of wanted.entries()) {
    world.call({ kind: 'create_policy', policy: policyId(`p${i}`), spec: specOf(wordsOf(`policy p${i} ${words}`)) });
    world.advanceTo(world.now.mono + SECOND);
  }
  world.advanceTo(world.now.mono + 10 * SECOND);
  return { world, agents };
}

describe('the plan of a loss', () => {
  it('is what happens when the server dies, and changes nothing by itself', () => {
    const limits = fc.tuple(fc.nat(6), fc.nat(6), fc.nat(6), fc.nat(6));
    const property = fc.property(limits, policies, fc.constantFrom(...SERVERS), (slots, list, lost) => {
      const words = list.map(
        (one) => `continuous priority=${one.priority} slots=${one.slots} disconnect=${one.disconnect}${one.list}`,
      );
      const { world, agents } = worldOf(slots, words);
      const before = structuredClone([...world.state.runs.values()]);
      const server = present(world.state.servers.get(serverId(lost)), 'the server is there');
      const { takeovers, waits } = planLossOf(world.state, world.now, [server]);
      expect([...world.state.runs.values()]).toEqual(before);
      const dead = present(agents.get(lost), 'its agent is there');
      world.cut.add(dead);
      dead.powerOff();
      world.advanceTo(world.now.mono + 2 * MINUTE);
      const placed = takeovers.map(({ run }) => currentAttempt(present(world.state.runs.get(run), run))?.server);
      expect(placed).toEqual(takeovers.map(({ to }) => to));
      for (const { run } of waits) {
        expect(['QUEUED', 'FENCING']).toContain(world.state.runs.get(run)?.state.kind);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});
