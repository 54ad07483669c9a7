/** Who leads, and how a leader learns that it no longer does. */
import { describe, expect, test } from 'vitest';
import { incarnationOf } from '../../shared/ids.ts';
import { contents, elect, inWorld, Leader, put, type StoreKind } from './store-world.ts';

export function electionPromises(kind: StoreKind): void {
  describe('elections', () => {
    test(
      'every term is greater than all before and carries the incarnation',
      inWorld(kind, async (world) => {
        const terms: number[] = [];
        for (let handle = 0; handle < 2; handle += 1) {
          const store = await world.open();
          const { incarnation } = await store.identity();
          for (let round = 0; round < 3; round += 1) {
            const leader = await elect(store);
            expect(incarnationOf(leader.term)).toBe(incarnation);
            terms.push(leader.term);
            await store.resign();
          }
          await store.close();
        }
        expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
        expect(Number.isSafeInteger(terms.at(-1))).toBe(true);
      }),
    );

    test(
      'a term is verified while it is held, and never again after',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const first = await elect(store);
        expect(await store.verifyTerm(first.term)).toBe(true);
        expect(await store.verifyTerm(first.term + 1)).toBe(false);
        expect(await store.verifyTerm(first.term - 1)).toBe(false);
        await store.resign();
        expect(await store.verifyTerm(first.term)).toBe(false);
        const second = await elect(store);
        expect(await store.verifyTerm(first.term)).toBe(false);
        expect(await store.verifyTerm(second.term)).toBe(true);
      }),
    );

    test(
      'resigning tells the holder in words, and without leadership does nothing',
      inWorld(kind, async (world) => {
        const store = await world.open();
        await store.resign();
        const leader = await elect(store);
        expect(leader.lost.aborted).toBe(false);
        await store.resign();
        expect(leader.lost.reason).toMatchObject({ name: 'StoreError', reason: 'TERM_OVER', message: /\w+ \w+/ });
        await store.resign();
        expect((await elect(store)).lost.aborted).toBe(false);
      }),
    );

    test(
      'closing ends the leadership',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const leader = await elect(store);
        await store.close();
        expect(leader.lost.aborted).toBe(true);
      }),
    );

    test(
      'a commit of an earlier term is refused and writes nothing',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const old = await elect(store);
        await old.commit(put('a', 'old'));
        await store.resign();
        expect(await old.send(put('a', 'resigned'))).toMatchObject({ kind: 'deposed' });
        const current = await elect(store);
        await current.commit(put('a', 'new'));
        expect(await old.send(put('a', 'deposed'))).toMatchObject({ kind: 'deposed' });
        // Even with a number that would follow.
        const disguised = new Leader(store, { term: old.term, lost: old.lost });
        await disguised.send();
        expect(await disguised.send(put('a', 'deposed'))).toMatchObject({ kind: 'deposed' });
        expect(contents(await store.load())).toEqual(['a=new']);
        await current.commit(put('b', 'goes on'));
      }),
    );

    test(
      'a candidate whose signal is aborted gives up with its reason',
      inWorld(kind, async (world) => {
        const store = await world.open();
        const reason = new Error('told to stop');
        await expect(store.campaign('one', AbortSignal.abort(reason))).rejects.toBe(reason);
        expect((await elect(store)).lost.aborted).toBe(false);
      }),
    );

    if (kind.candidates === 'many') contestedElections(kind);
  });
}

function contestedElections(kind: StoreKind): void {
  test(
    'one candidate leads; the next is elected when it resigns, and sees all it did',
    inWorld(kind, async (world) => {
      const [a, b] = [await world.open(), await world.open()];
      const first = await elect(a, 'a');
      let elected = false;
      const next = elect(b, 'b').finally(() => {
        elected = true;
      });
      await first.commit(put('by', 'a'));
      expect(await a.verifyTerm(first.term)).toBe(true);
      expect(elected).toBe(false);
      await a.resign();
      const second = await next;
      expect(second.term).toBeGreaterThan(first.term);
      expect(contents(await b.load())).toEqual(['by=a']);
      expect([await b.verifyTerm(second.term), await a.verifyTerm(first.term)]).toEqual([true, false]);
    }),
  );

  test(
    'a leader that closes without resigning is followed by the next candidate',
    inWorld(kind, async (world) => {
      const [a, b] = [await world.open(), await world.open()];
      const first = await elect(a, 'a');
      const next = elect(b, 'b');
      await a.close();
      const second = await next;
      expect(second.term).toBeGreaterThan(first.term);
      await second.commit(put('by', 'b'));
    }),
  );

  test(
    'a candidate that gave up is not elected later',
    inWorld(kind, async (world) => {
      const [a, b, c] = [await world.open(), await world.open(), await world.open()];
      await elect(a, 'a');
      const stop = new AbortController();
      const gone = b.campaign('b', stop.signal);
      stop.abort(new Error('gave up'));
      await expect(gone).rejects.toThrow('gave up');
      const next = elect(c, 'c');
      await a.resign();
      expect(await c.verifyTerm((await next).term)).toBe(true);
    }),
  );

  test(
    'a leader deposed behind its back can write nothing any more, and its successor goes on',
    inWorld(kind, async (world) => {
      const [a, b] = [await world.open(), await world.open()];
      const old = await elect(a, 'a');
      await old.commit(put('x', 'a'));
      await world.depose?.(old.term);
      const current = await elect(b, 'b');
      expect(current.term).toBeGreaterThan(old.term);
      // It may hear of its end while it asks, and gives up before the answer comes.
      expect(await old.send(put('x', 'too late'))).toMatchObject({
        kind: expect.stringMatching(/^(deposed|unknown)$/),
      });
      expect(await old.send(put('x', 'too late'))).toMatchObject({ kind: 'deposed' });
      expect(await a.verifyTerm(old.term)).toBe(false);
      await expect(a.lastCommit(old.term)).rejects.toMatchObject({ reason: 'TERM_OVER' });
      await current.commit(put('y', 'b'));
      expect(contents(await a.load())).toEqual(['x=a', 'y=b']);
    }),
  );
}
