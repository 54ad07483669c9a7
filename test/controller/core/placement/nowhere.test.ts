import { describe, expect, it } from 'vitest';
import { serverId } from '../../../../shared/ids.ts';
import { ids, lines, poolOf } from './explained-pool.ts';
import { capability, required, viewOf } from './pool-model.ts';

describe('why a run goes nowhere', () => {
  const linux = [capability('os', 'linux')];
  const windows = [capability('os', 'windows'), capability('gpu', '')];

  it('names the first three servers of each of three sentences, and of the others how many there are of which kind', () => {
    const full = { maxSlots: 1, usedSlots: 1 };
    const pool = poolOf({ a: full, b: { liveness: 'MISSING' }, c: full, d: full, e: full, f: { intent: 'CORDONED' } });
    expect(pool.nowhere()).toBe(
      'NO_ROOM: no server can take it now: each of a, c, d and 1 more is full (1 of 1 slot used), b is MISSING, f is CORDONED',
    );
    const [more, most] = [
      { maxSlots: 2, usedSlots: 2 },
      { maxSlots: 3, usedSlots: 3 },
    ];
    const many = poolOf({
      a: full,
      b: more,
      c: { liveness: 'MISSING' },
      d: most,
      e: more,
      f: { deleting: true },
      g: most,
    });
    expect(many.nowhere({ list: ids('a b c d e g') })).toBe(
      'NO_ROOM: no server can take it now: a is full (1 of 1 slot used), each of b, e is full (2 of 2 slots used), c is MISSING and 2 more (2 FULL)',
    );
  });

  it('leaves out who could never take it, as long as another one can', () => {
    const pool = poolOf({ a: { capabilities: windows }, b: { capabilities: linux, liveness: 'MISSING' } });
    expect(pool.nowhere({ requirements: required('os = linux') })).toBe(
      'NO_ROOM: no server can take it now: b is MISSING',
    );
  });

  it('does not speak of the server that the run moves away from', () => {
    const move = { exclude: ids('a') };
    const from = { from: serverId('a') };
    expect(poolOf({ a: {}, b: { usedSlots: 50 } }).nowhere(move, from)).toBe(
      'NO_ROOM: no other server can take it now: b is full (50 of 50 slots used)',
    );
    expect(poolOf({ a: {} }).nowhere(move, from)).toBe(
      'UNSATISFIABLE: no other server could ever take it: it may use this one only',
    );
  });

  it('says so where it looks at the front of a list only, and then never that it is for ever', () => {
    const pool = poolOf({ a: {}, b: { maxSlots: 1 }, c: { maxSlots: 2 }, d: { usedSlots: 50 }, e: {} });
    const move = { exclude: ids('a'), slots: 3 };
    const from = { from: serverId('a') };
    const front = 'b has a limit of 1 slot (the run takes 3)';
    const none = 'NO_ROOM: no other server can take it now: ';
    expect(pool.nowhere(move, from, 1)).toBe(`${none}${front}; and so on down the list`);
    expect(pool.nowhere(move, from, 3)).toBe(`${none}d is full (50 of 50 slots used); and so on down the list`);
    const all = poolOf({ a: {}, b: { maxSlots: 1 } });
    expect(all.nowhere(move, from, 1)).toBe(`UNSATISFIABLE: no other server could ever take it: ${front}`);
  });

  it('says of no server that it could never take a run which it could take by now', () => {
    const pool = poolOf({ a: { maxSlots: 1 }, b: {} });
    expect(pool.nowhere({ slots: 2 })).toBe('NO_ROOM: no server can take it now: b has room only since a moment ago');
  });

  it('does not wait for the Hello of a listed server that is in another pool', () => {
    const pool = poolOf({ a: {} });
    pool.set(serverId('b'), viewOf({}));
    expect(lines(pool.explain({ list: ids('b x a') }))).toEqual([
      'b 1 no NOT_REGISTERED: is not registered in the pool; it is in another pool, and a policy goes to servers of its own pool only',
      'x 2 no NOT_REGISTERED: is not registered in the pool; an agent of that name has to say Hello',
      'a 3 yes CHOSEN: 0 of 50 slots used, 50 free; RANK 3',
    ]);
  });

  it('is for ever only where no server could take it, whoever is there, free, avoided or kept now', () => {
    const pool = poolOf({ a: { liveness: 'MISSING', usedSlots: 50 }, b: { intent: 'CORDONED' } });
    expect(pool.never({ slots: 50, skip: ids('a'), exclude: ids('b'), claimed: ids('a') })).toBeUndefined();
    const few = poolOf({
      a: { capabilities: linux, maxSlots: 80 },
      b: { capabilities: windows },
      c: { deleting: true },
    });
    const none = 'no registered server could ever take it: ';
    expect(poolOf({}).never()).toBe(`${none}the pool has none`);
    expect(poolOf({ a: { deleting: true } }).never()).toBe(`${none}a is being deleted`);
    expect(few.never({ list: ids('x c') })).toBe(`${none}x is not registered in the pool, c is being deleted`);
    expect(few.never({ list: ids('a'), requirements: required('gpu') })).toBe(
      `${none}a does not meet gpu (has no gpu)`,
    );
    expect(few.never({ slots: 81, list: ids('b a') })).toBe(
      `${none}b has a limit of 50 slots (the run takes 81), a has a limit of 80 slots (the run takes 81)`,
    );
    expect(few.never({ slots: 80 })).toBeUndefined();
    expect(few.never({ slots: 80, list: ids('b'), mode: 'PREFER' })).toBeUndefined();
  });
});
