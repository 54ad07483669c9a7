import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonBits, firstCommonWord, lowestBit, RankSet } from '../../../../controller/core/indexes/rank-set.ts';
import { propertyRuns } from '../property.ts';

/** Past 65,536 there is a third word of the upper summary. */
const MAX_RANK = 70_000;

function first(sets: readonly RankSet[], from: number): number {
  return firstCommonWord(sets, from, { words: 0 });
}

describe('a set of ranks', () => {
  it('finds the first word that all sets share, near and far', () => {
    const [a, b] = [new RankSet(MAX_RANK), new RankSet(MAX_RANK)];
    for (const rank of [0, 31, 32, 1_023, 1_024, 32_768, 69_999]) a.add(rank);
    for (const rank of [1, 33, 1_025, 69_999]) b.add(rank);
    expect(first([a], 0)).toBe(0);
    expect(first([a], 2)).toBe(31);
    expect(first([a, b], 0)).toBe(2_187);
    expect(lowestBit(commonBits([a, b], 2_187))).toBe(69_999 % 32);
    b.add(1_024);
    expect(first([a, b], 0)).toBe(32);
    expect(first([a, b], 33)).toBe(2_187);
    expect(first([a, b], 2_188)).toBe(-1);
  });

  it('passes an empty stretch in a few steps, however long', () => {
    const words = [100, 10_000, 30_000].map((size) => {
      const set = new RankSet(size);
      set.add(size - 1);
      const cost = { words: 0 };
      expect(firstCommonWord([set], 0, cost)).toBe((size - 1) >>> 5);
      return cost.words;
    });
    expect(words).toEqual([3, 3, 3]);
  });

  it('agrees with plain sets of numbers, through growth and removal', () => {
    const rank = fc.oneof(
      fc.nat(100),
      fc.nat(MAX_RANK - 1),
      fc.nat(70).map((n) => n * 1_000),
    );
    const change = fc.record({ rank, added: fc.boolean(), other: fc.boolean() });
    const property = fc.property(fc.array(change, { maxLength: 60 }), fc.nat(2_300), (changes, from) => {
      const sets = [new RankSet(10), new RankSet(MAX_RANK)] as const;
      const naive = [new Set<number>(), new Set<number>()] as const;
      for (const { rank: at, added, other } of changes) {
        const which = other ? 1 : 0;
        sets[which].grow(at + 1);
        if (added) {
          sets[which].add(at);
          naive[which].add(at);
        } else {
          sets[which].delete(at);
          naive[which].delete(at);
        }
      }
      for (const { rank: at } of changes) expect(sets[0].has(at)).toBe(naive[0].has(at));
      // Ranks in common make a common word; a word can also be shared by chance of its summaries, which is no answer.
      const common = [...naive[0]].filter((at) => naive[1].has(at)).map((at) => at >>> 5);
      const later = common.filter((word) => word >= from);
      expect(first(sets, from)).toBe(later.length === 0 ? -1 : Math.min(...later));
    });
    fc.assert(property, propertyRuns());
  });
});
