/** Reads all records at one revision, page by page. */
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { Snapshot, StoreRecord } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault } from './fault.ts';
import type { Keys } from './keys.ts';

const PAGE_KEYS = 512;
/** A load during which the history is compacted begins again; more often than this is no accident. */
const MAX_LOADS = 5;

export async function loadRecords(client: EtcdClient, keys: Keys): Promise<Snapshot> {
  for (let load = 1; ; load += 1) {
    try {
      return await loadOnce(client, keys);
    } catch (error) {
      const compacted = error instanceof EtcdFault && error.kind === 'compacted';
      if (!compacted || load === MAX_LOADS) throw error;
    }
  }
}

async function loadOnce(client: EtcdClient, keys: Keys): Promise<Snapshot> {
  const records: StoreRecord[] = [];
  let { key } = keys.records;
  // The first page is linearizable and sets the revision that the others are read at.
  let revision = 0n;
  for (;;) {
    const request = { key, rangeEnd: keys.records.rangeEnd, limit: BigInt(PAGE_KEYS), revision };
    const page = await client.read(KV.method.range, request);
    if (revision === 0n) revision = page.header?.revision ?? 0n;
    for (const { key: found, value } of page.kvs) records.push({ key: keys.recordOf(found), value });
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { revision: Number(revision), records };
    // The next key in the order of bytes.
    key = new Uint8Array([...last.key, 0]);
  }
}
