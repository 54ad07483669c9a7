/** A policy as the API shows it: its record, and what follows from its runs and the time. */
import type { Policy as PbPolicy } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { runName } from '../../../shared/resource-name.ts';
import { toTimestamp } from '../../../shared/rpc/time-messages.ts';
import { policyToProto } from '../../codec/policy.ts';
import type { ClusterState } from '../../core/cluster/cluster.ts';
import type { Policy, Run } from '../../core/records/state.ts';
import { nextTickWall, runsOf } from '../../core/views.ts';

export function projectPolicy(state: ClusterState, policy: Policy): PbPolicy {
  const message = policyToProto(policy);
  // Only tried (validate_only), or gone while its answer was on its way.
  if (!state.policies.has(policy.id)) return message;
  const runs = runsOf(state, policy);
  message.runs = runs.map(({ id }) => runName(id));
  const nextTick = toTimestamp(nextTickWall(state, policy));
  if (nextTick !== undefined) message.nextTickTime = nextTick;
  message.reconciling = isReconciling(policy, runs);
  return message;
}

function isReconciling({ spec, paused, deleting }: Policy, runs: readonly Run[]): boolean {
  const tooFew = spec.trigger.kind === 'continuous' && !paused && runs.length !== spec.maxConcurrentRuns;
  return deleting || tooFew || runs.some(({ desired, state }) => desired === 'STOPPED' || state.kind !== 'RUNNING');
}
