/** What people are shown beyond the records: derived from the state when asked, never stored. */
import type { PoolId, RunId } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';
import { ageOf } from './cluster/age.ts';
import { type ClusterState, policyLiveOf, poolLiveOf, poolOf } from './cluster/cluster.ts';
import { askOf, serversNow } from './placement/choose.ts';
import { type Explanation, explain, withheld } from './placement/explain.ts';
import { whyChosen } from './placement/placement-text.ts';
import type { Policy, Run, Server } from './records/state.ts';
import { drainBlockers as drainBlockedIn } from './runs/drain.ts';
import { type NextStart, nextStart } from './runs/holds.ts';
import { type LossPlan, planLoss } from './runs/loss.ts';

export { runsOf, runsOn } from './cluster/run-lists.ts';
export { type Deviation, worstFirst } from './deviation.ts';
export { deviations, type QueuedFor, queuedFor } from './deviations.ts';
export { effectiveMaxSlots, isAvailable, reservedSlots, usedSlots } from './placement/capacity.ts';
export { type GateView, gateOf } from './placement/gate-view.ts';
export { isEnded } from './records/run-state.ts';
export { currentAttempt } from './runs/attempt.ts';
export type { LossPlan } from './runs/loss.ts';
export { lastOutcomes } from './runs/policy-trouble.ts';

/** Position in the pool's order, from 1. */
export const rankOf = (state: ClusterState, server: Server): number =>
  poolOf(state, server.pool).order.indexOf(server.id) + 1;

/** Place in the pool's queue, from 1; 0: not queued. */
export function queuePosition(state: ClusterState, run: Run, now: Now): number {
  const { queue } = poolLiveOf(state, run.pool);
  return queue.position(run.id, ageOf(state, now)) ?? 0;
}

export const drainBlocked = (
  state: ClusterState,
  server: Server,
  now: Now,
): readonly { readonly run: RunId; readonly reason: string }[] =>
  drainBlockedIn({ state, now, age: ageOf(state, now) }, server.id);

export interface PlacementAnswer extends Explanation {
  /** What the next start waits for whatever room there is. Undefined: nothing does. */
  readonly hold: NextStart['hold'];
}

/** Why each server of the pool would or would not get a run of this policy now. */
export function explainPlacement(state: ClusterState, policy: Policy, now: Now): PlacementAnswer {
  const age = ageOf(state, now);
  const { run, hold } = nextStart({ state, now, age }, policy);
  const ask = askOf(state, policy, run, age);
  const explanation = explain(serversNow(state, policy), ask, (choice) => whyChosen(choice, policy, run, age));
  return { ...(hold === undefined ? explanation : withheld(explanation)), hold };
}

/** What the loss of these servers would do to their runs now. */
export const planLossOf = (state: ClusterState, now: Now, lost: readonly Server[]): LossPlan =>
  planLoss({ state, now, age: ageOf(state, now) }, lost);

/** When a schedule fires next; undefined: never, or it has none. */
export const nextTickWall = (state: ClusterState, policy: Policy): number | undefined =>
  policy.paused || policy.spec.trigger.kind !== 'schedule' ? undefined : policyLiveOf(state, policy).nextTickWall;

/** Pools under the mass-failure brake. */
export const stormPools = (state: ClusterState): readonly PoolId[] =>
  [...state.poolLive].filter(([, live]) => live.storm.activeSinceMono !== undefined).map(([pool]) => pool);
