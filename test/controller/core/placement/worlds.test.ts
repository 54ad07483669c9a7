import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../../controller/core/cluster/cluster.ts';
import { askOf, type Choice, choose, decide, serversNow } from '../../../../controller/core/placement/choose.ts';
import { explain } from '../../../../controller/core/placement/explain.ts';
import { OBSTACLES, obstacleAt } from '../../../../controller/core/placement/obstacle.ts';
import type { Policy, Run } from '../../../../controller/core/records/state.ts';
import { present } from '../../../../shared/assert.ts';
import type { ServerId } from '../../../../shared/ids.ts';
import { chooseByObstacles, namesOf, whyNotThere } from '../../../sim/checks/naive-placement.ts';
import { propertyRuns } from '../property.ts';
import { AGE, EVERYBODY, worldOf, worldPlans } from './random-world.ts';

/** Each run with its policy, where it asks for a place and where it moves away from a server. */
function askings(
  state: ClusterState,
): readonly { readonly policy: Policy; readonly run: Run; readonly from: ServerId | undefined }[] {
  return [...state.runs.values()].flatMap((run, n) => {
    const policy = present(state.policies.get(run.policy), 'a run has its policy');
    return [undefined, EVERYBODY[n % EVERYBODY.length]].map((from) => ({ policy, run, from }));
  });
}

describe('a placement in a random world', () => {
  it('is where the rules say, and every server that it was not has the obstacle that the rules name', () => {
    const seen = new Set<string>();
    const choices = new Set<Choice['why']>();
    const property = fc.property(worldPlans, (plan) => {
      const state = worldOf(plan);
      for (const { policy, run, from } of askings(state)) {
        const asking = { policy, run, from, age: AGE };
        const ask = askOf(state, policy, run, AGE, from === undefined ? {} : { from });
        const servers = serversNow(state, policy);
        const choice = choose(servers, ask);
        expect(choice?.server).toBe(chooseByObstacles(state, asking));

        const { isLastResort } = decide(servers, ask.query);
        const reasonOf = (id: ServerId) => obstacleAt(ask, id, servers.viewOf(id), isLastResort)?.reason;
        const expected = EVERYBODY.map((id) => whyNotThere(state, asking, id));
        expect(EVERYBODY.map(reasonOf)).toEqual(expected);
        for (const reason of expected) if (reason !== undefined) seen.add(reason);

        for (const { server, reason } of explain(servers, ask, () => '').verdicts) {
          const others = whyNotThere(state, asking, server) ?? 'AVAILABLE';
          expect(reason).toBe(server === choice?.server ? 'CHOSEN' : others);
        }

        const names = namesOf(state, policy);
        expect(choice === undefined || choice.rank === names.indexOf(choice.server) + 1).toBe(true);
        const inFront = choice?.why === 'RANK' ? names.slice(0, choice.rank - 1) : [];
        expect(choice?.passedOver.map(({ server, obstacle }) => [server, obstacle.reason]) ?? []).toEqual(
          inFront.slice(0, 3).map((id) => [id, whyNotThere(state, asking, id)]),
        );
        if (choice !== undefined) choices.add(choice.why);
      }
    });
    fc.assert(property, propertyRuns());
    expect([...OBSTACLES].filter((reason) => !seen.has(reason))).toEqual([]);
    expect(choices).toEqual(new Set(['RESERVED', 'WAS_THERE', 'RANK']));
  });
});
