/**
 * What keeps a run from starting, whatever room there is: the whole cluster waits, its policy does, or it does itself. The placement
 * pass asks `holdOf` before it looks at servers, and who explains a placement asks `nextStart`, which asks the same: no explanation
 * promises a start that the pass holds back.
 */
import { poolLiveOf } from '../cluster/cluster.ts';
import { runsOf } from '../cluster/run-lists.ts';
import { doubtOf } from '../cluster/store-doubt.ts';
import type { View } from '../cluster/turn.ts';
import type { RunReason } from '../records/run-reason.ts';
import { etaOf, queueReason, type ReasonIn, type RunStateName } from '../records/run-state.ts';
import type { Policy, Run } from '../records/state.ts';
import { earlierLifeOf } from './earlier-life.ts';

export interface Hold<Reason = ReasonIn<'QUEUED'>> {
  /** One stable word. */
  readonly reason: Reason;
  /** In words, with what would end it. */
  readonly message: string;
  /** Wall time, milliseconds, at which it ends by itself. Undefined: unknown. */
  readonly etaWall?: number | undefined;
}

/** Why a run in the queue is not even looked at; the widest hold that stands. Undefined: it may be placed. */
export function holdOf(view: View, policy: Policy, run: Run): Hold | undefined {
  return holdOfPolicy(view, policy) ?? holdForOwnServer(view, run);
}

/** What the next start of a policy would be for, and what it waits for beside a server. */
export interface NextStart {
  /** The run that waits to start. Undefined: none does, so it would be for one that does not exist yet. */
  readonly run: Run | undefined;
  /** Undefined: it starts as soon as a server can take it. */
  readonly hold: Hold<RunReason | 'POLICY_PAUSED'> | undefined;
}

/** Whoever is in the queue comes before those that will be, and these before a run that nobody has created. */
export function nextStart(view: View, policy: Policy): NextStart {
  const runs = runsOf(view.state, policy);
  const { queue } = poolLiveOf(view.state, policy.spec.pool);
  const queued = runs.find(({ id }) => queue.get(id) !== undefined);
  if (queued !== undefined) return { run: queued, hold: holdOf(view, policy, queued) };
  const later = runs.find(({ desired, state }) => desired === 'RUNNING' && WAITS.includes(state.kind));
  const hold = holdOfPolicy(view, policy) ?? (later === undefined ? holdOfNew(policy, runs) : shown(later));
  return { run: later, hold };
}

/** States in which a run waits for something before it looks for a server: the proof of its last end, or the end of a pause. */
const WAITS: readonly RunStateName[] = ['QUEUED', 'BACKOFF', 'FENCING', 'STUCK', 'STOPPING'];

/** Nothing of the policy starts. So nothing of it is stopped by choice either: it could not start again elsewhere. */
export function holdOfPolicy(view: View, policy: Policy): Hold | undefined {
  const held = holdOfCluster(view, policy);
  if (held !== undefined) return held;
  // After a restore: what the earlier life may have left running (C9).
  const message = earlierLifeOf(view.state, policy);
  return message === undefined ? undefined : { reason: 'NEW_INCARNATION', message };
}

/** Starts are held back for everybody. */
function holdOfCluster({ state, now }: View, { spec }: Policy): Hold | undefined {
  const behind = doubtOf(state, now, spec);
  if (behind !== undefined) {
    const etaWall = behind.untilMono === undefined ? undefined : now.wall + behind.untilMono - now.mono;
    return { reason: 'STORE_BEHIND', message: behind.message, etaWall };
  }
  if (now.mono >= state.noStartBeforeMono) return undefined;
  return {
    reason: 'NEW_INCARNATION',
    message: 'the store was restored or adopted: nothing starts before what ran earlier is dead for certain',
    etaWall: now.wall + state.noStartBeforeMono - now.mono,
  };
}

/**
 * A run that is to go back to the server it was on (a lapse, a restart) waits for it, if it has just said Hello and is about to be
 * welcome (semantics 7).
 */
function holdForOwnServer({ state }: View, run: Run): Hold | undefined {
  const own = run.preferServer;
  if (own === undefined || state.serverLive.get(own)?.session?.phase !== 'OPENING') return undefined;
  return {
    reason: whyQueued(run),
    message: `it waits a moment for ${own}, where it was, which is just coming back`,
  };
}

/** What keeps the policy from having a new run at all. */
function holdOfNew(policy: Policy, runs: readonly Run[]): NextStart['hold'] {
  if (policy.deleting) return { reason: 'POLICY_DELETED', message: 'it is being deleted, and starts nothing any more' };
  if (policy.paused) {
    const message = `it is paused, and has no run that waits to start; locum policy resume ${policy.id} ends that`;
    return { reason: 'POLICY_PAUSED', message };
  }
  const leaving = runs.find(({ desired }) => desired === 'STOPPED');
  return leaving !== undefined && runs.length >= policy.spec.maxConcurrentRuns ? shown(leaving) : undefined;
}

const whyQueued = ({ state, nextReason }: Run): ReasonIn<'QUEUED'> =>
  state.kind === 'QUEUED' ? queueReason(state.reason) : nextReason;

/** What the run itself shows. */
const shown = (run: Run): Hold<RunReason> => ({
  reason: run.state.reason,
  message: `${run.id} is ${run.state.kind}: ${run.state.message}`,
  etaWall: etaOf(run),
});
