/** How a load is cut into pages: large records must not make one that no member sends in time. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { EtcdStore, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { EtcdFault } from '../../controller/store/etcd/fault.ts';
import { settleIdentity } from '../../controller/store/etcd/identity.ts';
import { Keys } from '../../controller/store/etcd/keys.ts';
import { nextPageKeys, PAGE_BYTES, smallerPage } from '../../controller/store/etcd/pages.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { elect, put } from './store-world.ts';

describe('the next page of a load', () => {
  test('fits if its records are no larger than those of the page before, and never grows by much', () => {
    const sizes = fc.array(fc.nat(1_100_000), { minLength: 1, maxLength: 512 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), sizes, (limit, sizesBytes) => {
        const next = nextPageKeys(limit, sizesBytes);
        expect(next * Math.max(...sizesBytes)).toBeLessThanOrEqual(PAGE_BYTES);
        expect([next >= 1, next <= 2 * limit, next <= 512]).toEqual([true, true, true]);
        expect(smallerPage(next) < next || next === 1).toBe(true);
      }),
    );
  });

  test('of small records is soon a large one, and of the largest one record at least', () => {
    let limit = 8;
    for (let page = 0; page < 6; page += 1) limit = nextPageKeys(limit, [300]);
    expect(limit).toBe(512);
    expect(nextPageKeys(512, [PAGE_BYTES * 2])).toBe(1);
  });
});

/** Looks at the pages, and fails those with more keys than `mostKeys`, as a member does that needs too long for them. */
class PageClient extends EtcdClient {
  mostKeys = Number.POSITIVE_INFINITY;
  readonly pages: { readonly keys: number; readonly bytes: number }[] = [];

  override async attempt<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
    tryMs?: number,
  ): Promise<MessageShape<O>> {
    const limit = 'limit' in request ? Number(request['limit']) : 0;
    if (limit > this.mostKeys) throw new EtcdFault('unknown', 'the page does not come in time');
    const answer = await super.attempt(method, request, signal, tryMs);
    if (limit > 0 && method.name === KV.method.range.name && 'kvs' in answer && Array.isArray(answer.kvs)) {
      const bytes = answer.kvs.reduce((sum: number, { value }: { value: Uint8Array }) => sum + value.byteLength, 0);
      this.pages.push({ keys: answer.kvs.length, bytes });
    }
    return answer;
  }
}

test('a load of large records and many small ones comes in pages that fit, also from a member that is slow', {
  timeout: 60_000,
}, async (ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
  const { endpoints, stop } = await started();
  onTestFinished(stop);
  const writer = await openEtcdStore({ endpoints, prefix: 'locum' });
  onTestFinished(() => writer.close());
  const leader = await elect(writer);
  const large = Array.from({ length: 40 }, (_, i) => put(`a/${String(i).padStart(3, '0')}`, new Uint8Array(1_000_000)));
  const small = Array.from({ length: 3_000 }, (_, i) => put(`b/${String(i).padStart(5, '0')}`, `${i}`));
  await leader.commit(...large, ...small);
  const client = new PageClient(endpoints, {});
  const keys = new Keys('locum');
  const reader = new EtcdStore(client, keys, await settleIdentity(client, keys, false), {});
  onTestFinished(() => reader.close());

  const loaded = await reader.load();
  expect(loaded.records.map(({ key }) => key)).toEqual([...large, ...small].map(({ key }) => key));
  const first = client.pages.splice(0);
  expect(first.filter(({ bytes }) => bytes > PAGE_BYTES)).toEqual([]);
  // As many as there are large ones, eight at a time, and a few more for the small ones.
  expect(first.length).toBeLessThan(25);

  client.mostKeys = 3;
  expect((await reader.load()).records).toEqual(loaded.records);
});

async function started() {
  const cluster = await EtcdCluster.start({ members: 1 });
  return { endpoints: cluster.endpoints, stop: () => cluster.stop() };
}
