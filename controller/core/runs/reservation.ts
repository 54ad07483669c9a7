/** Reservations: a slot kept on the target of a move before anything is stopped, and on the source until it succeeded. */
import { MINUTE } from '../../../shared/time.ts';
import { poolLiveOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { refreshIndex } from '../placement/capacity.ts';
import type { Reservation, Run } from '../records/state.ts';

/** A reservation ends at the latest after this time. */
export const RESERVATION_MAX_MS = 5 * MINUTE;

/** Keeps a slot; written in the same commit as the stop of the old attempt, or before it. */
export function reserve(turn: Turn, run: Run, reservation: Reservation): void {
  endReservation(turn, run);
  run.reservation = reservation;
  run.wantedMove = undefined;
  for (const server of [reservation.server, reservation.from]) {
    turn.state.serverLive.get(server)?.reservations.add(run.id);
    refreshIndex(turn.state, server);
    turn.dirtyServers.add(server);
  }
  poolLiveOf(turn.state, run.pool).moving.add(run.id);
  turn.journal.put(run);
  turn.wakeRunAtAge(run.id, reservation.sinceAge + RESERVATION_MAX_MS);
}

/** Gives the kept slots back: the move succeeded, was abandoned, or took too long. */
export function endReservation(turn: Turn, run: Run): void {
  const { reservation } = run;
  if (reservation === undefined) return;
  run.reservation = undefined;
  for (const server of [reservation.server, reservation.from]) {
    turn.state.serverLive.get(server)?.reservations.delete(run.id);
    refreshIndex(turn.state, server);
    turn.dirtyServers.add(server);
  }
  poolLiveOf(turn.state, run.pool).moving.delete(run.id);
  turn.journal.put(run);
  turn.dirtyPools.add(run.pool);
}

type AbandonCause = 'PLACED_ELSEWHERE' | 'TARGET_UNAVAILABLE' | 'TOO_LATE' | 'TREE_ALIVE';

const WHY_ABANDONED: Readonly<Record<AbandonCause, string>> = {
  PLACED_ELSEWHERE: 'it was placed on another server',
  TARGET_UNAVAILABLE: 'that server is not available any more',
  TOO_LATE: 'it did not get there within 5 minutes',
  TREE_ALIVE: "its processes can't be killed where it is",
};

/** The move is off, and says why. */
export function abandonMove(turn: Turn, run: Run, cause: AbandonCause): void {
  const { reservation } = run;
  if (reservation === undefined) return;
  turn.journal.event({
    type: 'RUN_MOVE_ABANDONED',
    cause,
    message: `${run.id} is not moved to ${reservation.server}: ${WHY_ABANDONED[cause]}`,
    pool: run.pool,
    policy: run.policy,
    run: run.id,
    server: reservation.server,
  });
  endReservation(turn, run);
}
