/** The parts of the etcd store that need no etcd. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEtcdAddress } from '../../controller/store/etcd/address.ts';
import { headText, isAtLeast, parseHead, parseIdentity, START } from '../../controller/store/etcd/keys.ts';
import {
  decisionsOf,
  MAX_BYTES,
  MAX_WRITES,
  oversize,
  type Part,
  takePart,
} from '../../controller/store/etcd/parts.ts';
import { versionWarning } from '../../controller/store/etcd/support.ts';
import type { Batch, Write } from '../../controller/store/store.ts';
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

describe('the position of commits', () => {
  test('is read as it was written, and starts at 0', () => {
    expect(parseHead(headText(7, { number: 12, part: 3 }))).toEqual({ term: 7, number: 12, part: 3 });
    expect(parseHead(undefined)).toEqual({ term: 0, ...START });
    expect(() => parseHead(bytes('x'))).toThrow(/"head"/);
    expect(() => parseIdentity(bytes('x'))).toThrow(/"identity"/);
  });

  test('is ordered by batch, then by part', () => {
    const order = [
      START,
      { number: 0, part: 1 },
      { number: 1, part: 0 },
      { number: 1, part: 2 },
      { number: 2, part: 0 },
    ];
    for (const [i, a] of order.entries()) {
      for (const [j, b] of order.entries()) expect(isAtLeast(a, b)).toBe(i >= j);
    }
  });
});

/** All parts of these batches, as they would be sent one after the other. */
function partsOf(batches: readonly Batch[]): Part<number>[] {
  const queue = batches.flatMap((batch) => decisionsOf(batch.number, batch));
  const parts: Part<number>[] = [];
  while (queue.length > 0) parts.push(takePart(queue, parts.at(-1)?.to ?? START));
  return parts;
}

const decisionArb = fc.array(
  fc.tuple(fc.nat(200), fc.constantFrom(0, 10, 20, 150_000)).map(([key, size]): Write => {
    return size === 0 ? remove(`k${key}`) : put(`k${key}`, new Uint8Array(size));
  }),
  { minLength: 1, maxLength: 60 },
);
const batchArb = fc.array(decisionArb, { maxLength: 6 });

function batchOf(number: number, parts: readonly (readonly Write[])[]): Batch {
  const starts = parts.map((_, i) => parts.slice(0, i).flat().length);
  return { term: 1, number, writes: parts.flat(), decisions: starts };
}

describe('cutting batches into transactions', () => {
  test('every transaction is within the limits, whole decisions in order, and ends as the batches do', () => {
    fc.assert(
      fc.property(fc.array(batchArb, { minLength: 1, maxLength: 6 }), (decisions) => {
        const batches = decisions.map((list, i) => batchOf(i + 1, list));
        fc.pre(batches.every((batch) => decisionsOf(0, batch).every((d) => oversize(d) === undefined)));
        const parts = partsOf(batches);
        const replayed = new Map<string, Write>();
        let before = START;
        for (const part of parts) {
          expect(part.from).toEqual(before);
          expect(isAtLeast(part.from, part.to)).toBe(false);
          expect(part.writes.length).toBeLessThanOrEqual(MAX_WRITES);
          expect(new Set(part.writes.map((w) => w.key)).size).toBe(part.writes.length);
          for (const write of part.writes) replayed.set(write.key, write);
          before = part.to;
        }
        expect(before).toEqual({ number: batches.length, part: 0 });
        expect(parts.flatMap((part) => part.completes)).toEqual(batches.map((batch) => batch.number));
        const expected = new Map(batches.flatMap((batch) => batch.writes.map((w) => [w.key, w] as const)));
        expect(replayed).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('a decision is never cut: it moves whole into the next transaction', () => {
    const wide = (name: string) => Array.from({ length: 70 }, (_, i) => put(`${name}/${i}`, ''));
    const parts = partsOf([batchOf(1, [wide('a'), wide('b')])]);
    expect(parts.map((part) => part.writes.map((w) => w.key[0]).join(''))).toEqual(['a'.repeat(70), 'b'.repeat(70)]);
    expect(parts.map((part) => part.to)).toEqual([
      { number: 0, part: 1 },
      { number: 1, part: 0 },
    ]);
  });

  test('a batch that is sent again after its first part was made counts on', () => {
    const wide = (name: string) => Array.from({ length: 100 }, (_, i) => put(`${name}/${i}`, ''));
    const queue = decisionsOf(1, batchOf(1, [wide('a'), wide('b')]));
    const first = takePart([...queue], START);
    const again = takePart(queue, first.to);
    expect([first.to, again.from, again.to]).toEqual([
      { number: 0, part: 1 },
      { number: 0, part: 1 },
      { number: 0, part: 2 },
    ]);
  });

  test('what fits into no transaction is named', () => {
    const many = Array.from({ length: MAX_WRITES + 1 }, (_, i) => put(`k/${i}`, ''));
    const [tooMany] = decisionsOf(0, batchOf(1, [many]));
    const [tooLarge] = decisionsOf(0, batchOf(1, [[put('k', new Uint8Array(MAX_BYTES))]]));
    const [fine] = decisionsOf(0, batchOf(1, [many.slice(1)]));
    expect([tooMany, tooLarge, fine].map((d) => (d === undefined ? 'none' : oversize(d)))).toEqual([
      expect.stringMatching(/writes 128 keys; etcd takes 127/),
      expect.stringMatching(/bytes; etcd takes 1500000/),
      undefined,
    ]);
  });
});
