import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shares, type SharesLimits } from '../../../../controller/core/indexes/shares.ts';

const ownersOf = (shares: Shares<string>): string =>
  ['a', 'b', 'c'].map((owner) => `${owner}:${shares.of(owner).join('')}`).join(' ');

function filled(limits: { total: number; each: number }, adds: string): Shares<string> {
  const shares = new Shares<string>(limits);
  for (const [index, owner] of Array.from(adds).entries()) shares.add(owner, String(index));
  return shares;
}

describe('shared room', () => {
  it('lets one who is alone have all of it', () => {
    expect(ownersOf(filled({ total: 4, each: 1 }, 'aaaa'))).toBe('a:0123 b: c:');
  });

  it('makes who has most give up its oldest, so that the others lose nothing', () => {
    const shares = filled({ total: 4, each: 1 }, 'bca');
    for (const item of ['x', 'y', 'z']) shares.add('a', item);
    expect(ownersOf(shares)).toBe('a:yz b:0 c:1');
  });

  it('grows past its size rather than take from anybody what is everybody’s own', () => {
    expect(ownersOf(filled({ total: 2, each: 2 }, 'aabbcca'))).toBe('a:16 b:23 c:45');
  });

  it('holds an owner to a limit of its own, and answers what went', () => {
    const shares = filled({ total: 9, each: 1 }, 'ab');
    expect(shares.add('a', 'x', 1)).toEqual([{ owner: 'a', item: '0' }]);
    expect(ownersOf(shares)).toBe('a:x b:1 c:');
  });

  it('gives what one has to another, and takes away what is over', () => {
    const shares = filled({ total: 9, each: 1 }, 'aab');
    shares.handOver('a', 'c');
    expect(shares.dropWhere('c', (item) => item === '0')).toEqual(['0']);
    expect(ownersOf(shares)).toBe('a: b:2 c:1');
    expect([...shares]).toHaveLength(shares.size);
  });

  it('never takes from one who has less than another, whatever happens (property)', () => {
    fc.assert(
      fc.property(limits, fc.array(steps, { maxLength: 80 }), (limit, taken) => {
        const shares = new Shares<number>(limit);
        const model = new Map<string, readonly number[]>(OWNERS.map((owner) => [owner, []]));
        const complaints: string[] = [];
        for (const [number, step] of taken.entries()) {
          if (step.kind === 'add') complaints.push(...add(shares, model, step.owner, number, limit));
          if (step.kind === 'hand over') handOver(shares, model, step.owner, step.to);
          if (step.kind === 'drop') complaints.push(...dropEven(shares, model, step.owner));
          for (const [owner, left] of model) {
            if (shares.of(owner).join() !== left.join()) complaints.push(`${owner} has ${shares.of(owner).join()}`);
          }
        }
        expect(complaints).toEqual([]);
        expect(shares.size).toBe([...model.values()].flat().length);
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});

const OWNERS = ['a', 'b', 'c', 'd', 'e'] as const;
const anOwner = fc.constantFrom(...OWNERS);
const steps = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), owner: anOwner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hand over' as const), owner: anOwner, to: anOwner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), owner: anOwner }) },
);
const limits = fc.record({ total: fc.integer({ min: 1, max: 12 }), each: fc.integer({ min: 1, max: 3 }) });

type Model = Map<string, readonly number[]>;
const sizesOf = (model: Model): number[] => [...model.values()].map(({ length }) => length);

function add(shares: Shares<number>, model: Model, owner: string, item: number, limit: SharesLimits): string[] {
  const complaints: string[] = [];
  model.set(owner, [...(model.get(owner) ?? []), item]);
  for (const dropped of shares.add(owner, item)) {
    const [oldest, ...rest] = model.get(dropped.owner) ?? [];
    if (rest.length + 1 < Math.max(...sizesOf(model))) complaints.push(`${dropped.owner} had less than another`);
    if (rest.length + 1 <= limit.each) complaints.push(`${dropped.owner} lost of its own`);
    if (oldest !== dropped.item) complaints.push(`${dropped.owner} lost ${dropped.item}, not its oldest`);
    model.set(dropped.owner, rest);
  }
  if (shares.size > limit.total && Math.max(...sizesOf(model)) > limit.each) complaints.push('there is too much');
  return complaints;
}

function handOver(shares: Shares<number>, model: Model, from: string, to: string): void {
  shares.handOver(from, to);
  if (from === to) return;
  model.set(to, [...(model.get(to) ?? []), ...(model.get(from) ?? [])]);
  model.set(from, []);
}

function dropEven(shares: Shares<number>, model: Model, owner: string): string[] {
  const items = model.get(owner) ?? [];
  const dropped = shares.dropWhere(owner, (item) => item % 2 === 0);
  model.set(
    owner,
    items.filter((item) => item % 2 !== 0),
  );
  return dropped.join() === items.filter((item) => item % 2 === 0).join() ? [] : [`dropped ${dropped.join()}`];
}
