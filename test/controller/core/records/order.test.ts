import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  demote,
  makePrimary,
  moveServer,
  type OrderTarget,
  promote,
  replaceOrder,
} from '../../../../controller/core/records/order.ts';
import { present } from '../../../../shared/assert.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { propertyRuns } from '../property.ts';

const ids = (text: string): readonly ServerId[] => text.split('').map(serverId);
const id = serverId;
const ABCDE = ids('abcde');
const ordered = (text: string) => ({ kind: 'ok', order: ids(text) });
const refused = (reason: string, detail: string) => ({ kind: 'error', reason, detail });

/** Where a server must stand after it was moved, for a rank from 1 to the size or beside another server. */
function isAt(order: readonly ServerId[], server: ServerId, to: OrderTarget): boolean {
  const at = order.indexOf(server);
  if ('rank' in to) return at + 1 === Math.min(Math.max(to.rank, 1), order.length);
  return 'before' in to ? order[at + 1] === to.before : order[at - 1] === to.after;
}

describe('replacing an order', () => {
  it('takes any sequence that names each server once', () => {
    expect(replaceOrder(ABCDE, ids('edabc'))).toEqual(ordered('edabc'));
  });

  it('refuses a server named twice, one of another pool, and one left out', () => {
    expect(replaceOrder(ABCDE, ids('abcdea'))).toEqual(
      refused('ORDER_DUPLICATE', 'The order names server a more than once.'),
    );
    expect(replaceOrder(ABCDE, ids('abcdx'))).toEqual(refused('ORDER_UNKNOWN_SERVER', 'Server x is not in this pool.'));
    expect(replaceOrder(ABCDE, ids('adb'))).toEqual(
      refused('ORDER_INCOMPLETE', 'The order must name every server of the pool; it misses c, e.'),
    );
    expect(replaceOrder(ids('abcdefgh'), [])).toEqual(
      refused('ORDER_INCOMPLETE', 'The order must name every server of the pool; it misses a, b, c, d, e and 3 more.'),
    );
  });

  it('answers with the very same order when nothing changes', () => {
    expect(replaceOrder(ABCDE, ids('abcde'))).toEqual({ kind: 'ok', order: ABCDE });
    const result = replaceOrder(ABCDE, ids('abcde'));
    expect(result.kind === 'ok' && result.order === ABCDE).toBe(true);
  });
});

describe('moving one server', () => {
  it('puts it at a rank, counted from 1 after the move', () => {
    expect(moveServer(ABCDE, id('d'), { rank: 2 })).toEqual(ordered('adbce'));
    expect(moveServer(ABCDE, id('a'), { rank: 3 })).toEqual(ordered('bcade'));
  });

  it('reads a rank outside the list as the nearest one inside', () => {
    expect(moveServer(ABCDE, id('b'), { rank: 99 })).toEqual(ordered('acdeb'));
    expect(moveServer(ABCDE, id('b'), { rank: -3 })).toEqual(ordered('bacde'));
  });

  it('puts it before or after another', () => {
    expect(moveServer(ABCDE, id('a'), { before: id('e') })).toEqual(ordered('bcdae'));
    expect(moveServer(ABCDE, id('a'), { after: id('e') })).toEqual(ordered('bcdea'));
    expect(moveServer(ABCDE, id('e'), { after: id('a') })).toEqual(ordered('aebcd'));
  });

  it('refuses a server beside itself, and servers of another pool', () => {
    expect(moveServer(ABCDE, id('c'), { before: id('c') })).toEqual(
      refused('ORDER_CYCLE', "Server c can't be placed before itself."),
    );
    expect(moveServer(ABCDE, id('c'), { after: id('c') })).toEqual(
      refused('ORDER_CYCLE', "Server c can't be placed after itself."),
    );
    expect(moveServer(ABCDE, id('x'), { rank: 1 })).toMatchObject({ reason: 'ORDER_UNKNOWN_SERVER' });
    expect(moveServer(ABCDE, id('c'), { after: id('x') })).toMatchObject({ reason: 'ORDER_UNKNOWN_SERVER' });
  });

  it('promotes and demotes by one rank, and leaves the ends where they are', () => {
    expect(promote(ABCDE, id('c'))).toEqual(ordered('acbde'));
    expect(promote(ABCDE, id('a'))).toEqual(ordered('abcde'));
    expect(demote(ABCDE, id('c'))).toEqual(ordered('abdce'));
    expect(demote(ABCDE, id('e'))).toEqual(ordered('abcde'));
    expect(promote(ABCDE, id('x'))).toMatchObject({ reason: 'ORDER_UNKNOWN_SERVER' });
    expect(demote(ABCDE, id('x'))).toMatchObject({ reason: 'ORDER_UNKNOWN_SERVER' });
  });

  it('makes a server primary and keeps the others in order', () => {
    expect(makePrimary(ABCDE, id('d'))).toEqual(ordered('dabce'));
  });

  it('never loses, adds or reorders the other servers', () => {
    const pool = fc.integer({ min: 1, max: 12 }).map((count) => Array.from({ length: count }, (_, i) => id(`s${i}`)));
    const kind = fc.constantFrom('rank', 'before', 'after');
    const property = fc.property(
      pool,
      fc.nat(11),
      kind,
      fc.integer({ min: -2, max: 15 }),
      (current, moved, how, to) => {
        const server = present(current[moved % current.length], 'a member');
        const anchor = present(current[Math.abs(to) % current.length], 'a member');
        const where = how === 'rank' ? { rank: to } : how === 'before' ? { before: anchor } : { after: anchor };
        const result = moveServer(current, server, where);
        expect(result.kind).toBe(how !== 'rank' && anchor === server ? 'error' : 'ok');
        const order = result.kind === 'ok' ? result.order : current;
        const without = (all: readonly ServerId[]) => all.filter((one) => one !== server);
        expect(without(order)).toEqual(without(current));
        expect(order).toHaveLength(current.length);
        expect(result.kind === 'error' || isAt(order, server, where)).toBe(true);
        expect(replaceOrder(current, order).kind).toBe('ok');
      },
    );
    fc.assert(property, propertyRuns());
  });
});
