import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../shared/prng.ts';
import { testSeed } from '../seed.ts';
import { type Clients, clientsOf } from './controller-world.ts';

const ROUNDS = 6;
/** Calls under way at once. */
const CALLERS = 16;
const SEED = testSeed();

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

async function startController(file: string): Promise<{ child: ChildProcess; api: Clients }> {
  const script = join(import.meta.dirname, 'crash-controller.ts');
  const child = fork(script, [file], { execPath: process.execPath, execArgv: [] });
  const [{ apiAddress }] = (await once(child, 'message')) as [{ apiAddress: string }];
  return { child, api: clientsOf(apiAddress) };
}

/** Creates policies until the controller is gone; returns the names that were acknowledged. */
async function createUntilGone(api: Clients, prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  const caller = async (number: number): Promise<void> => {
    for (let i = 0; ; i += 1) {
      const name = `policies/${prefix}-${number}-${i}`;
      const { policy } = await api.policies.createPolicy({
        policy: { name, workload, trigger: onDemand },
        requestId: name,
      });
      acknowledged.push(policy?.name ?? '');
    }
  };
  await Promise.allSettled(Array.from({ length: CALLERS }, (_, number) => caller(number)));
  return acknowledged;
}

async function allPolicies(api: Clients): Promise<Set<string>> {
  const names = new Set<string>();
  let pageToken = '';
  do {
    const page = await api.policies.listPolicies({ pageSize: 1_000, pageToken });
    for (const { name } of page.policies) names.add(name);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

describe('a controller that is killed while it works', () => {
  it('loses nothing that it acknowledged, whenever that happens', async () => {
    console.log(`seed ${SEED}`);
    const prng = new Prng(SEED);
    const folder = mkdtempSync(join(tmpdir(), 'locum-crash-'));
    const file = join(folder, 'store.sqlite');
    const acknowledged: string[] = [];
    let last: ChildProcess | undefined;
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { child, api } = await startController(file);
        last = child;
        const before = await allPolicies(api);
        expect(acknowledged.filter((name) => !before.has(name))).toEqual([]);
        const exited = once(child, 'exit');
        const creating = createUntilGone(api, `r${round}`);
        await sleep(prng.int(20, 500));
        child.kill('SIGKILL');
        acknowledged.push(...(await creating));
        await exited;
      }
      const { child, api } = await startController(file);
      last = child;
      const kept = await allPolicies(api);
      expect(acknowledged.length).toBeGreaterThan(ROUNDS);
      expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
      // A repeated call of one that was acknowledged does nothing and says the same.
      const [name = ''] = acknowledged;
      const policy = { name, workload, trigger: onDemand };
      const again = await api.policies.createPolicy({ policy, requestId: name });
      expect(again.policy?.name).toBe(name);
      const { events } = await api.events.listEvents({ about: name, type: 'POLICY_CREATED' });
      expect(events.length).toBe(1);
    } finally {
      last?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
