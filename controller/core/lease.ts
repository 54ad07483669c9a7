/**
 * Leases, from the leader's side (semantics C2, C3, C5): when an attempt was last granted, and when silence alone proves
 * that it ended.
 */
import { type AttemptLive, attemptLiveOf, type ClusterState, poolOf, serverLiveOf } from './cluster.ts';
import type { Attempt, Run } from './state.ts';
import { takeoverWaitMs } from './timers.ts';

/** Newest time at which the agent may have been told that this attempt may go on. */
export function lastGrantMono(state: ClusterState, attempt: Attempt): number {
  const live = attemptLiveOf(state, attempt);
  const session = serverSession(state, attempt, live);
  return session === undefined ? live.lastGrantMono : Math.max(live.lastGrantMono, session.lastGrantMono);
}

/** Later grants of its session do not extend the attempt any more: its stop was handed over, or the session closed. */
export function endCover(state: ClusterState, attempt: Attempt): void {
  const live = attemptLiveOf(state, attempt);
  live.lastGrantMono = lastGrantMono(state, attempt);
  live.coveredBy = undefined;
}

/** The takeover wait of an attempt, by its own frozen terms and its pool's missing_after. */
export function takeoverWaitOf(state: ClusterState, run: Run, attempt: Attempt): number {
  const { missingAfterMs } = poolOf(state, run.pool).timers;
  return takeoverWaitMs({ missingAfterMs, ...attempt.terms });
}

/**
 * When the wait alone proves that the attempt ended (proof b): for STOP attempts, unless the agent says that the tree is
 * alive. Undefined: never by waiting, or not while grants go on.
 */
export function endProvenAtMono(state: ClusterState, run: Run, attempt: Attempt): number | undefined {
  if (attempt.terms.onDisconnect !== 'STOP' || attempt.state === 'STUCK') return undefined;
  return lastGrantMono(state, attempt) + takeoverWaitOf(state, run, attempt);
}

function serverSession(state: ClusterState, attempt: Attempt, live: AttemptLive) {
  if (live.coveredBy === undefined) return undefined;
  const { session } = serverLiveOf(state, attempt.server);
  return session?.id === live.coveredBy ? session : undefined;
}
