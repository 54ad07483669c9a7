/** The parts of the etcd store that need no etcd. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEtcdAddress } from '../../controller/store/etcd/address.ts';
import { CHUNK, cutWrites, lastOfEach, MAX_BYTES, MAX_WRITES, TRANSACTION } from '../../controller/store/etcd/cut.ts';
import { type EtcdHead, headText, parseHead, parseIdentity } from '../../controller/store/etcd/keys.ts';
import { type Found, type Seen, whatWasLost } from '../../controller/store/etcd/seen.ts';
import { versionWarning } from '../../controller/store/etcd/support.ts';
import type { Write } from '../../controller/store/store.ts';
import { bytes, put, remove } from './store-world.ts';

describe('the address of an etcd store', () => {
  test.each([
    ['//a', ['a:2379'], 'locum'],
    ['//a,b:1,10.0.0.3/', ['a:2379', 'b:1', '10.0.0.3:2379'], 'locum'],
    ['//[::1]:2379,[fe80::1]/team/locum-2/', ['[::1]:2379', '[fe80::1]:2379'], 'team/locum-2'],
  ])('%s names its members and its prefix', (rest, endpoints, prefix) => {
    expect(parseEtcdAddress(rest)).toEqual({ endpoints, prefix });
  });

  test.each([
    '',
    'a',
    '//',
    '///p',
    '//a,,b',
    '//a:0',
    '//a:99999',
    '//a b',
    '//a,a:2379',
    '//a//p',
    '//a/p q',
    '//u@a',
  ])('"%s" is refused with an example of what is right', (rest) => {
    expect(() => parseEtcdAddress(rest)).toThrow(/Use etcd:\/\/host1:2379,host2:2379\/prefix/);
  });
});

describe('the support of etcd versions', () => {
  test.each(['3.5.33', '3.5.40', '3.6.14', '3.7.1', '3.8.0', '4.0.0', '3.7.3-rc.0'])('%s is good', (version) => {
    expect(versionWarning('m', version)).toBeUndefined();
  });
  test.each(['3.4.23', '3.5.32', '3.6.0', '3.7.0', '2.3.8', 'main'])('%s is warned of, with what to use', (version) => {
    expect(versionWarning('m', version)).toMatch(/^etcd at m .*Upgrade to 3\.5\.33, 3\.6\.14, 3\.7\.1 or later\.$/);
  });
});

describe('the head', () => {
  test.each<EtcdHead>([
    { term: 7, number: 0, form: 'whole' },
    { term: 7, number: 12, form: 'unfolded' },
    { term: 2 ** 41 + 3, number: 12, form: { attempt: 2, chunks: 31 } },
  ])('is read as it was written: %o', (head) => {
    expect(parseHead(headText(head, 0x7ab3n))).toEqual(head);
  });

  test('starts at 0, and is refused when it is something else', () => {
    expect(parseHead(undefined)).toEqual({ term: 0, number: 0, form: 'whole' });
    for (const text of ['x', '1 2', '1 2 3', '1 2 staged 3', '1 2 whole 3', '1 2 staged 3 by 4', '1 2 whole']) {
      expect(() => parseHead(bytes(text))).toThrow(/"head"/);
    }
    expect(() => parseIdentity(bytes('x'))).toThrow(/"identity"/);
  });
});

const writeArb = fc.tuple(fc.nat(200), fc.constantFrom(0, 10, 20, 150_000, 1024 * 1024)).map(([key, size]): Write => {
  return size === 0 ? remove(`k${key}`) : put(`k${key}`, new Uint8Array(size));
});
const batchArb = fc.array(writeArb, { maxLength: 300 });

describe('cutting a batch', () => {
  test('leaves for each key the write that wins, in the order of the batch', () => {
    const writes = [put('a', '1'), put('b', '1'), remove('a'), put('c', '1'), put('b', '2')];
    expect(lastOfEach(writes)).toEqual([remove('a'), put('c', '1'), put('b', '2')]);
  });

  test.each([
    ['transactions', TRANSACTION, MAX_WRITES],
    ['chunks', CHUNK, Infinity],
  ])(
    'into %s gives all writes in order, in pieces within the limits and no more of them than needed',
    (_, limits, max) => {
      fc.assert(
        fc.property(batchArb, (writes) => {
          const pieces = cutWrites(writes, limits);
          expect(pieces.flat()).toEqual(writes);
          const sizes = pieces.map((piece) =>
            piece.reduce((sum, w) => sum + 300 + (w.kind === 'put' ? w.value.length : 0), 0),
          );
          for (const [i, piece] of pieces.entries()) {
            expect(piece.length).toBeLessThanOrEqual(max);
            expect(sizes[i]).toBeLessThanOrEqual(MAX_BYTES + 300 * piece.length);
            const next = pieces[i + 1]?.[0];
            const room =
              piece.length < max && (sizes[i] ?? 0) + (next?.kind === 'put' ? next.value.length : 0) + 300 < MAX_BYTES;
            expect(next !== undefined && room).toBe(false);
            expect(piece.length > 0 || writes.length === 0).toBe(true);
          }
        }),
        { numRuns: 50 },
      );
    },
  );
});

describe('what was seen of a store', () => {
  const head = { revision: 90n, text: '80 3 whole by a1' };
  const seen: Seen = { clusterId: 'c', incarnation: 2, etcdClusterId: '1', revision: 100n, head };
  const now = { revision: 120n, text: '110 1 whole by b2' };
  const found: Found = {
    identity: { clusterId: 'c', incarnation: 2 },
    etcdClusterId: '1',
    head: now,
    headThen: head.text,
  };

  test.each<[string, Partial<Found>]>([
    ['as it was', { head: { revision: 100n, text: head.text } }],
    ['further on', {}],
    ['further on, in the same term', { head: { revision: 101n, text: '80 4 whole by a1' } }],
    ['further on, when the history of then is no longer kept', { headThen: undefined }],
    [
      'restored or adopted on purpose',
      { identity: { clusterId: 'c', incarnation: 3 }, head: { revision: 5n, text: '' } },
    ],
  ])('is still there: %s', (_, change) => {
    expect(whatWasLost(seen, { ...found, ...change })).toBeUndefined();
  });

  test.each<[string, Partial<Found>, RegExp]>([
    ['an earlier revision', { head: { revision: 99n, text: now.text } }, /finds revision 99/],
    [
      'an earlier term, whatever the revision',
      { head: { revision: 500n, text: '79 9 whole by a1' } },
      /commit 9 of term 79/,
    ],
    ['an earlier commit', { head: { revision: 500n, text: '80 2 whole by a1' } }, /commit 2 of term 80/],
    ['no head any more', { head: { revision: 500n, text: '' } }, /commit 0 of term 0/],
    ['an earlier incarnation', { identity: { clusterId: 'c', incarnation: 1 } }, /in incarnation 1/],
    ['another etcd', { etcdClusterId: '2' }, /in etcd cluster 2/],
    ['another cluster', { identity: { clusterId: 'd', incarnation: 9 } }, /finds cluster d/],
    ['no store', { identity: undefined }, /finds no store/],
    ['the same numbers by another leader', { headThen: '80 3 whole by a2' }, /another history/],
  ])('is lost: %s', (_, change, words) => {
    expect(whatWasLost(seen, { ...found, ...change })).toMatch(words);
  });
});
