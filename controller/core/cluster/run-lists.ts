/** The runs of a server and of a policy, as records. */
import type { RunId } from '../../../shared/ids.ts';
import type { Policy, Run, Server } from '../records/state.ts';
import { type ClusterState, policyLiveOf, serverLiveOf } from './cluster.ts';

/** Those of these runs that are known. */
export const runsIn = (state: ClusterState, ids: Iterable<RunId>): readonly Run[] =>
  [...ids].map((id) => state.runs.get(id)).filter((run) => run !== undefined);

/** Runs with an unended attempt on a server. */
export const runsOn = (state: ClusterState, server: Server): readonly Run[] =>
  runsIn(state, serverLiveOf(state, server.id).runs);

/** Unended runs of a policy. */
export const runsOf = (state: ClusterState, policy: Policy): readonly Run[] =>
  runsIn(state, policyLiveOf(state, policy).runs);
