/** Tests that each controller answers as the leader does: people, their tools and load balancers may ask any of them. */
import { createClient } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { READ_HEADER, STALE } from '../../controller/replication/stale-reads.ts';
import { present } from '../../shared/assert.ts';
import { FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { findProgram, run } from '../rpc/foreign-client.ts';
import { POLICIES, type Suite } from './suite.ts';

export function testSameAnswers(suite: () => Suite): void {
  test('give the same answers, whichever is asked', async () => {
    const { cluster } = suite();
    const answers = await Promise.all(
      cluster.controllers.map(async (id) => {
        const { servers, policies, cluster: clusters } = cluster.apiOf(id);
        const [listed, first, status] = await Promise.all([
          servers.listServers({}),
          policies.getPolicy({ name: 'policies/p1' }),
          clusters.getStatus({}),
        ]);
        return [listed.servers.map(({ name, uid }) => [name, uid]), first.policy?.etag, status.term, status.clusterId];
      }),
    );
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  test('say the same of an epoch, from the leader and never from a copy', async () => {
    const { cluster } = suite();
    const { runs } = await cluster.api.runs.listRuns({ policy: 'policies/p1' });
    const { epoch } = present(runs[0]?.attempts[0], 'an attempt');
    const { id: leader, term } = await cluster.leader();
    for (const id of cluster.controllers) {
      const fences = createClient(FenceService, cluster.apiOf(id).transport);
      const answer = await fences.checkFence({ policy: 'policies/p1', epoch });
      expect(answer).toMatchObject({ current: true, currentEpoch: epoch, term: BigInt(term) });
      const headers = { [READ_HEADER]: STALE };
      const stale = fences.checkFence({ policy: 'policies/p1', epoch }, { headers });
      const reason = await stale.then(
        ({ current }) => current,
        (error: unknown) => fromConnectError(error)?.reason,
      );
      expect(reason).toBe(id === leader ? true : 'INVALID_FIELD');
    }
  });

  test('pass on errors as the leader made them', async () => {
    const { cluster } = suite();
    for (const id of cluster.controllers) {
      const asked = cluster.apiOf(id).policies.getPolicy({ name: 'policies/none' });
      const error = fromConnectError(await asked.catch((caught: unknown) => caught));
      expect(error).toMatchObject({ reason: 'NOT_FOUND', resource: 'policies/none' });
    }
  });

  test('list and get everything for grpcurl, and change it, whichever it asks', { timeout: 30_000 }, async (ctx) => {
    const program = findProgram('grpcurl') ?? ctx.skip('there is no grpcurl on PATH');
    const { cluster } = suite();
    const call = async (id: string, method: string, request: object): Promise<string> => {
      const words = ['-plaintext', '-emit-defaults', '-d', JSON.stringify(request), cluster.addressOf(id)];
      const { code, stdout, stderr } = await run(program, [...words, `locum.v1.${method}`]);
      expect([method, code, stderr]).toEqual([method, 0, '']);
      return stdout;
    };
    const everywhere = async (method: string, request: object): Promise<string> => {
      const answers = await Promise.all(cluster.controllers.map(async (id) => call(id, method, request)));
      expect([method, ...answers.slice(1)]).toEqual([method, answers[0], answers[0]]);
      return present(answers[0], 'an answer');
    };
    const policies = await everywhere('PolicyService/ListPolicies', { pageSize: 500 });
    expect(policies.match(/"name": "policies\/p\d+"/g)).toHaveLength(POLICIES);
    await everywhere('PolicyService/GetPolicy', { name: 'policies/p1' });
    const runs = await everywhere('RunService/ListRuns', { policy: 'policies/p1' });
    const [, name] = /"name": "(runs\/[^"]+)"/.exec(runs) ?? [];
    await everywhere('RunService/GetRun', { name });
    await everywhere('PoolService/ListPools', {});
    await everywhere('PoolService/GetPool', { name: 'pools/default' });
    await everywhere('PoolService/GetServerOrder', { pool: 'pools/default' });
    await everywhere('EventService/ListEvents', { pageSize: 50 });
    for (const id of cluster.controllers) {
      // What two calls of one moment may differ in is the time of the last heartbeat.
      const servers = await call(id, 'ServerService/ListServers', {});
      expect(servers.match(/"connected": true/g)).toHaveLength(5);
      await call(id, 'ServerService/GetServer', { name: 'servers/s1' });
    }
    for (const id of cluster.controllers) {
      const pool = `pools/by-${id}`;
      await call(id, 'PoolService/CreatePool', { pool: { name: pool } });
      expect(await everywhere('PoolService/GetPool', { name: pool })).toContain(`"name": "${pool}"`);
      await call(id, 'PoolService/DeletePool', { name: pool });
    }
    expect(await everywhere('PoolService/ListPools', {})).not.toContain('pools/by-');
  });
}
