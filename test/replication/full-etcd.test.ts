/** An etcd without space: nothing is written, what runs goes on, and with space everything goes on, without a restart of anybody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { fillUp, makeRoom, SMALL_QUOTA } from './etcd-space.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';

const TIMERS_MS = { heartbeat: 500, suspect: 2_500, lease: 6_000, stop: 1_000, guard: 500, missing: 10_000 };
const POLICIES = 4;

let made: ReplicatedCluster | undefined;

afterEach(async () => made?.stop(), 60_000);

describe('an etcd without space', () => {
  test('stops nothing but changes; leaders come and go when it has some again', { timeout: 120_000 }, async (ctx) => {
    const missing = etcdMissing();
    if (missing !== undefined) ctx.skip(missing);
    const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3'], { timersMs: TIMERS_MS, etcdArgs: SMALL_QUOTA });
    made = cluster;
    const { witness, api } = cluster;
    const said = (what: string): number => witness.all().filter((one) => one.what === what).length;
    const write = (name: string, timeoutMs = 5_000): Promise<string> =>
      api.policies.createPolicy({ policy: witness.lasting(name, { pool: 'pools/default' }) }, { timeoutMs }).then(
        () => 'written',
        (error: unknown) => fromConnectError(error)?.reason ?? String(error),
      );
    for (const server of ['s1', 's2']) cluster.startAgent(server);
    await cluster.allGranted();
    for (let i = 0; i < POLICIES; i += 1) expect(await write(`p${i}`)).toBe('written');
    await cluster.until('all run', async () => (said('start') === POLICIES ? true : undefined));

    const [member = ''] = cluster.etcd.endpoints;
    await fillUp(member);
    const refused = await cluster.until('a refusal', async () => {
      const reason = await write('refused', 3_000);
      return reason === 'STORE_FULL' ? reason : undefined;
    });
    expect(refused).toBe('STORE_FULL');
    // Longer than a lease: heartbeats are granted all the same.
    await sleep(TIMERS_MS.lease + 500);
    expect([said('start'), said('stop')]).toEqual([POLICIES, 0]);
    // Reads go on too, with what is acknowledged, and say why nothing is written.
    const shown = await api.policies.listPolicies({ pageSize: 100 }, { timeoutMs: 5_000 });
    expect(shown.policies.map(({ name }) => name).sort()).toEqual(
      ['p0', 'p1', 'p2', 'p3'].map((id) => `policies/${id}`),
    );
    const { storeStatus, sessions, runningRuns } = await api.cluster.getStatus({}, { timeoutMs: 5_000 });
    expect(storeStatus).toMatchObject({ reason: 'STORE_FULL', message: expect.stringContaining('make space') });
    expect(storeStatus?.waitingRecords).toBeGreaterThan(0);
    expect([sessions, runningRuns]).toEqual([2, POLICIES]);

    // Nobody can be elected now, and nobody dies of it.
    const { id, term } = await cluster.leader();
    cluster.controller(id).signal('SIGKILL');
    await sleep(1_500);
    const others = cluster.controllers.filter((other) => other !== id);
    expect(others.map((other) => cluster.controller(other).isRunning)).toEqual([true, true]);
    await makeRoom(cluster.etcd.endpoints);
    const next = await cluster.leader();
    expect(next.term).toBeGreaterThan(term);
    await cluster.allGranted(Date.now());
    expect(await write('again', 20_000)).toBe('written');
    const { policies } = await api.policies.listPolicies({ pageSize: 100 });
    const there = policies.map(({ name }) => name);
    for (let i = 0; i < POLICIES; i += 1) expect(there).toContain(`policies/p${i}`);
    await cluster.until('the new one runs', async () => (said('start') > POLICIES ? true : undefined));
    expect([said('stop'), said('overlap')]).toEqual([0, 0]);
  });
});
