/** Whether an attempt may still act: the question of a workload, or of what it writes to, that presents its epoch. */
import { incarnationOf, type PolicyId, type RunId, type ServerId } from '../../../shared/ids.ts';
import { attemptLiveOf, type ClusterState } from '../cluster/cluster.ts';
import { runsOf } from '../cluster/run-lists.ts';
import type { AttemptEnd } from '../records/attempt-state.ts';
import type { Attempt, Run } from '../records/state.ts';
import { endedRunsOf } from './retention.ts';

export interface Fence {
  /**
   * NO_SUCH_EPOCH: no run that is kept has it. NOT_SETTLED: the store was restored, and a later attempt of before that may exist, which
   * its agent has yet to tell. (In the API: UNKNOWN, and the error that asks again.)
   */
  readonly verdict: 'CURRENT' | 'SUPERSEDED' | 'ENDED' | 'NO_SUCH_EPOCH' | 'NOT_SETTLED';
  /** In words. */
  readonly message: string;
  /** The run it belongs to, with its newest attempt; undefined: not known. */
  readonly newest: { readonly run: RunId; readonly epoch: number; readonly server: ServerId } | undefined;
}

/** `run` undefined: whichever run of the policy has the epoch. */
export function judgeFence(state: ClusterState, policy: PolicyId, epoch: number, run: RunId | undefined): Fence {
  const found = run === undefined ? runWithEpoch(state, policy, epoch) : state.runs.get(run);
  const newest = found?.policy === policy ? found.attempts.at(-1) : undefined;
  if (found === undefined || newest === undefined) return unknown(policy, epoch, run);
  const known = { run: found.id, epoch: newest.epoch, server: newest.server };
  const fence = (verdict: Fence['verdict'], message: string): Fence => ({ verdict, message, newest: known });
  // Old attempts are dropped from the record, but epochs only rise.
  if (newest.epoch > epoch) return fence('SUPERSEDED', `${found.id} is at epoch ${newest.epoch} on ${newest.server}`);
  if (newest.epoch < epoch) return unknown(policy, epoch, run);
  if (newest.state.kind === 'ENDED') return fence('ENDED', endedMessage(found, newest, newest.state.end));
  if (!isKnownNow(state, newest)) {
    const message = `the store was restored after epoch ${epoch} was made, and ${newest.server} has not yet said Hello`;
    return fence('NOT_SETTLED', message);
  }
  return fence('CURRENT', `epoch ${epoch} on ${newest.server} is the newest attempt of ${found.id}`);
}

/** Made in this life of the store, or listed by its agent in this life: never is a later one started while it lives (C4). */
const isKnownNow = (state: ClusterState, attempt: Attempt): boolean =>
  incarnationOf(attempt.epoch) === state.incarnation ||
  !state.unsettled.has(attempt.server) ||
  attemptLiveOf(state, attempt).prolongedBy !== undefined;

function runWithEpoch(state: ClusterState, policy: PolicyId, epoch: number): Run | undefined {
  const known = state.policies.get(policy);
  const has = (run: Run): boolean => run.attempts.some((attempt) => attempt.epoch === epoch);
  // Nearly always one that goes on; those that have ended are many, and kept by their ids alone.
  const open = known === undefined ? undefined : runsOf(state, known).find(has);
  if (open !== undefined) return open;
  for (const id of endedRunsOf(state, known)) {
    const run = state.runs.get(id);
    if (run?.policy === policy && has(run)) return run;
  }
  return undefined;
}

function unknown(policy: PolicyId, epoch: number, run: RunId | undefined): Fence {
  const whose =
    run === undefined ? `no run of ${policy} that is still kept has` : `${run} is no run of ${policy}, or has no`;
  return { verdict: 'NO_SUCH_EPOCH', message: `${whose} epoch ${epoch}`, newest: undefined };
}

function endedMessage(run: Run, { epoch, server }: Attempt, { proof }: AttemptEnd): string {
  return `epoch ${epoch} of ${run.id} on ${server} is proven ended (${proof})`;
}
