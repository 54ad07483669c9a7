/** What people are shown beyond the records: derived from the state when asked, never stored. */
import type { PoolId, RunId } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';
import {
  ageOf,
  type ClusterState,
  policyLiveOf,
  poolLiveOf,
  poolOf,
  serverLiveOf,
  wallAtAge,
} from './cluster/cluster.ts';
import { runsIn } from './cluster/run-lists.ts';
import { effectiveMaxSlots, usedSlots } from './placement/capacity.ts';
import { askOf, serversNow } from './placement/choose.ts';
import { type Explanation, explain, withheld } from './placement/explain.ts';
import { gateOf } from './placement/gate-view.ts';
import { whyChosen } from './placement/placement-text.ts';
import type { DeviationReason } from './records/deviation-reason.ts';
import { etaOf, isEnded } from './records/run-state.ts';
import type { Policy, Run, Server } from './records/state.ts';
import { drainBlockers as drainBlockedIn } from './runs/drain.ts';
import { waitFor } from './runs/earlier-life.ts';
import { type NextStart, nextStart } from './runs/holds.ts';
import { policyTroubles } from './runs/policy-trouble.ts';

export { runsOf, runsOn } from './cluster/run-lists.ts';
export { effectiveMaxSlots, isAvailable, reservedSlots, usedSlots } from './placement/capacity.ts';
export { type GateView, gateOf } from './placement/gate-view.ts';
export { isEnded } from './records/run-state.ts';
export { currentAttempt } from './runs/attempt.ts';

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

/** When a schedule fires next; undefined: never, or it has none. */
export const nextTickWall = (state: ClusterState, policy: Policy): number | undefined =>
  policy.paused || policy.spec.trigger.kind !== 'schedule' ? undefined : policyLiveOf(state, policy).nextTickWall;

/** Pools under the mass-failure brake. */
export const stormPools = (state: ClusterState): readonly PoolId[] =>
  [...state.poolLive].filter(([, live]) => live.storm.activeSinceMono !== undefined).map(([pool]) => pool);

export interface Deviation {
  readonly resource: string;
  readonly reason: DeviationReason;
  readonly message: string;
  readonly etaWall: number | undefined;
}

/** What is not where it should be: servers first, then runs, then policies. */
export function deviations(state: ClusterState, now: Now): readonly Deviation[] {
  const found: Deviation[] = [];
  if (state.storeBehind !== undefined) {
    found.push({ resource: 'cluster', reason: 'STORE_BEHIND', message: state.storeBehind, etaWall: undefined });
  }
  for (const pool of stormPools(state)) {
    found.push({
      resource: `pools/${pool}`,
      reason: 'STORM',
      message: `half of its servers fell silent at once, so takeovers from them are held back; if they really are dead: locum proceed ${pool}`,
      etaWall: undefined,
    });
  }
  for (const server of state.servers.values()) found.push(...serverDeviations(state, server, now));
  for (const live of state.policyLive.values()) {
    for (const run of runsIn(state, live.runs)) if (deviates(state, run)) found.push(runDeviation(state, run));
  }
  for (const { policy, reason, message } of policyTroubles(state, ageOf(state, now))) {
    found.push({ resource: `policies/${policy.id}`, reason, message, etaWall: undefined });
  }
  return found;
}

function serverDeviations(state: ClusterState, server: Server, now: Now): readonly Deviation[] {
  const resource = `servers/${server.id}`;
  const found: Deviation[] = [];
  const say = (reason: DeviationReason, message: string): void => {
    found.push({ resource, reason, message, etaWall: undefined });
  };
  if (server.liveness === 'MISSING' || server.liveness === 'SUSPECT') {
    const silentMs = now.mono - serverLiveOf(state, server.id).lastHeartbeatMono;
    say(`SERVER_${server.liveness}`, `no heartbeat for ${Math.round(silentMs / 1000)} s`);
  }
  if (state.unsettled.has(server.id)) {
    say(
      'BEFORE_RESTORE',
      `HOLD policies of its pool wait: it may hold work of before the restore, until ${waitFor(state, server)}`,
    );
  }
  if (server.saturated) say('SERVER_SATURATED', 'takes no new runs: its load is over its mark');
  const gate = gateOf(server);
  if (gate.kind !== 'OPEN') {
    const etaWall = gate.untilAge === undefined ? undefined : wallAtAge(state, now, gate.untilAge);
    found.push({
      resource,
      reason: `SERVER_${gate.kind}`,
      message: `takes no new runs: ${gate.why}; ${gate.wayOut}`,
      etaWall,
    });
  }
  const [used, limit] = [usedSlots(state, server), effectiveMaxSlots(state, server)];
  if (used > limit) say('OVER_CAPACITY', `${used} slots are used, its limit is ${limit}`);
  for (const { run, reason } of drainBlocked(state, server, now)) say('DRAIN_BLOCKED', `${run}: ${reason}`);
  return found;
}

function deviates(state: ClusterState, run: Run): boolean {
  if (isEnded(run)) return false;
  if (state.runLive.get(run.id)?.blockedReason !== undefined) return true;
  const { kind } = run.state;
  return kind === 'QUEUED' || kind === 'FENCING' || kind === 'STUCK' || kind === 'BACKOFF';
}

function runDeviation(state: ClusterState, run: Run): Deviation {
  const blocked = state.runLive.get(run.id)?.blockedReason;
  return {
    resource: `runs/${run.id}`,
    reason: blocked === undefined ? run.state.reason : 'CAPABILITY_LOST',
    message: blocked ?? run.state.message,
    etaWall: etaOf(run),
  };
}
