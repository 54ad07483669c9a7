/** Random command sequences, compared with a model that is a map and two counters. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store, Write } from '../../controller/store/store.ts';
import { batchOf, contents, inWorld, never, put, remove, type StoreKind, type StoreWorld } from './store-world.ts';

type Command =
  | { readonly kind: 'campaign' }
  | { readonly kind: 'resign' }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'load' }
  /** Sent together, without waiting for each other. */
  | { readonly kind: 'commit'; readonly batches: readonly (readonly Write[])[] }
  /** A commit that must be refused: an earlier term, or a number that does not follow. */
  | { readonly kind: 'intrude'; readonly termOffset: number; readonly numberOffset: number };

const key = fc.constantFrom('a', 'b', 'c/1', 'c/2', 'd');
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(key, fc.string({ maxLength: 6 })).map(([k, value]) => put(k, value)),
  key.map(remove),
);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: 'campaign' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resign' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'load' } as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      batches: fc.array(fc.array(write, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        kind: fc.constant('intrude' as const),
        termOffset: fc.integer({ min: -1, max: 1 }),
        numberOffset: fc.integer({ min: -1, max: 2 }),
      })
      .filter(({ termOffset, numberOffset }) => termOffset !== 0 || numberOffset !== 0),
  },
);

interface Model {
  readonly records: Map<string, string>;
  term: number;
  leading: boolean;
  number: number;
}

async function play(world: StoreWorld, commands: readonly Command[]): Promise<void> {
  const model: Model = { records: new Map(), term: 0, leading: false, number: 0 };
  let store = await world.open();
  for (const next of commands) {
    if (next.kind === 'reopen') {
      await store.close();
      store = await world.open();
      model.leading = false;
    } else {
      await perform(store, model, next);
    }
  }
  await compare(store, model);
}

async function perform(store: Store, model: Model, next: Exclude<Command, { kind: 'reopen' }>): Promise<void> {
  switch (next.kind) {
    case 'campaign': {
      if (model.leading) return;
      const { term } = await store.campaign('model', never);
      expect(term).toBeGreaterThan(model.term);
      Object.assign(model, { term, leading: true, number: 0 });
      return;
    }
    case 'resign':
      await store.resign();
      model.leading = false;
      return;
    case 'load':
      await compare(store, model);
      return;
    case 'commit':
      await commitAll(store, model, next.batches);
      return;
    case 'intrude': {
      const [term, number] = [model.term + next.termOffset, model.number + 1 + next.numberOffset];
      if (term < 1 || number < 1) return;
      const outcome = await store.commit(batchOf(term, number, [put('a', 'intruder')]));
      expect(outcome.kind).toBe('deposed');
      return;
    }
    default:
      next satisfies never;
  }
}

async function commitAll(store: Store, model: Model, batches: readonly (readonly Write[])[]): Promise<void> {
  if (model.term === 0) return;
  const sent = batches.map((writes, i) => store.commit(batchOf(model.term, model.number + 1 + i, writes)));
  const kinds = (await Promise.all(sent)).map((outcome) => outcome.kind);
  expect(kinds).toEqual(batches.map(() => (model.leading ? 'committed' : 'deposed')));
  if (!model.leading) return;
  model.number += batches.length;
  for (const w of batches.flat()) {
    if (w.kind === 'put') model.records.set(w.key, new TextDecoder().decode(w.value));
    else model.records.delete(w.key);
  }
}

async function compare(store: Store, model: Model): Promise<void> {
  const expected = [...model.records].map(([k, value]) => `${k}=${value}`);
  expect(contents(await store.load()).sort()).toEqual(expected.sort());
  if (model.term === 0) return;
  expect(await store.verifyTerm(model.term)).toBe(model.leading);
  if (model.leading) expect(await store.lastCommit(model.term)).toBe(model.number);
}

export function modelPromises(kind: StoreKind): void {
  describe('compared with a model', () => {
    test(
      'any sequence of commands ends as the model does',
      inWorld(kind, async () => {
        const property = fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
          const world = await kind.createWorld();
          try {
            await play(world, commands);
          } finally {
            await world.dispose();
          }
        });
        await fc.assert(property, { numRuns: kind.modelRuns });
      }),
      60_000,
    );
  });
}
