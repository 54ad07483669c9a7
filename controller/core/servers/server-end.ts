/** The end of a deleted server: with the last proof its record and its place in the order go, and its name is free. */
import { LocumError } from '../../../shared/errors.ts';
import { change, remove, SILENT } from '../cluster/change.ts';
import { poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { Server } from '../records/state.ts';
import { endReservation } from '../runs/reservation.ts';
import { revoke } from './revocations.ts';
import { closeSession } from './session.ts';

export function removeServer(turn: Turn, server: Server): void {
  const { state } = turn;
  const pool = poolOf(state, server.pool);
  for (const id of serverLiveOf(state, server.id).reservations) {
    const run = state.runs.get(id);
    // That the server is gone says it.
    if (run !== undefined) endReservation(turn, run, SILENT);
  }
  // Whoever has its certificate is not it any more.
  revoke(turn, { server: server.id, reason: '', deleted: true });
  remove(turn, server, { type: 'SERVER_DELETED', cause: 'ALL_ENDED', message: `${server.id} is gone` });
  // Its place goes with it, and that it goes has been told.
  change(turn, pool, { order: pool.order.filter((id) => id !== server.id) }, SILENT);
}

/** Attempts that are not proven ended, or something of an earlier life of the store: a delete proves nothing about either (semantics C3). */
export const mayHoldWork = ({ state }: View, server: Server): boolean =>
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
