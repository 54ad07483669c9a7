import { describe, expect, test } from 'vitest';
import { MemoryCluster, MemoryStore } from '../../controller/store/memory.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import { keepsThePromisesOfAStore } from './conformance.ts';
import { FaultyMemoryStore } from './faulty-memory.ts';
import { bytes, contents, elect, put, type StoreWorld } from './store-world.ts';

function memoryWorld(): StoreWorld {
  const cluster = new MemoryCluster({ log: { maxChanges: 64 } });
  return {
    open: async () => new MemoryStore(cluster),
    openFaulty: async (plan) => new FaultyMemoryStore(cluster, plan),
    depose: async (term) => cluster.depose(term, 'Deposed by the test.'),
    compact: async (commit) => {
      for (let i = 0; i < 64; i += 1) await commit();
    },
    dispose: async () => {},
  };
}

keepsThePromisesOfAStore({
  name: 'memory',
  candidates: 'many',
  faults: ['dies', 'dies, arrives late'],
  largeCommit: { records: 12, valueBytes: 20_000 },
  modelRuns: 300,
  missing: async () => undefined,
  createWorld: async () => memoryWorld(),
});

describe('a memory store', () => {
  test('keeps its own copy of what it is given', async () => {
    const store = new MemoryStore();
    const leader = await elect(store);
    const value = bytes('before');
    await leader.commit(put('a', value));
    value.fill(0);
    expect(contents(await store.load())).toEqual(['a=before']);
  });

  test('a cluster says who leads', async () => {
    const cluster = new MemoryCluster({ clusterId: 'c', incarnation: 3 });
    expect(cluster.leader).toBeUndefined();
    const leader = await elect(new MemoryStore(cluster), 'web-1');
    expect(cluster.leader).toBe('web-1');
    expect(leader.term).toBe(firstOfIncarnation(3) + 1);
    expect(await leader.store.identity()).toEqual({ clusterId: 'c', incarnation: 3 });
  });
});
