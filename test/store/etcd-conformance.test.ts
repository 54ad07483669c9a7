import { afterAll } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { EtcdStore, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { settleIdentity } from '../../controller/store/etcd/identity.ts';
import { decode, encode, Keys } from '../../controller/store/etcd/keys.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { keepsThePromisesOfAStore } from './conformance.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { FaultyEtcdClient } from './faulty-etcd.ts';
import type { FaultPlan, FaultyHandle, StoreWorld } from './store-world.ts';

let starting: Promise<EtcdCluster> | undefined;
let worlds = 0;

afterAll(async () => {
  await (await starting)?.stop();
});

/** A prefix of its own in the one cluster that all worlds of this file share. */
async function etcdWorld(): Promise<StoreWorld> {
  starting ??= EtcdCluster.start();
  const { endpoints } = await starting;
  worlds += 1;
  const address = { endpoints, prefix: `world-${worlds}` };
  const opened: EtcdStore[] = [];
  const open = async (): Promise<EtcdStore> => {
    const store = await openEtcdStore(address, { electionTtlMs: 2_000 });
    opened.push(store);
    return store;
  };
  const faulty: FaultyEtcdClient[] = [];
  const openFaulty = async (plan: FaultPlan): Promise<FaultyHandle> => {
    const identity = await settleIdentity(new EtcdClient(endpoints, {}), new Keys(address.prefix), false);
    const client = new FaultyEtcdClient(endpoints, {}, plan);
    faulty.push(client);
    const store = new EtcdStore(client, new Keys(address.prefix), identity, { electionTtlMs: 5_000 });
    return {
      store,
      get passed() {
        return client.passed;
      },
      gone: client.gone,
      arriveLate: () => client.arriveLate(),
    };
  };
  return {
    open,
    openFaulty,
    leftovers: async () => {
      const client = new EtcdClient(endpoints, {});
      const { kvs } = await client.read(KV.method.range, { ...new Keys(address.prefix).staged, keysOnly: true });
      client.close();
      return kvs.map(({ key }) => decode(key));
    },
    depose: async (term) => {
      const store = await open();
      await store.endTerm(term);
    },
    compact: async (commit) => {
      // etcd can still be watched from the revision of a compaction on.
      await commit();
      const client = new EtcdClient(endpoints, {});
      const { header } = await client.read(KV.method.range, { key: encode('any') });
      await client.read(KV.method.compact, { revision: header?.revision ?? 0n });
      client.close();
    },
    dispose: async () => {
      for (const client of faulty) client.close();
      await Promise.all(opened.map((store) => store.close()));
    },
  };
}

keepsThePromisesOfAStore({
  name: 'etcd',
  candidates: 'many',
  faults: ['dies', 'dies, arrives late', 'no answer'],
  largeCommit: { records: 200, valueBytes: 1_000_000 },
  modelRuns: 15,
  missing: async () => etcdMissing(),
  createWorld: etcdWorld,
});
