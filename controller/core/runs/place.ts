/** Places: where attempts live (semantics 2). */
import type { Session } from '../cluster/session.ts';
import type { Attempt } from '../records/state.ts';

/**
 * Inventories and reports are about attempts of the same server, state directory and host. The server counts too: grants of
 * one server's session are not noted for attempts of another, even if it once had the same state directory.
 */
export const isSamePlace = (
  attempt: Attempt,
  session: Pick<Session, 'serverUid' | 'instanceId' | 'machineId'>,
): boolean =>
  attempt.place.serverUid === session.serverUid &&
  attempt.place.instanceId === session.instanceId &&
  attempt.place.machineId === session.machineId;
