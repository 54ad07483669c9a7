/** Real controllers whose etcd is set back beneath them, as by a restore of its disks: they end, and say what to do. */
import { afterEach, expect, test } from 'vitest';
import { incarnationOf } from '../../shared/ids.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';

let made: ReplicatedCluster | undefined;

afterEach(async () => made?.stop(), 60_000);

const IDS = ['c1', 'c2'];

test('controllers end when their etcd was set back, refuse to start on it, and go on when it is adopted', {
  timeout: 180_000,
}, async (ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
  const cluster = await ReplicatedCluster.start(IDS);
  made = cluster;
  const { api, etcd, witness } = cluster;
  const create = (name: string) =>
    api.policies.createPolicy({ policy: witness.lasting(name, { pool: 'pools/default' }), requestId: name });
  const term = async () => Number((await api.cluster.getStatus({})).term);
  const endOf = async (id: string) => {
    const controller = cluster.controller(id);
    return { ...(await controller.exited), said: controller.lastLines.join('\n') };
  };
  await create('before');
  const copy = await etcd.backUp();
  await cluster.until('the next one is made', () => create('after'));
  const lastTerm = await term();

  await etcd.setBack(copy);
  const refusal = /STORE_BEHIND|has lost what it had/;
  for (const id of IDS) {
    const end = await endOf(id);
    expect(end).toMatchObject({ code: 1, said: expect.stringMatching(refusal) });
    expect(end.said).toContain('--adopt-store');
  }
  cluster.startController('c2');
  expect(await endOf('c2')).toMatchObject({ code: 1, said: expect.stringMatching(refusal) });

  cluster.startController('c2', undefined, '--adopt-store');
  await cluster.until('the adopted store is led', async () => ((await term()) > lastTerm ? true : undefined));
  cluster.startController('c1');
  await cluster.allControllers();
  expect(incarnationOf(await term())).toBe(2);
  const { policies } = await api.policies.listPolicies({});
  expect(policies.map(({ name }) => name)).toEqual(['policies/before']);
  // What is made now does not meet what was made, and lost, under the same name.
  await create('after');
});
