/** The end of a deleted server: with the last proof its record and its place in the order go, and its name is free. */
import { LocumError } from '../../../shared/errors.ts';
import { poolLiveOf, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import type { Server } from '../records/state.ts';
import { refreshOrder } from '../runs/placing.ts';
import { endReservation } from '../runs/reservation.ts';
import { disownServer } from '../runs/retention.ts';
import { closeSession } from './session.ts';

export function removeServer(turn: Turn, server: Server): void {
  const { state, journal } = turn;
  const pool = poolOf(state, server.pool);
  pool.order = pool.order.filter((id) => id !== server.id);
  pool.orderVersion += 1;
  const live = poolLiveOf(state, pool.id);
  for (const id of serverLiveOf(state, server.id).reservations) {
    const run = state.runs.get(id);
    if (run !== undefined) endReservation(turn, run);
  }
  live.index.removeServer(server.id);
  live.lastResort.removeServer(server.id);
  live.closed.delete(server.id);
  live.draining.delete(server.id);
  live.claims.delete(server.id);
  state.servers.delete(server.id);
  disownServer(turn, server);
  state.unsettled.delete(server.id);
  state.serverLive.delete(server.id);
  turn.serverWheel.cancel(server.id);
  turn.drainWheel.cancel(server.id);
  turn.gateWheel.cancel(server.id);
  turn.dirtyServers.delete(server.id);
  journal.put(pool);
  journal.delete(`servers/${server.id}`);
  journal.event({
    type: 'SERVER_DELETED',
    cause: 'ALL_ENDED',
    message: `${server.id} is gone`,
    pool: pool.id,
    server: server.id,
  });
  refreshOrder(turn, pool.id);
}

/** Attempts that are not proven ended, or something of an earlier life of the store: a delete proves nothing about either (semantics C3). */
export const mayHoldWork = ({ state }: Turn, server: Server): boolean =>
  serverLiveOf(state, server.id).runs.size > 0 || state.unsettled.has(server.id);

/** Completes a delete that waited for proofs. An agent that came back to give them is turned away, and may register anew. */
export function endDeleting(turn: Turn, server: Server): void {
  const live = serverLiveOf(turn.state, server.id);
  if (!server.deleting || mayHoldWork(turn, server) || live.session?.phase === 'OPENING') return;
  if (live.session !== undefined) {
    const message = `${server.id} was deleted: everything on it has ended, and it may register as a new server`;
    const error = new LocumError('SERVER_DELETING', message, { resource: `servers/${server.id}`, retryAfterMs: 1_000 });
    closeSession(turn, live.session, error, true);
  }
  removeServer(turn, server);
}
