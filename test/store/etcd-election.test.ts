/** Requests that decide who leads, on members that do not answer in time. */
import { expect, onTestFinished, test } from 'vitest';
import { EtcdClient, TRY_MS } from '../../controller/store/etcd/client.ts';
import { endLead } from '../../controller/store/etcd/election.ts';
import { encode, Keys } from '../../controller/store/etcd/keys.ts';
import { FakeEtcd } from './fake-etcd.ts';

const keys = new Keys('test');

/** A leadership, and a client that tries a second time what was not answered. */
async function begin() {
  const etcd = new FakeEtcd();
  await etcd.listen();
  const client = new EtcdClient([etcd.endpoint, etcd.endpoint], {});
  onTestFinished(() => {
    client.close();
    etcd.close();
  });
  const createRevision = etcd.put(keys.leader, encode('leader'));
  return { etcd, end: () => endLead(client, keys, createRevision) };
}

test('a member that hangs is left sooner than by any other request: nobody leads meanwhile', async () => {
  const { etcd, end } = await begin();
  etcd.plan('hang');
  const beganMs = performance.now();
  await end();
  expect(performance.now() - beganMs).toBeLessThan(TRY_MS);
  expect(etcd.get(keys.leader)).toBeUndefined();
});

test('an etcd that is only slow has the time of a second try', async () => {
  const { etcd, end } = await begin();
  etcd.plan('slow', 'slow');
  await end();
  expect(etcd.get(keys.leader)).toBeUndefined();
});
