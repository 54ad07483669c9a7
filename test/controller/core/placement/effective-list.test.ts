import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import { EffectiveList, policyList } from '../../../../controller/core/placement/effective-list.ts';
import type { ListMode } from '../../../../controller/core/records/state.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { propertyRuns } from '../property.ts';
import { queryOf } from './pool-model.ts';

const ids = (text: string): readonly ServerId[] => text.split(' ').map(serverId);

/** A pool in this order, in which every server has room. */
function poolOf(order: readonly ServerId[]): PlacementIndex {
  const index = new PlacementIndex();
  index.setOrder(order);
  for (const id of order) index.setServer(id, { available: true, freeSlots: 1, capabilities: [] });
  return index;
}

const listOf = (servers: readonly ServerId[], listMode: ListMode, order: readonly ServerId[]): EffectiveList =>
  new EffectiveList(policyList({ servers, listMode }), poolOf(order));

/** What an index chooses from, best first: each time what it took before must not be taken. */
function chosenInTurn(index: PlacementIndex, servers: readonly ServerId[], mode: ListMode): readonly ServerId[] {
  const taken: ServerId[] = [];
  for (;;) {
    const next = index.choose(queryOf({ list: servers, mode, exclude: taken }));
    if (next === undefined) return taken;
    taken.push(next);
  }
}

describe('the effective list', () => {
  it("is the pool's order where the policy has no list, whatever its mode", () => {
    for (const mode of ['ONLY', 'PREFER'] as const) expect([...listOf([], mode, ids('b a c'))]).toEqual(ids('b a c'));
  });

  it("is the policy's own list with ONLY, and goes on with the rest of the pool with PREFER", () => {
    expect([...listOf(ids('c a'), 'ONLY', ids('a b c d'))]).toEqual(ids('c a'));
    expect([...listOf(ids('c a'), 'PREFER', ids('a b c d'))]).toEqual(ids('c a b d'));
  });

  it('counts places as they are written: a name that is not registered takes one, and is no server that may be used', () => {
    const list = listOf(ids('stranger c'), 'PREFER', ids('a b c'));
    expect([...list.named()]).toEqual(ids('stranger c a b'));
    expect(ids('stranger c a b nobody').map((id) => [list.rankOf(id), list.has(id)])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, true],
      [0, false],
    ]);
    expect([...list]).toEqual(ids('c a b'));
    expect([listOf(ids('c'), 'ONLY', ids('a c')).rankOf(serverId('a'))]).toEqual([0]);
  });

  it('is what the index chooses from, in the same order, whatever the pool and the list', () => {
    const few = Array.from({ length: 40 }, (_, n) => serverId(`s${n}`));
    const property = fc.property(
      fc.shuffledSubarray(few),
      fc.shuffledSubarray(few, { maxLength: 9 }),
      fc.constantFrom<ListMode>('ONLY', 'PREFER'),
      (order, servers, mode) => {
        const list = listOf(servers, mode, order);
        expect(chosenInTurn(poolOf(order), servers, mode)).toEqual([...list]);
        expect([...list.named()].map((id) => list.rankOf(id))).toEqual([...list.named()].map((_, n) => n + 1));
        expect(few.filter((id) => list.has(id))).toEqual(few.filter((id) => [...list].includes(id)));
      },
    );
    fc.assert(property, propertyRuns());
  });
});
