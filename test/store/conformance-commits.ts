/** What a commit does, all of it or nothing, in order. */
import { describe, expect, test } from 'vitest';
import type { Change, Write } from '../../controller/store/store.ts';
import { batchOf, contents, elect, inWorld, never, put, remove, revisionOf, type StoreKind } from './store-world.ts';

const MIB = 1024 * 1024;

const bytesOf = (length: number, salt: number): Uint8Array => new Uint8Array(length).fill(salt & 0xff);

const isSame = (value: Uint8Array, write: Write | undefined): boolean =>
  write?.kind === 'put' && Buffer.from(write.value).equals(value);

export function commitPromises(kind: StoreKind): void {
  describe('commits', () => {
    test(
      'put, overwrite and delete are seen by the next load, keys in the order of their bytes',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        const keys = ['b', 'a/2', 'a', 'B', 'é', '\u{1f600}', '\ufffd', 'a/10'];
        await leader.commit(...keys.map((key) => put(key, 'x')));
        await leader.commit(put('b', 'y'), remove('a/2'), remove('never there'));
        expect(contents(await store.load())).toEqual(['B=x', 'a=x', 'a/10=x', 'b=y', 'é=x', '\ufffd=x', '\u{1f600}=x']);
        await leader.commit(put('a/2', 'again'));
        expect(contents(await store.load())).toContain('a/2=again');
      }),
    );

    test(
      'the last write of a key wins within a batch',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await leader.commit(put('a', '1'), put('a', '2'), put('b', '1'), remove('b'), remove('c'), put('c', '1'));
        expect(contents(await store.load())).toEqual(['a=2', 'c=1']);
      }),
    );

    test(
      'values are bytes: empty, every byte, and 1 MiB come back unchanged',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        const every = Uint8Array.from({ length: 256 }, (_, i) => i);
        const big = Uint8Array.from({ length: MIB }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
        await leader.commit(put('empty', ''), put('every', every));
        // Together past what one request to a server may carry.
        await leader.commit(put('big/1', big), put('big/2', big), put('big/3', big));
        const { records } = await store.load();
        expect(records.map((r) => r.key)).toEqual(['big/1', 'big/2', 'big/3', 'empty', 'every']);
        const values = records.map((r) => Buffer.from(r.value));
        expect(values.map((value, i) => value.equals([big, big, big, Buffer.alloc(0), every][i] ?? every))).toEqual(
          values.map(() => true),
        );
      }),
    );

    test(
      'a batch of hundreds of writes and megabytes is committed whole, at one revision, and seen by a watch as one change',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await leader.commit(put('gone', ''));
        const changes = store.watch((await store.load()).revision, never)[Symbol.asyncIterator]();
        const writes = [remove('gone')];
        for (let i = 0; i < 500; i += 1) {
          writes.push(put(`k/${String(i).padStart(4, '0')}`, i % 100 === 0 ? bytesOf(MIB, i) : `${i}`));
        }
        const revision = revisionOf(await leader.send(...writes));
        const snapshot = await store.load();
        expect(snapshot.revision).toBeGreaterThanOrEqual(revision);
        expect(snapshot.records.map((r) => r.key)).toEqual(writes.slice(1).map((w) => w.key));
        expect(snapshot.records.every(({ value }, i) => isSame(value, writes[i + 1]))).toBe(true);
        expect(await store.lastCommit(leader.term)).toBe(2);
        const after = await leader.commit(put('after', ''));
        expect(after).toBeGreaterThan(revision);
        const change: Change | undefined = (await changes.next()).value;
        expect([change?.revision, change?.writes.map((w) => w.key)]).toEqual([revision, writes.map((w) => w.key)]);
        expect(change?.writes.every((w, i) => w.kind === 'delete' || isSame(w.value, writes[i]))).toBe(true);
        expect((await changes.next()).value).toEqual({ revision: after, writes: [put('after', '')] });
      }),
    );

    test(
      'a value larger than any store takes is refused, and the number is free',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { term } = await elect(store);
        const refused = await store.commit(batchOf(term, 1, [put('a', ''), put('big', new Uint8Array(MIB + 1))]));
        expect(refused).toEqual({ kind: 'refused', detail: expect.stringContaining('big would be 1048577 bytes') });
        expect(contents(await store.load())).toEqual([]);
        revisionOf(await store.commit(batchOf(term, 1, [put('b', '')])));
      }),
    );

    test(
      'a batch without writes counts',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await leader.commit();
        await leader.commit(put('a', '1'));
        expect(await store.lastCommit(leader.term)).toBe(2);
      }),
    );

    test(
      'revisions ascend, and a load is at or after the newest',
      inWorld(kind, async (world) => {
        const store = await world.open();
        let last = (await store.load()).revision;
        for (let round = 0; round < 2; round += 1) {
          const leader = await elect(store);
          for (let i = 0; i < 3; i += 1) {
            const revision = await leader.commit(put(`${round}/${i}`, ''));
            expect(revision).toBeGreaterThan(last);
            last = revision;
            expect((await store.load()).revision).toBeGreaterThanOrEqual(last);
          }
          await store.resign();
        }
      }),
    );

    test(
      'the number must follow: one ahead, one repeated or one behind is refused and writes nothing',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { term } = await elect(store);
        const commit = (number: number, value: string) => store.commit(batchOf(term, number, [put('a', value)]));
        expect(await commit(2, 'ahead')).toMatchObject({ kind: 'deposed' });
        revisionOf(await commit(1, 'one'));
        expect(await commit(1, 'repeated')).toMatchObject({ kind: 'deposed' });
        expect(await commit(3, 'ahead')).toMatchObject({ kind: 'deposed' });
        revisionOf(await commit(2, 'two'));
        expect(await commit(1, 'behind')).toMatchObject({ kind: 'deposed' });
        expect(contents(await store.load())).toEqual(['a=two']);
        expect(await store.lastCommit(term)).toBe(2);
      }),
    );

    test(
      'the last commit is counted per term and unknown for one that is over',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const first = await elect(store);
        expect(await store.lastCommit(first.term)).toBe(0);
        await first.commit(put('a', ''));
        await first.commit(put('b', ''));
        expect(await store.lastCommit(first.term)).toBe(2);
        await store.resign();
        await expect(store.lastCommit(first.term)).rejects.toMatchObject({ name: 'StoreError', reason: 'TERM_OVER' });
        const second = await elect(store);
        expect(await store.lastCommit(second.term)).toBe(0);
        await expect(store.lastCommit(first.term)).rejects.toMatchObject({ reason: 'TERM_OVER' });
      }),
    );

    pipelinedCommits(kind);
  });
}

