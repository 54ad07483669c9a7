/**
 * Servers that registered a short while ago. A name costs nothing where no certificate is asked for, so in a pool that has been there for
 * long, many new ones say little about the network (STORM), and there are not more of them than a pool grows by in earnest. In a pool
 * that is new as a whole, all are alike.
 */
import { LocumError } from '../../../shared/errors.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { HOUR, MINUTE } from '../../../shared/time.ts';
import { poolLiveOf, poolOf } from '../cluster/cluster.ts';
import type { WholeHello } from '../cluster/event.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { Pool, Server } from '../records/state.ts';

/** After so long a server is none of the newcomers. By the wall clock: one that jumps makes all alike, as they are in a new pool. */
const NEW_FOR_MS = HOUR;
/** Fewer that are not new are no measure for the others. */
const ESTABLISHED_MIN = 3;
/** `LIMITS.newServers` are counted over so long. */
const WINDOW_MS = 10 * MINUTE;

const isEstablished = ({ now }: View, { createWall }: Server): boolean => now.wall - createWall >= NEW_FOR_MS;

/** Whether a pool has enough servers that are not new. They are first in an order that nobody changed, so few are looked at. */
function isOld(view: View, pool: Pool): boolean {
  let count = 0;
  for (const id of pool.order) {
    const server = view.state.servers.get(id);
    if (server?.intent === 'ACTIVE' && isEstablished(view, server)) count += 1;
    if (count === ESTABLISHED_MIN) return true;
  }
  return false;
}

/** Which servers of a pool tell something about the network: in an old one, those that are not new. */
export function witnessesIn(view: View, pool: Pool): (server: Server) => boolean {
  return isOld(view, pool) ? (server) => isEstablished(view, server) : () => true;
}

/** Counts a server that is about to register, or says why it may not: too many did. Who has a certificate was let in before. */
export function admitNewcomer(turn: Turn, facts: WholeHello): LocumError | undefined {
  if (facts.certifiedWall !== undefined) return undefined;
  const { now } = turn;
  const pool = poolOf(turn.state, facts.pool);
  const live = poolLiveOf(turn.state, pool.id);
  if (!isOld(turn, pool)) return undefined;
  if (now.mono >= live.newcomers.sinceMono + WINDOW_MS) live.newcomers = { sinceMono: now.mono, count: 0 };
  if (live.newcomers.count >= LIMITS.newServers) {
    const waitMs = live.newcomers.sinceMono + WINDOW_MS - now.mono;
    const message = `${LIMITS.newServers} new servers came to pools/${pool.id} within 10 minutes, as many as may: a further one is taken in ${Math.ceil(waitMs / 1_000)} s`;
    return new LocumError('OVERLOADED', message, {
      resource: `pools/${pool.id}`,
      retryAfterMs: Math.min(waitMs, MINUTE),
    });
  }
  live.newcomers.count += 1;
  return undefined;
}
