/** Who leads and who is there, seen from any handle; and how a leader is replaced by somebody in particular. */
import { describe, expect, test } from 'vitest';
import type { LeaderSeen, Store } from '../../controller/store/store.ts';
import { elect, inWorld, never, put, type StoreKind } from './store-world.ts';

/** Reads what a handle observes until it is what the test waits for. */
async function observed(store: Store, wanted: (seen: LeaderSeen | undefined) => boolean): Promise<void> {
  const stop = new AbortController();
  for await (const seen of store.observe(stop.signal)) if (wanted(seen)) stop.abort();
}

export function presencePromises(kind: StoreKind): void {
  describe('leaders and members', () => {
    test(
      'the leader is shown with its term and what it campaigned as, and no longer once it resigned',
      inWorld(kind, async (world) => {
        const store = await world.open();
        expect(await store.leader()).toBeUndefined();
        const { term } = await elect(store, 'one');
        expect(await store.leader()).toEqual({ term, candidate: 'one' });
        await observed(store, (seen) => seen?.term === term && seen.candidate === 'one');
        const gone = observed(store, (seen) => seen === undefined);
        await store.resign();
        await gone;
        expect(await store.leader()).toBeUndefined();
      }),
    );

    test(
      'a term is ended for anyone who asks, and only that term',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const old = await elect(store);
        await store.endTerm(old.term - 1);
        expect(await store.verifyTerm(old.term)).toBe(true);
        await store.endTerm(old.term);
        expect(await store.verifyTerm(old.term)).toBe(false);
        // The news may overtake the answer; what counts is that nothing was written.
        expect(['deposed', 'unknown']).toContain((await old.send(put('x', 'too late'))).kind);
        expect((await store.load()).records).toEqual([]);
      }),
    );

    test(
      'those that joined are listed until they close',
      inWorld(kind, async (world) => {
        const store = await world.open();
        expect(await store.members()).toEqual([]);
        await store.join('one');
        expect(await store.members()).toEqual([{ candidate: 'one', note: '', silentMs: expect.any(Number) }]);
        await store.join('one, moved');
        expect((await store.members()).map(({ candidate }) => candidate)).toEqual(['one, moved']);
        await store.close();
        const next = await world.open();
        expect(await next.members()).toEqual([]);
      }),
    );

    test(
      'a note stands beside its member until the next one, and is gone when it joins again',
      inWorld(kind, async (world) => {
        const store = await world.open();
        await store.note('nobody is there to say it');
        await store.join('one');
        await store.note('first\nline');
        await store.note('second');
        expect(await store.members()).toMatchObject([{ candidate: 'one', note: 'second' }]);
        await store.note('two\nlines');
        expect(await store.members()).toMatchObject([{ candidate: 'one', note: 'two\nlines' }]);
        await store.join('one');
        expect(await store.members()).toMatchObject([{ candidate: 'one', note: '' }]);
      }),
    );

    if (kind.candidates === 'many') contestedPlaces(kind);
  });
}

function contestedPlaces(kind: StoreKind): void {
  test(
    'a leader that hands over is followed by the one it names, not by one that waited longer',
    inWorld(kind, async (world) => {
      const [a, b, c] = [await world.open(), await world.open(), await world.open()];
      const first = await elect(a, 'a');
      const stop = new AbortController();
      const waited = b.campaign('b', stop.signal).then(
        () => 'b leads',
        () => 'gave up',
      );
      const named = c.campaign('c', never);
      await observed(b, (seen) => seen?.candidate === 'a');
      await a.resign({ to: 'c' });
      expect((await named).term).toBeGreaterThan(first.term);
      expect(await b.leader()).toMatchObject({ candidate: 'c' });
      stop.abort();
      expect(await waited).toBe('gave up');
    }),
  );

  test(
    'every handle sees all members and the leader of the others',
    inWorld(kind, async (world) => {
      const [a, b] = [await world.open(), await world.open()];
      await a.join('a');
      await b.join('b');
      const { term } = await elect(a, 'a');
      expect((await b.members()).map(({ candidate }) => candidate).sort()).toEqual(['a', 'b']);
      expect(await b.leader()).toEqual({ term, candidate: 'a' });
      await a.close();
      expect((await b.members()).map(({ candidate }) => candidate)).toEqual(['b']);
    }),
  );
}
