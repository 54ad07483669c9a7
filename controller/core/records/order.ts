import type { ServerId } from '../../../shared/ids.ts';

/** Why an order change is refused; the words are those of the API's ErrorReason. */
export type OrderErrorReason = 'ORDER_DUPLICATE' | 'ORDER_INCOMPLETE' | 'ORDER_UNKNOWN_SERVER' | 'ORDER_CYCLE';

export type OrderResult =
  | { readonly kind: 'ok'; readonly order: readonly ServerId[] }
  | { readonly kind: 'error'; readonly reason: OrderErrorReason; readonly detail: string };

/** Where a server goes: to a rank (from 1; below 1 is read as 1, past the end as last), or beside another server. */
export type OrderTarget = { readonly rank: number } | { readonly before: ServerId } | { readonly after: ServerId };

/** The whole order anew: `wanted` must name each server of `current` exactly once. */
export function replaceOrder(current: readonly ServerId[], wanted: readonly ServerId[]): OrderResult {
  const members = new Set(current);
  const seen = new Set<ServerId>();
  for (const id of wanted) {
    if (!members.has(id)) return unknown(id);
    if (seen.has(id)) return refuse('ORDER_DUPLICATE', `The order names server ${id} more than once.`);
    seen.add(id);
  }
  const missed = current.filter((id) => !seen.has(id));
  if (missed.length > 0) {
    return refuse('ORDER_INCOMPLETE', `The order must name every server of the pool; it misses ${listed(missed)}.`);
  }
  return done(current, wanted);
}

/** Takes one server out and puts it in elsewhere; the others keep their order. */
export function moveServer(current: readonly ServerId[], id: ServerId, to: OrderTarget): OrderResult {
  if (!current.includes(id)) return unknown(id);
  const others = current.filter((other) => other !== id);
  if ('rank' in to) {
    const index = Math.min(Math.max(Math.trunc(to.rank), 1), current.length) - 1;
    return done(current, others.toSpliced(index, 0, id));
  }
  const [anchor, offset] = 'before' in to ? [to.before, 0] : [to.after, 1];
  if (anchor === id) {
    return refuse('ORDER_CYCLE', `Server ${id} can't be placed ${offset === 0 ? 'before' : 'after'} itself.`);
  }
  const index = others.indexOf(anchor);
  if (index < 0) return unknown(anchor);
  return done(current, others.toSpliced(index + offset, 0, id));
}

/** One rank better. The primary stays where it is. */
export function promote(current: readonly ServerId[], id: ServerId): OrderResult {
  return moveServer(current, id, { rank: current.indexOf(id) });
}

/** One rank worse. The last one stays where it is. */
export function demote(current: readonly ServerId[], id: ServerId): OrderResult {
  return moveServer(current, id, { rank: current.indexOf(id) + 2 });
}

/** To rank 1; the servers that were before it each move down by one. */
export function makePrimary(current: readonly ServerId[], id: ServerId): OrderResult {
  return moveServer(current, id, { rank: 1 });
}

/** Answers with `current` itself where nothing changes, so that callers see it by identity. */
function done(current: readonly ServerId[], order: readonly ServerId[]): OrderResult {
  const same = order.length === current.length && order.every((id, index) => id === current[index]);
  return { kind: 'ok', order: same ? current : order };
}

function unknown(id: ServerId): OrderResult {
  return refuse('ORDER_UNKNOWN_SERVER', `Server ${id} is not in this pool.`);
}

function refuse(reason: OrderErrorReason, detail: string): OrderResult {
  return { kind: 'error', reason, detail };
}

/** At most five names: a pool can have thousands. */
function listed(ids: readonly ServerId[]): string {
  const rest = ids.length - 5;
  return rest > 0 ? `${ids.slice(0, 5).join(', ')} and ${rest} more` : ids.join(', ');
}
