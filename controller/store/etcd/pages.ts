/**
 * Reads many keys, page by page. etcd counts keys, not bytes: 500 records of a few hundred bytes come in a millisecond, 500 of the largest
 * are half a gigabyte, which no member sends within the time of a try. So a page is as many keys as fit if all were as large as the largest
 * of the page before, grows slowly, for what follows may be of another kind, and shrinks when it does not come.
 */
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { KeyValue } from '../../../shared/gen/mvccpb/kv_pb.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault } from './fault.ts';
import type { Range } from './keys.ts';

/** What a page should have at most. */
export const PAGE_BYTES = 8 * 1024 * 1024;
const FIRST_PAGE_KEYS = 8;
const MAX_PAGE_KEYS = 512;
const GROWTH = 2;
const SHRINKING = 8;
/** How long it goes on trying to get one page. */
const PAGE_MS = 10_000;

/** After a page of `limit` keys with values of these sizes. */
export function nextPageKeys(limit: number, sizesBytes: readonly number[]): number {
  const largest = sizesBytes.reduce((most, size) => Math.max(most, size), 1);
  return Math.max(1, Math.min(Math.floor(PAGE_BYTES / largest), limit * GROWTH, MAX_PAGE_KEYS));
}

/** After one of `limit` keys that did not come in time. */
export const smallerPage = (limit: number): number => Math.max(1, Math.floor(limit / SHRINKING));

/** Everything in a range, as of one revision; 0: that of the first page, which is linearizable. Rejects with an EtcdFault. */
export async function readAll(client: EtcdClient, { key: first, rangeEnd }: Range, atRevision = 0n) {
  const found: KeyValue[] = [];
  let key = first;
  let revision = atRevision;
  let limit = FIRST_PAGE_KEYS;
  for (;;) {
    const { page, fitting } = await readPage(client, { key, rangeEnd, revision }, limit);
    if (revision === 0n) revision = page.header?.revision ?? 0n;
    for (const kv of page.kvs) found.push(kv);
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { revision, found };
    const sizesBytes = page.kvs.map(({ value }) => value.byteLength);
    limit = nextPageKeys(fitting, sizesBytes);
    // The next key in the order of bytes.
    key = new Uint8Array([...last.key, 0]);
  }
}

async function readPage(client: EtcdClient, range: Range & { readonly revision: bigint }, limit: number) {
  const giveUpMs = performance.now() + PAGE_MS;
  for (let fitting = limit; ; fitting = smallerPage(fitting)) {
    try {
      return { page: await client.attempt(KV.method.range, { ...range, limit: BigInt(fitting) }), fitting };
    } catch (error) {
      const again = error instanceof EtcdFault && (error.kind === 'unknown' || error.kind === 'busy');
      if (!again || performance.now() >= giveUpMs) throw error;
      await client.pause();
    }
  }
}
