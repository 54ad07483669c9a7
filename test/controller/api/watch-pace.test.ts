import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiContext } from '../../../controller/api/api-context.ts';
import { type Collection, watchResources } from '../../../controller/api/watch-resources.ts';
import { WatchHub } from '../../../controller/engine/watch-hub.ts';

const RESOURCES = 1_000;

/** A watch of so many resources, and how many of them were looked up. */
function watch() {
  let lookedUp = 0;
  const hub = new WatchHub({ revision: 1, incarnation: 1 });
  const leaderTerm = { hub, read: async (look: (state: never, now: never) => unknown) => look(0 as never, 0 as never) };
  const api = { leaderTerm: () => leaderTerm, streams: { counted: <T>(items: T) => items } } as unknown as ApiContext;
  const collection: Collection<{ readonly name: string }> = {
    folder: 'policies',
    seesAll: () => true,
    list: () => Array.from({ length: RESOURCES }, (_, i) => `p-${i}`),
    project: (_state, _now, id) => {
      lookedUp += 1;
      return { name: `policies/${id}` };
    },
  };
  return { items: watchResources(api, 0n, new AbortController().signal, collection), lookedUp: () => lookedUp };
}

// Time passes only where a test lets it: on a busy machine a client that reads would look like one that does not.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

describe('a watch', () => {
  it('looks up one resource for a client that lets it wait, and more at a time for one that reads', async () => {
    const { items, lookedUp } = watch();
    await items.next();
    expect(lookedUp()).toBe(1);
    for (let i = 1; i < 15; i += 1) await items.next();
    expect(lookedUp()).toBe(15);
    await items.next();
    expect(lookedUp()).toBe(31);
    // Longer than any client takes that reads.
    vi.advanceTimersByTime(150);
    for (let i = 16; i < 32; i += 1) await items.next();
    expect(lookedUp()).toBe(32);
  });

  it('sends everything, however slowly it is read', async () => {
    const { items } = watch();
    const names = new Set<string>();
    for await (const { value, snapshotEnd } of items) {
      if (value !== undefined) names.add(value.name);
      if (names.size % 400 === 7) vi.advanceTimersByTime(110);
      if (snapshotEnd) break;
    }
    expect(names.size).toBe(RESOURCES);
  });
});
