/** Reads all records at one revision. */
import { compareKeys } from '../batch.ts';
import type { Snapshot, StoreRecord, Write } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault } from './fault.ts';
import { isStaged, type Keys, parseHead } from './keys.ts';
import { readAll } from './pages.ts';
import { readStaged } from './staged.ts';

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

/** The records are what their keys hold and, over that, what a staged head names. */
async function loadOnce(client: EtcdClient, keys: Keys): Promise<Snapshot> {
  const { revision, found } = await readAll(client, keys.commits);
  const records: StoreRecord[] = [];
  let head: Uint8Array | undefined;
  for (const { key, value } of found) {
    const record = keys.recordOf(key);
    if (record !== undefined) records.push({ key: record, value });
    else if (keys.isHead(key)) head = value;
  }
  const at = parseHead(head);
  const whole = isStaged(at) ? overlaid(records, await readStaged(client, keys, at, revision)) : records;
  return { revision: Number(revision), records: whole };
}

function overlaid(records: readonly StoreRecord[], writes: readonly Write[]): StoreRecord[] {
  const values = new Map(records.map(({ key, value }) => [key, value]));
  for (const write of writes) {
    if (write.kind === 'put') values.set(write.key, write.value);
    else values.delete(write.key);
  }
  return Array.from(values, ([key, value]) => ({ key, value })).sort((a, b) => compareKeys(a.key, b.key));
}
