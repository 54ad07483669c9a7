import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { policyId } from '../../../shared/ids.ts';
import { createPolicy, leaderTermWorld } from '../leader-term-world.ts';

const POLICIES = 5_000;

describe('a copy of the whole state', () => {
  it('leaves turns to everybody else, and is of one moment although changes go on', async () => {
    const { leaderTerm, store } = await leaderTermWorld();
    await Promise.all(Array.from({ length: POLICIES }, (_, i) => leaderTerm.call(createPolicy(`p-${i}`))));
    let turns = 0;
    let isDone = false;
    const copying = leaderTerm.copy().finally(() => {
      isDone = true;
    });
    const remove = (id: string) =>
      leaderTerm.call({ ...createPolicy(id), request: { kind: 'delete_policy', policy: policyId(id), etag: '' } });
    // The last one is gone before it is reached, the first one after, and new ones come.
    await Promise.all([remove(`p-${POLICIES - 1}`), remove('p-0'), leaderTerm.call(createPolicy('late'))]);
    expect(isDone, 'the changes came while it was made').toBe(false);
    while (!isDone) {
      turns += 1;
      await turn();
    }
    const { records } = await copying;
    expect(turns).toBeGreaterThan(POLICIES / 500);
    const stored = (await store.load()).records;
    expect([...records.keys()].sort()).toEqual(stored.map(({ key }) => key).sort());
    for (const { key, value } of stored)
      expect(Buffer.compare(records.get(key) ?? new Uint8Array(), value), key).toBe(0);
  }, 60_000);
});
