import { afterAll } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { type EtcdStore, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { encode } from '../../controller/store/etcd/keys.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { keepsThePromisesOfAStore } from './conformance.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import type { StoreWorld } from './store-world.ts';

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
  return {
    open,
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
      await Promise.all(opened.map((store) => store.close()));
    },
  };
}

keepsThePromisesOfAStore({
  name: 'etcd',
  candidates: 'many',
  modelRuns: 15,
  missing: async () => etcdMissing(),
  createWorld: etcdWorld,
});
