/** When a server of a local cluster counts as there. */
import { Gate, Liveness, type Server } from '../../shared/gen/locum/v1/server_pb.ts';

/**
 * It can be sent work now. A host that went missing three times, as those that are killed to see what happens, or on a slow machine, is
 * QUARANTINED for minutes: it still gets what no other one can take.
 */
export function isThere({ connected, available, gate, liveness }: Server): boolean {
  return connected && (available || (gate === Gate.QUARANTINED && liveness === Liveness.ALIVE));
}