function pipelinedCommits(kind: StoreKind): void {
  test(
    'batches sent without waiting take effect in the order of the calls',
    inWorld(kind, async (world) => {
      const store = await world.open();
      const leader = await elect(store);
      const sent = Array.from({ length: 100 }, (_, i) => leader.send(put('last', `${i}`), put(`k/${i}`, '')));
      const revisions = (await Promise.all(sent)).map(revisionOf);
      expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
      const found = contents(await store.load());
      expect(found).toContain('last=99');
      expect(found).toHaveLength(101);
    }),
  );

  test(
    'a batch that is refused takes all later ones with it and none of the earlier',
    inWorld(kind, async (world) => {
      const store = await world.open();
      const { term } = await elect(store);
      const sent = [1, 2, 4, 5, 6].map((number) => store.commit(batchOf(term, number, [put(`k/${number}`, '')])));
      const kinds = (await Promise.all(sent)).map((outcome) => outcome.kind);
      expect(kinds).toEqual(['committed', 'committed', 'deposed', 'deposed', 'deposed']);
      expect(contents(await store.load())).toEqual(['k/1=', 'k/2=']);
      expect(await store.lastCommit(term)).toBe(2);
    }),
  );

  test(
    'a load during commits sees each of them whole, also those that take a store several steps',
    inWorld(kind, async (world) => {
      const store = await world.open();
      const leader = await elect(store);
      const all = (n: number): Write[] => Array.from({ length: 300 }, (_, i) => put(`k/${i}`, `${n}`));
      const seen: string[] = [];
      for (let round = 0; round < 5; round += 1) {
        const sent = [1, 2, 3].map((n) => leader.send(...all(round * 3 + n)));
        const settled = Promise.all(sent).then((outcomes) => outcomes.map(revisionOf));
        let isSettled = false;
        void settled.then(() => (isSettled = true));
        while (!isSettled) {
          const { records } = await store.load();
          const values = new Set(records.map((r) => String(r.value)));
          seen.push(values.size <= 1 && [0, 300].includes(records.length) ? 'whole' : 'torn');
        }
      }
      expect(new Set(seen)).toEqual(new Set(['whole']));
      expect(new Set(contents(await store.load()).map((line) => line.split('=')[1]))).toEqual(new Set(['15']));
    }),
  );

  test(
    'what an aborted leadership left in flight never mixes with the next term',
    inWorld(kind, async (world) => {
      const store = await world.open();
      const old = await elect(store);
      const sent = Array.from({ length: 20 }, (_, i) => old.send(put('a', `old ${i}`)));
      await store.resign();
      const current = await elect(store);
      await current.commit(put('a', 'new'));
      await Promise.all(sent);
      expect(contents(await store.load())).toEqual(['a=new']);
    }),
  );
}
