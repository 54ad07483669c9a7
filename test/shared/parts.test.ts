import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutToBytes, inParts } from '../../shared/parts.ts';

const own = (bytes: number): number => bytes;
const lists = fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 50 });
const sum = (items: readonly number[]): number => items.reduce((total, item) => total + item, 0);

describe('a list in parts', () => {
  it('is the whole list, in its order, no part larger than its limit unless it is one item', () => {
    fc.assert(
      fc.property(lists, (items) => {
        const parts = inParts(items, own, 100);
        expect(parts.flat()).toEqual(items);
        for (const part of parts) expect(part.length <= 1 || sum(part) <= 100).toBe(true);
      }),
    );
  });

  it('has one part that is empty when it is empty, for somebody waits for it', () => {
    expect(inParts([], own, 100)).toEqual([[]]);
  });
});

describe('a list that is cut', () => {
  it('keeps what has room, one item at least, and counts the rest', () => {
    fc.assert(
      fc.property(lists, (items) => {
        const { kept, omitted } = cutToBytes(items, own, 100);
        expect(kept).toEqual(items.slice(0, items.length - omitted));
        expect(kept.length <= 1 || sum(kept) <= 100).toBe(true);
        expect(omitted === 0 || sum(items.slice(0, kept.length + 1)) > 100).toBe(true);
      }),
    );
  });
});
