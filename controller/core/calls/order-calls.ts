/** The order of a pool's servers, and what its change moves (semantics 10). */
import { badField, etagMismatch } from '../../../shared/errors.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { change } from '../cluster/change.ts';
import { poolOf } from '../cluster/cluster.ts';
import type { Apply, MovePlan } from '../cluster/event.ts';
import type { Turn } from '../cluster/turn.ts';
import { orderEtagOf } from '../records/etag.ts';
import { demote, makePrimary, moveServer, type OrderResult, promote, replaceOrder } from '../records/order.ts';
import type { Pool } from '../records/state.ts';
import { planOrder, wantMoves } from '../runs/moves.ts';
import { type CallOf, knownPool, knownServer, type Outcome } from './outcome.ts';

export function setOrder(turn: Turn, request: CallOf<'set_order'>, validateOnly: boolean): Outcome {
  const pool = knownPool(turn, request.pool);
  return changeOrder(turn, pool, replaceOrder(pool.order, request.servers), {
    ...request,
    validateOnly,
    field: 'servers',
  });
}

export function moveServerInOrder(turn: Turn, request: CallOf<'move_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const pool = poolOf(turn.state, server.pool);
  return changeOrder(turn, pool, target(pool, request), { ...request, validateOnly, field: request.to.kind });
}

function target(pool: Pool, { server, to }: CallOf<'move_server'>): OrderResult {
  switch (to.kind) {
    case 'rank':
      return moveServer(pool.order, server, { rank: to.rank });
    case 'before':
      return moveServer(pool.order, server, { before: to.server });
    case 'after':
      return moveServer(pool.order, server, { after: to.server });
    case 'promote':
      return promote(pool.order, server);
    case 'demote':
      return demote(pool.order, server);
    case 'primary':
      return makePrimary(pool.order, server);
  }
}

interface OrderOptions {
  readonly etag: string;
  readonly apply: Apply;
  readonly validateOnly: boolean;
  /** Named in the error when the wanted order is wrong. */
  readonly field: string;
}

function changeOrder(turn: Turn, pool: Pool, wanted: OrderResult, options: OrderOptions): Outcome {
  const resource = `pools/${pool.id}`;
  if (options.etag !== '' && options.etag !== orderEtagOf(pool)) throw etagMismatch(`${resource} order`);
  if (wanted.kind === 'error') throw badField(wanted.reason, options.field, wanted.detail);
  const possible = planOrder(turn, pool.id, wanted.order, 'BY_OPERATOR');
  const plan = options.apply === 'MOVE_NOW' ? possible : stayPlan(possible);
  if (options.validateOnly) return { resource, value: { kind: 'order', pool: { ...pool, order: wanted.order }, plan } };
  applyOrder(turn, pool, wanted.order, options.apply);
  wantMoves(turn, plan, 'MOVE');
  return { resource, value: { kind: 'order', pool, plan } };
}

/** NEW_ONLY moves nothing: what could move is shown with the reason why it stays. */
function stayPlan(plan: MovePlan): MovePlan {
  const stays = plan.moves.map(({ run, policy, from, to }) => ({
    run,
    policy,
    server: from,
    reason: `${to} is better placed; NEW_ONLY moves nothing that runs`,
  }));
  return { moves: [], stays: [...stays, ...plan.stays] };
}

function applyOrder(turn: Turn, pool: Pool, order: readonly ServerId[], apply: Apply): void {
  const was = pool.order[0];
  const primary = order[0];
  const news = was === primary ? '' : `; ${primary} is the primary now, before it was ${was}`;
  const shown = `${order.slice(0, 10).join(', ')}${order.length > 10 ? ' …' : ''}`;
  const message = `the order of ${pool.id} is now ${shown}${news}`;
  change(turn, pool, { order }, { type: 'ORDER_CHANGED', cause: apply, message });
}
