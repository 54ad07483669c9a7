/** Reads all records at one revision, page by page. */
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { KeyValue } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { compareKeys } from '../batch.ts';
import type { Snapshot, StoreRecord, Write } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault } from './fault.ts';
import { decode, isStaged, type Keys, parseHead } from './keys.ts';
import { decodeChunks } from './staged.ts';

const PAGE_KEYS = 512;
/** A load during which the history is compacted begins again; more often than this is no accident. */
const MAX_LOADS = 5;

export async function loadRecords(client: EtcdClient, keys: Keys): Promise<Snapshot> {
  for (let load = 1; ; load += 1) {
    try {
      const { revision, found } = await readData(client, keys);
      return { revision: Number(revision), records: recordsIn(keys, found) };
    } catch (error) {
      const compacted = error instanceof EtcdFault && error.kind === 'compacted';
      if (!compacted || load === MAX_LOADS) throw error;
    }
  }
}

async function readData(client: EtcdClient, keys: Keys) {
  const found: KeyValue[] = [];
  let { key } = keys.data;
  const { rangeEnd } = keys.data;
  // The first page is linearizable and sets the revision that the others are read at.
  let revision = 0n;
  for (;;) {
    const page = await client.read(KV.method.range, { key, rangeEnd, limit: BigInt(PAGE_KEYS), revision });
    if (revision === 0n) revision = page.header?.revision ?? 0n;
    for (const kv of page.kvs) found.push(kv);
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { revision, found };
    // The next key in the order of bytes.
    key = new Uint8Array([...last.key, 0]);
  }
}

/** The records, and over them what a staged head names. */
function recordsIn(keys: Keys, found: readonly KeyValue[]): StoreRecord[] {
  const records: StoreRecord[] = [];
  const others = new Map<string, Uint8Array>();
  for (const { key, value } of found) {
    const record = keys.recordOf(key);
    if (record === undefined) others.set(decode(key), value);
    else records.push({ key: record, value });
  }
  const head = parseHead(others.get(decode(keys.head)));
  if (!isStaged(head)) return records;
  const { attempt, chunks } = head.form;
  const values = Array.from({ length: chunks }, (_, index) => others.get(decode(keys.chunk(attempt, index))));
  return overlaid(
    records,
    decodeChunks(
      chunks,
      values.filter((value) => value !== undefined),
    ),
  );
}

function overlaid(records: readonly StoreRecord[], writes: readonly Write[]): StoreRecord[] {
  const values = new Map(records.map(({ key, value }) => [key, value]));
  for (const write of writes) {
    if (write.kind === 'put') values.set(write.key, write.value);
    else values.delete(write.key);
  }
  return Array.from(values, ([key, value]) => ({ key, value })).sort((a, b) => compareKeys(a.key, b.key));
}
