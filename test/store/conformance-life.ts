/** Opening, closing, and what is there afterwards. */
import { describe, expect, test } from 'vitest';
import { contents, elect, inWorld, never, put, type StoreKind } from './store-world.ts';

export function lifePromises(kind: StoreKind): void {
  describe('opening and closing', () => {
    test(
      'a new store has an identity and nothing else',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const { clusterId, incarnation } = await store.identity();
        expect(clusterId).toMatch(/^[0-9a-f-]{36}$/);
        expect(incarnation).toBe(1);
        expect(contents(await store.load())).toEqual([]);
        expect(store.kind).toBe(kind.name);
      }),
    );

    test(
      'closing and opening again keeps everything',
      inWorld(kind, async (world) => {
        const before = await world.open();
        const identity = await before.identity();
        const leader = await elect(before);
        await leader.commit(put('a', '1'), put('b', '2'));
        const revision = await leader.commit(put('b', '3'));
        await before.close();

        const after = await world.open();
        expect(await after.identity()).toEqual(identity);
        const snapshot = await after.load();
        expect(contents(snapshot)).toEqual(['a=1', 'b=3']);
        expect(snapshot.revision).toBeGreaterThanOrEqual(revision);
        expect(await after.verifyTerm(leader.term)).toBe(false);
        expect((await elect(after)).term).toBeGreaterThan(leader.term);
      }),
    );

    test(
      'two stores have different identities',
      inWorld(kind, async (world) => {
        const other = await kind.createWorld();
        try {
          const [a, b] = [await world.open(), await other.open()];
          expect((await a.identity()).clusterId).not.toBe((await b.identity()).clusterId);
        } finally {
          await other.dispose();
        }
      }),
    );

    test(
      'a closed handle says so, and closing it again does nothing',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await store.close();
        await store.close();
        const closed = { name: 'StoreError', reason: 'STORE_UNAVAILABLE', message: expect.stringContaining('closed') };
        await expect(store.identity()).rejects.toMatchObject(closed);
        await expect(store.load()).rejects.toMatchObject(closed);
        await expect(store.verifyTerm(leader.term)).rejects.toMatchObject(closed);
        await expect(store.lastCommit(leader.term)).rejects.toMatchObject(closed);
        await expect(store.campaign('one', never)).rejects.toMatchObject(closed);
        expect(await leader.send(put('late', ''))).toMatchObject({ kind: 'failed', reason: 'STORE_UNAVAILABLE' });
        await expect(store.resign()).resolves.toBeUndefined();
        expect(contents(await (await world.open()).load())).toEqual([]);
      }),
    );

    test(
      'commits handed over before closing are settled by it',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        const sent = [leader.send(put('a', '1')), leader.send(put('b', '2'))];
        await store.close();
        const outcomes = (await Promise.all(sent)).map(({ kind }) => kind);
        const written = contents(await (await world.open()).load());
        // Each outcome is true: what is called committed is there, and in order.
        const expected = ['a=1', 'b=2'].filter((_, i) => outcomes[i] === 'committed');
        expect(written.slice(0, expected.length)).toEqual(expected);
        expect(outcomes).not.toContain('deposed');
      }),
    );
  });

  if (kind.candidates === 'one') exclusiveOpening(kind);
}

function exclusiveOpening(kind: StoreKind): void {
  test(
    'a second handle is refused until the first is closed',
    inWorld(kind, async (world) => {
      const first = await world.open();
      await expect(world.open()).rejects.toMatchObject({ name: 'StoreError', reason: 'LOCKED' });
      const leader = await elect(first);
      await leader.commit(put('a', '1'));
      await first.close();
      expect(contents(await (await world.open()).load())).toEqual(['a=1']);
    }),
  );
}
