/** What a follower sees. */
import { describe, expect, test } from 'vitest';
import type { Change, Store } from '../../controller/store/store.ts';
import { contents, elect, inWorld, never, put, remove, type StoreKind } from './store-world.ts';

/** Watches until a put of `key` has been seen, that one included. */
async function watchUntil(store: Store, afterRevision: number, key: string): Promise<Change[]> {
  const seen: Change[] = [];
  const done = new AbortController();
  for await (const change of store.watch(afterRevision, done.signal)) {
    seen.push(change);
    if (change.writes.some((write) => write.kind === 'put' && write.key === key)) done.abort();
  }
  return seen;
}

const written = (changes: readonly Change[]): string[] =>
  changes.flatMap(({ writes }) =>
    writes.map((w) => (w.kind === 'put' ? `${w.key}=${new TextDecoder().decode(w.value)}` : `-${w.key}`)),
  );

export function watchPromises(kind: StoreKind): void {
  describe('watching', () => {
    test(
      'changes after a load come in order, each once, with ascending revisions',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await leader.commit(put('before', ''));
        const { revision } = await store.load();
        const watching = watchUntil(store, revision, 'end');
        const revisions = [await leader.commit(put('a', '1'), put('b', '1')), await leader.commit(remove('a'))];
        revisions.push(await leader.commit(put('b', '2')), await leader.commit(put('end', '')));
        const changes = await watching;
        expect(written(changes)).toEqual(['a=1', 'b=1', '-a', 'b=2', 'end=']);
        expect(changes.filter((c) => c.writes.length > 0).map((c) => c.revision)).toEqual(revisions);
      }),
    );

    test(
      'a watch resumed at any revision misses nothing and repeats nothing',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { revision: start } = await store.load();
        const leader = await elect(store);
        for (let i = 0; i < 10; i += 1) await leader.commit(put(`k/${i}`, ''));
        await leader.commit(put('end', ''));
        const all = await watchUntil(store, start, 'end');
        expect(written(all)).toEqual([...Array.from({ length: 10 }, (_, i) => `k/${i}=`), 'end=']);
        for (const [i, { revision }] of all.slice(0, -1).entries()) {
          expect(written(await watchUntil(store, revision, 'end'))).toEqual(written(all.slice(i + 1)));
        }
      }),
    );

    test(
      'the newest change is where a watch gets to, also after an election and beside commits of many keys',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { revision: start } = await store.load();
        const leader = await elect(store);
        await leader.commit(put('a', '1'));
        const last = await leader.commit(put('b', '1'), put('c', '1'), put('end', ''));
        expect(await store.newestChange()).toBe(last);
        expect((await watchUntil(store, start, 'end')).at(-1)?.revision).toBe(last);
        expect((await store.load()).revision).toBeGreaterThanOrEqual(last);
        const other = await store.newestChange();
        const next = await leader.commit(put('d', '1'));
        expect(next).toBeGreaterThan(other);
        expect(await store.newestChange()).toBe(next);
      }),
    );

    test(
      'a picture kept up by watching equals a load',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        const picture = new Map<string, string>();
        const { revision } = await store.load();
        for (let i = 0; i < 30; i += 1) {
          const key = `k/${(i * 7) % 10}`;
          await leader.commit(i % 4 === 3 ? remove(key) : put(key, `${i}`), put(`m/${i % 3}`, `${i}`));
        }
        await leader.commit(put('z', 'end'));
        for (const { writes } of await watchUntil(store, revision, 'z')) {
          for (const w of writes) {
            if (w.kind === 'put') picture.set(w.key, new TextDecoder().decode(w.value));
            else picture.delete(w.key);
          }
        }
        expect([...picture].map(([key, value]) => `${key}=${value}`).sort()).toEqual(contents(await store.load()));
      }),
    );

    test(
      'several watchers see the same, each at its own pace',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { revision } = await store.load();
        const watchers = [1, 2, 3].map(() => watchUntil(store, revision, 'end'));
        const leader = await elect(store);
        await Promise.all([leader.commit(put('a', '1')), leader.commit(put('b', '2')), leader.commit(put('end', ''))]);
        for (const changes of await Promise.all(watchers)) expect(written(changes)).toEqual(['a=1', 'b=2', 'end=']);
      }),
    );

    test(
      'a revision that is no longer kept ends the watch with COMPACTED',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        const old = await leader.commit(put('a', '1'));
        await leader.commit(put('b', '1'));
        await world.compact(async () => {
          await leader.commit(put('c', '1'));
        });
        const compacted = { name: 'StoreError', reason: 'COMPACTED' };
        await expect(watchUntil(store, old, 'end')).rejects.toMatchObject(compacted);
        // Loading again, as told, goes on from there.
        const { revision } = await store.load();
        const watching = watchUntil(store, revision, 'end');
        await leader.commit(put('end', ''));
        expect(written(await watching)).toEqual(['end=']);
      }),
    );

    test(
      'an aborted watch ends at once and without an error',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { revision } = await store.load();
        const stop = new AbortController();
        const next = store.watch(revision, stop.signal)[Symbol.asyncIterator]().next();
        stop.abort();
        expect(await next).toEqual({ done: true, value: undefined });
        const late = store.watch(revision, stop.signal)[Symbol.asyncIterator]().next();
        expect(await late).toEqual({ done: true, value: undefined });
      }),
    );

    test(
      'closing the store ends a watch with an error',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { revision } = await store.load();
        const next = store.watch(revision, never)[Symbol.asyncIterator]().next();
        const ended = next.then(
          () => 'without an error',
          (error: unknown) => error,
        );
        await store.close();
        expect(await ended).toMatchObject({ name: 'StoreError', reason: 'STORE_UNAVAILABLE' });
      }),
    );
  });
}
