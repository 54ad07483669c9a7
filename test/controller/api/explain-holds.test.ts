import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { runCaptured } from '../../e2e/captured-command.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
const name = 'policies/p';

/** An agent that says Hello and nothing more stays ALIVE for all of a test. */
const inUnhurriedWorld: typeof inWorld = (body, options) => inWorld(body, { timers: DEFAULT_TIMERS, ...options });

/** What `locum policy explain p` prints, in its three forms, and how it ends. */
async function printed({ controller }: ControllerWorld) {
  const explain = (form: string) => runCaptured(controller.apiAddress, ['policy', 'explain', 'p', '-o', form]);
  const [table, names, json] = [await explain('table'), await explain('name'), await explain('json')];
  return { ...table, names: names.stdout, json: JSON.parse(json.stdout) as unknown };
}

/** The server that a run would get now, where nothing is in its way. */
async function chosenFreely({ api }: ControllerWorld): Promise<string> {
  const { hold, chosenServer } = await api.policies.explainPlacement({ name });
  expect(hold).toBeUndefined();
  return chosenServer;
}

describe('an explanation while nothing starts though a server has room', { timeout: 60_000 }, () => {
  it(
    'chooses none because the store is an older copy, and says where the run would go',
    inUnhurriedWorld(async (world) => {
      const { policies } = world.api;
      const agent = world.agent('a');
      const { clusterId } = await agent.join();
      await policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
      expect(await chosenFreely(world)).toBe('servers/a');

      world.agent('a').hello({ clusterId, highestEpoch: 77n });
      const { hold, chosenServer, servers } = await eventually(async () => {
        const answer = await policies.explainPlacement({ name });
        return answer.hold === undefined ? undefined : answer;
      });
      expect([hold?.reason, hold?.etaTime]).toEqual(['STORE_BEHIND', undefined]);
      expect(hold?.message).toContain('a has seen term 0 and epoch 77');
      expect(chosenServer).toBe('');
      expect(servers).toMatchObject([{ server: 'servers/a', reason: 'HELD', eligible: true }]);

      // A plan promises no start either.
      const plan = await policies.updatePolicy({
        policy: { name: 'policies/q', workload },
        allowMissing: true,
        validateOnly: true,
      });
      expect(plan.effects.map(({ message }) => message)).toEqual([
        `one run starts, but not now (STORE_BEHIND): ${hold?.message}`,
      ]);

      // A run that waits gives the same answer, and the run says so as well.
      const { run } = await policies.startPolicy({ name });
      expect(run?.reason).toBe('STORE_BEHIND');
      expect((await policies.explainPlacement({ name })).hold?.message).toBe(run?.message);

      const { stdout, stderr, code, names, json } = await printed(world);
      expect(stdout.split('\n').slice(0, 3)).toEqual([
        `Nothing starts now, STORE_BEHIND: ${hold?.message}`,
        'RANK  SERVER  VERDICT  BECAUSE',
        '   1  a       HELD     0 of 50 slots used, 50 free; first in the order',
      ]);
      expect([code, stderr.trim()]).toEqual([2, 'error: no run of p starts now (STORE_BEHIND)']);
      expect(names).toBe('');
      expect(json).toMatchObject({ chosenServer: '', hold: { reason: 'STORE_BEHIND' } });
    }),
  );

  it(
    'chooses none after a store was adopted, and says when that ends',
    inUnhurriedWorld(
      async (world) => {
        await world.agent('a').join();
        await world.api.policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
        await world.stop();
        const copy = join(world.folder, 'copy.sqlite');
        copyFileSync(join(world.folder, 'store.sqlite'), copy);
        await world.start({ store: `sqlite:${copy}`, adoptStore: true });
        await world.agent('a').join();

        const beforeMs = Date.now();
        const { hold, chosenServer, servers } = await world.api.policies.explainPlacement({ name });
        expect(hold?.reason).toBe('NEW_INCARNATION');
        const leftMs = (hold?.etaTime === undefined ? 0 : timestampMs(hold.etaTime)) - beforeMs;
        expect(leftMs).toBeGreaterThan(0);
        expect(leftMs).toBeLessThanOrEqual(DEFAULT_TIMERS.missingAfterMs + 1_000);
        expect(chosenServer).toBe('');
        expect(servers).toMatchObject([{ server: 'servers/a', reason: 'HELD', eligible: true }]);

        const { stdout, stderr, code } = await printed(world);
        expect(stdout).toMatch(/^Nothing starts now, NEW_INCARNATION: .* \(in about \d+s\)\nRANK /);
        expect([code, stderr.trim()]).toEqual([2, 'error: no run of p starts now (NEW_INCARNATION)']);
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'chooses none for a policy that is paused, and tells what ends that',
    inUnhurriedWorld(async (world) => {
      const { policies } = world.api;
      await world.agent('a').join();
      await policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
      await policies.pausePolicy({ name });
      const { hold, chosenServer } = await policies.explainPlacement({ name });
      expect([hold?.reason, hold?.etaTime]).toEqual(['POLICY_PAUSED', undefined]);
      expect(hold?.message).toContain('locum policy resume p');
      expect(chosenServer).toBe('');
      await policies.resumePolicy({ name });
      expect(await chosenFreely(world)).toBe('servers/a');
    }),
  );
});
