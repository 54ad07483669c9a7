/**
 * Behind a closed gate is the last resort: a policy that has no other eligible server, with room or without, may use it all the same.
 * A run on a sick host is better than none, and a judgement of ours must never be what keeps a policy from running (semantics 8).
 */
import type { ServerId } from '../../../shared/ids.ts';
import type { ClusterState, PoolLive } from '../cluster/cluster.ts';
import type { PlacementQuery } from '../indexes/placement-query.ts';
import type { Policy } from '../records/state.ts';
import { eligibleServers } from './eligible.ts';

/** The server that a run gets now; undefined: none has room. */
export function chooseServer(
  { index, lastResort, closed }: Pick<PoolLive, 'index' | 'lastResort' | 'closed'>,
  query: PlacementQuery,
): ServerId | undefined {
  const chosen = index.choose(query);
  if (chosen !== undefined || closed.size === 0) return chosen;
  const anyRoom = { ...query, slots: Number.NEGATIVE_INFINITY, skip: [], exclude: [], claimed: [], first: undefined };
  return index.choose(anyRoom) === undefined ? lastResort.choose(query) : undefined;
}

/** Whether the policy has nothing else. */
export const isLastResort = (state: ClusterState, policy: Policy): boolean =>
  eligibleServers(state, policy).length === 0;
