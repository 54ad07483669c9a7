import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { type Policy, PolicySchema } from '../../../shared/gen/locum/v1/policy_pb.ts';
import type { UpdatePolicyResponse } from '../../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

type Fields = Omit<Exclude<MessageInitShape<typeof PolicySchema>, { readonly $typeName: string }>, '$typeName'>;

const policy = (fields: Fields = {}): Policy =>
  create(PolicySchema, {
    name: 'policies/x',
    workload: { kind: { case: 'script', value: { text: 'true' } } },
    ...fields,
  });

const said = ({ created, changes, effects }: UpdatePolicyResponse) => ({
  created,
  changes: changes.map(({ field, before, after }) => `${field}: ${before} → ${after}`),
  effects: effects.map(({ run, effect, message }) => `${effect} ${run}: ${message}`),
});

/** Three runs of a policy on one server. */
async function threeRuns(world: ControllerWorld): Promise<readonly string[]> {
  await world.liveAgent('a');
  const before = policy({ maxConcurrentRuns: 3, requirements: ['!gpu'] });
  await world.api.policies.updatePolicy({ policy: before, allowMissing: true });
  return eventually(async () => {
    const { runs } = await world.api.runs.listRuns({});
    const ready = runs.length === 3 && runs.every(({ state }) => state === RunState.RUNNING);
    return ready ? runs.map(({ name }) => name).sort() : undefined;
  });
}

describe('a policy that is changed', () => {
  it(
    'has a program to start, or is refused with the field',
    inWorld(async ({ api }) => {
      const workload = { kind: { case: 'command' as const, value: { argv: ['', 'x'] } } };
      const updated = api.policies.updatePolicy({ policy: policy({ workload }), allowMissing: true });
      await expect(updated).rejects.toThrow(
        'policy.workload.command.argv[0]: must be the program to start, and is empty',
      );
    }),
  );

  it(
    'tells, tried or done, which fields have other values and which runs stop',
    inWorld(async (world) => {
      const [, second, third] = await threeRuns(world);
      const { policies } = world.api;
      const right = {
        created: false,
        changes: ['max_concurrent_runs: 3 → 1', 'requirements: ["!gpu"] → '],
        effects: [
          `STOP ${second}: stops: the policy allows fewer runs now`,
          `STOP ${third}: stops: the policy allows fewer runs now`,
        ],
      };
      expect(said(await policies.updatePolicy({ policy: policy(), validateOnly: true }))).toEqual(right);
      expect((await world.api.runs.listRuns({})).runs).toHaveLength(3);
      expect(said(await policies.updatePolicy({ policy: policy() }))).toEqual(right);
      const left = await eventually(async () => {
        const { runs } = await world.api.runs.listRuns({});
        return runs.length === 1 ? runs : undefined;
      });
      expect([second, third]).not.toContain(left[0]?.name);
    }),
  );

  it(
    'tells what its runs keep, and which have to leave their server',
    inWorld(async (world) => {
      const [first] = await threeRuns(world);
      const tried = async (fields: Fields) => {
        const changed = policy({ maxConcurrentRuns: 3, requirements: ['!gpu'], ...fields });
        return said(await world.api.policies.updatePolicy({ policy: changed, validateOnly: true }));
      };
      expect(await tried({})).toEqual({ created: false, changes: [], effects: [] });
      const labelled = await tried({ labels: { team: 'a' } });
      expect(labelled).toEqual({ created: false, changes: ['labels.team:  → "a"'], effects: [] });
      const script = await tried({ workload: { kind: { case: 'script', value: { text: 'false' } } } });
      expect(script.changes).toEqual(['workload.script.text: "true" → "false"']);
      expect(script.effects[0]).toBe(`KEEP ${first}: keeps its terms until its next attempt`);
      const gpu = await tried({ requirements: ['gpu'] });
      expect(gpu.effects[0]).toBe(
        `MOVE ${first}: moves in 60 s to a server that has room, if there is one: a does not meet gpu (has no gpu)`,
      );
      const elsewhere = await tried({ servers: ['servers/b'] });
      expect(elsewhere.effects[0]).toBe(`KEEP ${first}: stays on a, which is not in its list, until its next attempt`);
      const onDemand = await tried({ trigger: { kind: { case: 'onDemand', value: {} } } });
      expect(onDemand.changes).toEqual(['trigger.continuous: {} → ', 'trigger.on_demand:  → {}']);
      expect(onDemand.effects[0]).toBe(`KEEP ${first}: goes on; it is not started again once it has ended`);
      const more = await tried({ maxConcurrentRuns: 5 });
      expect(more.effects).toEqual(['START : 2 runs start']);
    }),
  );

  it(
    'tells that it would be made, and that no server could ever take it',
    inWorld(async (world) => {
      await world.liveAgent('a');
      const made = policy({ requirements: ['gpu'] });
      const tried = await world.api.policies.updatePolicy({ policy: made, allowMissing: true, validateOnly: true });
      expect(said(tried)).toEqual({ created: true, changes: [], effects: ['START : one run starts'] });
      expect(tried.warnings.join()).toContain('gpu');
      expect((await world.api.policies.listPolicies({})).policies).toEqual([]);
    }),
  );

  it(
    'tells of a long value its beginning',
    inWorld(async (world) => {
      await world.api.policies.updatePolicy({ policy: policy(), allowMissing: true });
      const long = policy({ workload: { kind: { case: 'script', value: { text: 'x'.repeat(100_000) } } } });
      const { changes } = await world.api.policies.updatePolicy({ policy: long, validateOnly: true });
      expect(changes[0]?.after).toBe(`"${'x'.repeat(999)}…`);
    }),
  );
});
