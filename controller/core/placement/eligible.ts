/** From a policy and a run to the question that placement answers. */

import type { ServerId } from '../../../shared/ids.ts';
import { type ClusterState, policyLiveOf, serverOf } from '../cluster/cluster.ts';
import type { PlacementQuery } from '../indexes/placement-query.ts';
import { capabilityMap, type Requirement, satisfies } from '../records/capability.ts';
import type { Policy, Run, Server } from '../records/state.ts';
import { isAvailable } from './capacity.ts';
import { effectiveList, policyList } from './effective-list.ts';
import { pausedServers, skippedServers } from './setback.ts';

export const meetsRequirements = (state: ClusterState, policy: Policy, server: Server): boolean => {
  const { requirements } = policyLiveOf(state, policy);
  if (requirements.length === 0) return true;
  const capabilities = capabilityMap(server.capabilities);
  return requirements.every((requirement) => satisfies(requirement, capabilities));
};

/** Available servers of the effective list that have what the policy needs, with room or without. */
export function eligibleServers(state: ClusterState, policy: Policy): readonly ServerId[] {
  return [...effectiveList(state, policy)].filter((id) => {
    const server = serverOf(state, id);
    return isAvailable(state, server) && meetsRequirements(state, policy, server);
  });
}

export interface QueryOptions {
  readonly exclude?: readonly ServerId[];
  readonly claimed?: readonly ServerId[];
  /** Default: a server where the run pauses is not taken. */
  readonly pauses?: 'ignored';
  /** Instead of those that the policy has now: for a change that is only tried. */
  readonly requirements?: readonly Requirement[] | undefined;
}

/** The question for one run, or for a run that does not exist yet. */
export function placementQuery(
  state: ClusterState,
  policy: Policy,
  run: Run | undefined,
  nowAge: number,
  options: QueryOptions = {},
): PlacementQuery {
  return {
    list: policyList(policy.spec),
    requirements: options.requirements ?? policyLiveOf(state, policy).requirements,
    slots: run?.slots ?? policy.spec.slots,
    skip: run === undefined ? [] : skippedServers(run, nowAge),
    exclude: [
      ...(options.exclude ?? []),
      ...(run === undefined || options.pauses === 'ignored' ? [] : pausedServers(run, nowAge)),
    ],
    first: run?.preferServer,
    claimed: options.claimed ?? [],
  };
}
