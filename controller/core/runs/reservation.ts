/** Reservations: a slot kept on the target of a move before anything is stopped, and on the source until it succeeded. */
import { MINUTE } from '../../../shared/time.ts';
import { change, type Telling } from '../cluster/change.ts';
import type { Turn } from '../cluster/turn.ts';
import { refreshIndex } from '../placement/capacity.ts';
import type { EventType } from '../records/event-type.ts';
import type { Reservation, Run } from '../records/state.ts';

/** A reservation ends at the latest after this time. */
export const RESERVATION_MAX_MS = 5 * MINUTE;

/** Keeps a slot; written in the same commit as the stop of the old attempt, or before it. */
export function reserve<T extends EventType>(
  turn: Turn,
  run: Run,
  reservation: Reservation,
  telling: Telling<T>,
): void {
  setReservation(turn, run, reservation, telling);
  turn.wakeRunAtAge(run.id, reservation.sinceAge + RESERVATION_MAX_MS);
}

/** Gives the kept slots back: the move succeeded, was abandoned, or took too long. */
export function endReservation<T extends EventType>(turn: Turn, run: Run, telling: Telling<T>): void {
  setReservation(turn, run, undefined, telling);
}

function setReservation<T extends EventType>(
  turn: Turn,
  run: Run,
  reservation: Reservation | undefined,
  telling: Telling<T>,
): void {
  const places = [run.reservation, reservation].flatMap((one) => (one === undefined ? [] : [one.server, one.from]));
  // A move that is under way is not wanted any more.
  const wanted = reservation === undefined ? {} : { wantedMove: undefined };
  if (!change(turn, run, { reservation, ...wanted }, telling)) return;
  // At once: a pass that plans several moves must see the slots that the first one keeps.
  for (const server of places) refreshIndex(turn.state, server);
}

type AbandonCause = 'PLACED_ELSEWHERE' | 'TARGET_UNAVAILABLE' | 'TOO_LATE' | 'TREE_ALIVE';

const WHY_ABANDONED: Readonly<Record<AbandonCause, string>> = {
  PLACED_ELSEWHERE: 'it was placed on another server',
  TARGET_UNAVAILABLE: 'that server is not available any more',
  TOO_LATE: 'it did not get there within 5 minutes',
  TREE_ALIVE: "its processes can't be killed where it is",
};

/** The move is off, and says why. */
export function abandonMove(turn: Turn, run: Run, cause: AbandonCause, why = WHY_ABANDONED[cause]): void {
  const { reservation } = run;
  if (reservation === undefined) return;
  const message = `${run.id} is not moved to ${reservation.server}: ${why}`;
  endReservation(turn, run, { type: 'RUN_MOVE_ABANDONED', cause, message, server: reservation.server });
}
