/**
 * Leases, from the leader's side (semantics C2, C3, C5): when an attempt was last granted, and when silence alone proves
 * that it ended.
 */

import { attemptLiveOf, type ClusterState, poolOf, serverLiveOf, serverOf } from '../cluster/cluster.ts';
import type { AttemptLive } from '../cluster/live.ts';
import type { Attempt, Run } from '../records/state.ts';
import { takeoverWaitMs } from '../records/timers.ts';

/** Newest time at which the agent may have been told that this attempt may go on. */
export function lastGrantMono(state: ClusterState, attempt: Attempt): number {
  const live = attemptLiveOf(state, attempt);
  const session = serverSession(state, attempt, live);
  return session === undefined ? live.lastGrantMono : Math.max(live.lastGrantMono, session.lastGrantMono);
}

/** Its stop was handed over, or the session closed: later grants of the session do not prolong the attempt, and its last grant stays what it is now. */
export function freezeLastGrant(state: ClusterState, attempt: Attempt): void {
  const live = attemptLiveOf(state, attempt);
  live.lastGrantMono = lastGrantMono(state, attempt);
  live.prolongedBy = undefined;
}

/** The takeover wait of an attempt, by its own frozen terms and its pool's missing_after. */
export function takeoverWaitOf(state: ClusterState, run: Run, attempt: Attempt): number {
  const { missingAfterMs } = poolOf(state, run.pool).timers;
  return takeoverWaitMs({ missingAfterMs, ...attempt.terms });
}

/**
 * When the wait alone proves that the attempt ended (proof b): for STOP attempts, unless an agent that is heard says that the tree
 * is alive. When that agent is silent too, the wait counts from its last word. Undefined: never by waiting, or not yet.
 */
export function endProvenAtMono(state: ClusterState, run: Run, attempt: Attempt): number | undefined {
  if (attempt.terms.onDisconnect !== 'STOP') return undefined;
  const granted = lastGrantMono(state, attempt);
  const waitMs = takeoverWaitOf(state, run, attempt);
  if (attempt.state.kind !== 'STUCK') return granted + waitMs;
  if (isHeard(state, attempt)) return undefined;
  const { lastWordMono: lastWord = serverLiveOf(state, attempt.server).lastHeartbeatMono } = attemptLiveOf(
    state,
    attempt,
  );
  return Math.max(granted, lastWord) + waitMs;
}

/** The agent of its place, in the boot in which it was started. */
function isHeard(state: ClusterState, { server: id, place, bootId }: Attempt): boolean {
  const server = serverOf(state, id);
  if (server.liveness !== 'ALIVE' && server.liveness !== 'SUSPECT') return false;
  return server.instanceId === place.instanceId && server.machineId === place.machineId && server.bootId === bootId;
}

function serverSession(state: ClusterState, attempt: Attempt, live: AttemptLive) {
  if (live.prolongedBy === undefined) return undefined;
  const { session } = serverLiveOf(state, attempt.server);
  return session?.id === live.prolongedBy ? session : undefined;
}
