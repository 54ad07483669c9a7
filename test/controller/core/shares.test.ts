import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shares } from '../../../controller/core/shares.ts';

const ownersOf = (shares: Shares<string>): string =>
  ['a', 'b', 'c'].map((owner) => `${owner}:${shares.of(owner).join('')}`).join(' ');

function filled(limits: { total: number; each: number }, ...adds: readonly string[]): Shares<string> {
  const shares = new Shares<string>(limits);
  for (const [index, owner] of adds.entries()) shares.add(owner, String(index));
  return shares;
}

describe('shared room', () => {
  it('lets one who is alone have all of it', () => {
    expect(ownersOf(filled({ total: 4, each: 1 }, ...'aaaa'))).toBe('a:0123 b: c:');
  });

  it('makes who has most give up its oldest, so that the others lose nothing', () => {
    const shares = filled({ total: 4, each: 1 }, ...'bca');
    for (const item of ['x', 'y', 'z']) shares.add('a', item);
    expect(ownersOf(shares)).toBe('a:yz b:0 c:1');
  });

  it('grows past its size rather than take from anybody what is everybody’s own', () => {
    expect(ownersOf(filled({ total: 2, each: 2 }, ...'aabbcca'))).toBe('a:16 b:23 c:45');
  });

  it('holds an owner to a limit of its own, and answers what went', () => {
    const shares = filled({ total: 9, each: 1 }, ...'ab');
    expect(shares.add('a', 'x', 1)).toEqual([{ owner: 'a', item: '0' }]);
    expect(ownersOf(shares)).toBe('a:x b:1 c:');
  });

  it('gives what one has to another, and takes away what is over', () => {
    const shares = filled({ total: 9, each: 1 }, ...'aab');
    shares.handOver('a', 'c');
    expect(shares.dropWhere('c', (item) => item === '0')).toEqual(['0']);
    expect(ownersOf(shares)).toBe('a: b:2 c:1');
    expect([...shares]).toHaveLength(shares.size);
  });

  it('never takes from one who has less than another, whatever happens (property)', () => {
    const owner = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), owner }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('hand over' as const), owner, to: owner }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), owner }) },
    );
    const limits = fc.record({ total: fc.integer({ min: 1, max: 12 }), each: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 80 }), (limit, steps) => {
        const shares = new Shares<number>(limit);
        const model = new Map<string, number[]>();
        for (const [number, action] of steps.entries()) {
          const items = model.get(action.owner) ?? [];
          model.set(action.owner, items);
          if (action.kind === 'add') {
            items.push(number);
            for (const { owner: from, item } of shares.add(action.owner, number)) {
              const sizes = [...model.values()].map(({ length }) => length);
              const given = model.get(from) ?? [];
              expect(given.length).toBe(Math.max(...sizes));
              expect(given.length).toBeGreaterThan(limit.each);
              expect(given.shift()).toBe(item);
            }
          } else if (action.kind === 'hand over' && action.to !== action.owner) {
            shares.handOver(action.owner, action.to);
            model.set(action.to, [...(model.get(action.to) ?? []), ...items]);
            model.set(action.owner, []);
          } else if (action.kind === 'drop') {
            expect(shares.dropWhere(action.owner, (item) => item % 2 === 0)).toEqual(
              items.filter((item) => item % 2 === 0),
            );
            model.set(
              action.owner,
              items.filter((item) => item % 2 !== 0),
            );
          }
          for (const [name, left] of model) expect(shares.of(name)).toEqual(left);
          expect(shares.size).toBe([...model.values()].flat().length);
          const largest = Math.max(...[...model.values()].map(({ length }) => length));
          if (action.kind === 'add') expect(shares.size <= limit.total || largest <= limit.each).toBe(true);
        }
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});
