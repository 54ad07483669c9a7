/** Restores into etcd that are interrupted, or meet each other: one store comes of it, whole, and whoever says so made it. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeEach, expect, onTestFinished, type TestContext, test } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { beginIdentity, finishIdentity } from '../../controller/store/etcd/identity.ts';
import { Keys } from '../../controller/store/etcd/keys.ts';
import { createStore } from '../../controller/store/open.ts';
import type { Beginning } from '../../controller/store/store.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { bytes, contents } from './store-world.ts';

const LONG_MS = 60_000;
const identity = { clusterId: 'c-1', incarnation: 2 };
const notAStore = { name: 'StoreError', reason: 'NOT_A_STORE' };

let starting: Promise<EtcdCluster> | undefined;
let places = 0;

beforeEach((ctx: TestContext) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

afterAll(async () => (await starting)?.stop());

/** A place in etcd where nothing is. */
async function place() {
  starting ??= EtcdCluster.start({ members: 1 });
  const { endpoints } = await starting;
  places += 1;
  const prefix = `place-${places}`;
  const client = new EtcdClient(endpoints, {});
  onTestFinished(() => client.close());
  const restore = (beginning: Beginning): Promise<void> =>
    createStore(`etcd://${endpoints.join(',')}/${prefix}`, beginning);
  const found = async (): Promise<readonly string[]> => {
    const store = await openEtcdStore({ endpoints, prefix });
    onTestFinished(() => store.close());
    expect(await store.identity()).toEqual(identity);
    return contents(await store.load()).sort();
  };
  return { client, keys: new Keys(prefix), restore, found };
}

/** Two snapshots of one life have the same identity, and other records. */
const snapshotOf = (name: string, records: number): Beginning => ({
  identity,
  records: Array.from({ length: records }, (_, i) => ({ key: `${name}/${i}`, value: bytes('') })),
});
const contentsOf = (name: string, records: number): readonly string[] =>
  Array.from({ length: records }, (_, i) => `${name}/${i}=`).sort();

test(
  'of several restores at once into one place, one is made, and the others say that it is not theirs',
  async () => {
    for (let round = 0; round < 5; round += 1) {
      const { restore, found } = await place();
      const names = ['a', 'b', 'c'];
      const restores = names.map(async (name, i) => {
        await setTimeout(i * 2 * round);
        await restore(snapshotOf(name, 300));
      });
      const ends = await Promise.allSettled(restores);
      const made = names.filter((_, i) => ends[i]?.status === 'fulfilled');
      expect(made).toHaveLength(1);
      expect(await found()).toEqual(contentsOf(String(made[0]), 300));
    }
  },
  LONG_MS,
);

test(
  'a restore that was begun and left is begun anew by the next one, and fails if it comes back',
  async () => {
    const { client, keys, restore, found } = await place();
    const left = await beginIdentity(client, keys, identity);
    await restore(snapshotOf('new', 10));
    await expect(finishIdentity(client, keys, left)).rejects.toMatchObject(notAStore);
    await expect(beginIdentity(client, keys, identity)).rejects.toMatchObject(notAStore);
    expect(await found()).toEqual(contentsOf('new', 10));
  },
  LONG_MS,
);

test(
  'a restore that another has taken over in the middle does not call that one finished',
  async () => {
    const { client, keys, found } = await place();
    const first = await beginIdentity(client, keys, identity);
    const second = await beginIdentity(client, keys, identity);
    await expect(finishIdentity(client, keys, first)).rejects.toMatchObject(notAStore);
    await expect(found()).rejects.toMatchObject(notAStore);
    await finishIdentity(client, keys, second);
    // As when the answer was lost and it is asked again.
    await finishIdentity(client, keys, second);
    expect(await found()).toEqual([]);
  },
  LONG_MS,
);
