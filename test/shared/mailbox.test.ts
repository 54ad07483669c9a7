import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mailbox } from '../../shared/mailbox.ts';

describe('a mailbox', () => {
  it('gives items back in their order, in portions', () => {
    const mailbox = new Mailbox<number>(100);
    for (let i = 0; i < 50; i += 1) mailbox.push(i);
    expect(mailbox.drain(3)).toEqual([0, 1, 2]);
    expect(mailbox.shift()).toBe(3);
    expect(mailbox.drain(1_000)).toHaveLength(46);
    expect([mailbox.shift(), mailbox.drain(10), mailbox.size]).toEqual([undefined, [], 0]);
  });

  it('says no when it is full, and counts it', () => {
    const mailbox = new Mailbox<string>(2);
    expect(['a', 'b', 'c', 'd'].map((item) => mailbox.push(item))).toEqual([true, true, false, false]);
    expect([mailbox.size, mailbox.refused, mailbox.drain(5)]).toEqual([2, 2, ['a', 'b']]);
    expect(mailbox.push('e')).toBe(true);
  });

  it('forgets everything when told to', () => {
    const mailbox = new Mailbox<number>(5);
    for (const item of [1, 2, 3]) mailbox.push(item);
    expect([mailbox.clear(), mailbox.size, mailbox.shift()]).toEqual([3, 0, undefined]);
    mailbox.push(4);
    expect(mailbox.drain(5)).toEqual([4]);
  });

  it('needs room for one item', () => {
    expect(() => new Mailbox(0)).toThrow('at least one');
  });

  it('has a bound in bytes, and takes an item that is larger than that when it is alone', () => {
    const mailbox = new Mailbox<number>(10, { limitBytes: 100, sizeOf: (bytes) => bytes });
    expect([60, 50, 40, 1, 0].map((item) => mailbox.push(item))).toEqual([true, false, true, false, true]);
    expect([mailbox.isHalfEmpty, mailbox.shift(), mailbox.isHalfEmpty]).toEqual([false, 60, true]);
    mailbox.clear();
    expect([mailbox.push(1_000), mailbox.push(0), mailbox.shift(), mailbox.push(100)]).toEqual([
      true,
      false,
      1_000,
      true,
    ]);
  });

  it('behaves as a plain list would', () => {
    const step = fc.oneof(fc.constant('push' as const), fc.nat(5));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 300 }), (capacity, steps) => {
        const sizeOf = (item: number): number => item % 7;
        const mailbox = new Mailbox<number>(capacity, { limitBytes: 60, sizeOf });
        const list: number[] = [];
        const bytes = (): number => list.reduce((sum, item) => sum + sizeOf(item), 0);
        const hasRoom = (item: number): boolean =>
          list.length < capacity && (list.length === 0 || bytes() + sizeOf(item) <= 60);
        const pushed = (item: number): boolean => hasRoom(item) && list.push(item) > 0;
        for (const [i, what] of steps.entries()) {
          const [is, shouldBe] =
            what === 'push' ? [mailbox.push(i), pushed(i)] : [mailbox.drain(what), list.splice(0, what)];
          expect(is).toEqual(shouldBe);
          expect(mailbox.size).toBe(list.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});
