import { describe, expect, it } from 'vitest';
import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import type { PlacementQuery } from '../../../../controller/core/indexes/placement-query.ts';
import { serverId } from '../../../../shared/ids.ts';
import { capability, queryOf, required } from './pool-model.ts';

const LINUX = [capability('os', 'linux')];
const WINDOWS = [capability('os', 'windows')];
const id = (rank: number) => serverId(`s${rank}`);

/** A pool in which nothing before the last server suits: it is full, or, where `idleOthers`, of the wrong system. */
function crowdedPool(size: number, idleOthers: boolean): PlacementIndex {
  const index = new PlacementIndex();
  index.setOrder(Array.from({ length: size }, (_, rank) => id(rank)));
  for (let rank = 0; rank < size; rank++) {
    const other = idleOthers && rank % 2 === 0;
    index.setServer(id(rank), { available: true, freeSlots: other ? 9 : 0, capabilities: other ? WINDOWS : LINUX });
  }
  index.setServer(id(size - 1), { available: true, freeSlots: 1_000, capabilities: LINUX });
  return index;
}

/** Words read per decision while runs come to the last server, and elsewhere servers fill up and free slots. */
function wordsPerDecision(size: number, idleOthers: boolean, query: PlacementQuery): number {
  const index = crowdedPool(size, idleOthers);
  expect(index.choose(query)).toBe(id(size - 1));
  const before = index.cost.words;
  const decisions = 200;
  for (let i = 0; i < decisions; i++) {
    if (idleOthers) {
      // A server of the wrong system in front fills up, and has room again.
      const other = id(2 * (i % (size / 2 - 1)));
      index.setServer(other, { available: true, freeSlots: 0, capabilities: WINDOWS });
      index.setServer(other, { available: true, freeSlots: 9, capabilities: WINDOWS });
    }
    expect(index.choose(query)).toBe(id(size - 1));
    index.setServer(id(size - 1), { available: true, freeSlots: 1_000 - i, capabilities: LINUX });
  }
  return (index.cost.words - before) / decisions;
}

describe('the cost of a placement', () => {
  it.each([
    ['the servers in front are full', false, queryOf()],
    ['the servers in front that qualify are full', false, queryOf({ requirements: required('os = linux') })],
    [
      'every second server in front is idle but of the wrong system',
      true,
      queryOf({ requirements: required('os = linux') }),
    ],
    ['a server is skipped', false, queryOf({ skip: [id(3)], exclude: [id(4)], claimed: [id(5)] })],
    ["the policy's own servers are full", false, queryOf({ list: [id(1), id(2)], mode: 'PREFER' })],
  ])('grows by at most half from 100 to 10,000 and 100,000 servers when %s', (_, idleOthers, query) => {
    const [small, large, huge] = [100, 10_000, 100_000].map((size) => wordsPerDecision(size, idleOthers, query));
    expect(small).toBeGreaterThan(0);
    expect(large).toBeLessThanOrEqual(1.5 * (small ?? 0));
    expect(huge).toBeLessThanOrEqual(1.5 * (small ?? 0));
  });

  it('is a few words for the first decision of its kind too, when the servers in front are full', () => {
    const words = [100, 10_000].map((size) => {
      const index = crowdedPool(size, false);
      index.choose(queryOf());
      return index.cost.words;
    });
    expect(words).toEqual([3, 3]);
  });

  it('is next to nothing when the whole pool is full', () => {
    const index = crowdedPool(10_000, false);
    index.setServer(id(9_999), { available: true, freeSlots: 0, capabilities: LINUX });
    for (let i = 0; i < 1_000; i++) expect(index.choose(queryOf())).toBeUndefined();
    expect(index.cost.words).toBeLessThan(1_010);
  });
});
