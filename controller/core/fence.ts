/** Whether an attempt may still act: the question of a workload, or of what it writes to, that presents its epoch. */
import type { PolicyId, RunId, ServerId } from '../../shared/ids.ts';
import type { ClusterState } from './cluster.ts';
import type { Attempt, Run } from './state.ts';
import { runsOf } from './views.ts';

export interface Fence {
  readonly verdict: 'CURRENT' | 'SUPERSEDED' | 'ENDED' | 'UNKNOWN';
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
  if (newest.state === 'ENDED') return fence('ENDED', endedMessage(found, newest));
  return fence('CURRENT', `epoch ${epoch} on ${newest.server} is the newest attempt of ${found.id}`);
}

function runWithEpoch(state: ClusterState, policy: PolicyId, epoch: number): Run | undefined {
  const known = state.policies.get(policy);
  const has = (run: Run): boolean => run.attempts.some((attempt) => attempt.epoch === epoch);
  // Nearly always one that goes on; those that have ended are many, and kept by their ids alone.
  const open = known === undefined ? undefined : runsOf(state, known).find(has);
  return open ?? [...state.runs.values()].find((run) => run.policy === policy && has(run));
}

function unknown(policy: PolicyId, epoch: number, run: RunId | undefined): Fence {
  const whose =
    run === undefined ? `no run of ${policy} that is still kept has` : `${run} is no run of ${policy}, or it has not`;
  return { verdict: 'UNKNOWN', message: `${whose} epoch ${epoch}`, newest: undefined };
}

function endedMessage(run: Run, { epoch, server, end }: Attempt): string {
  return `epoch ${epoch} of ${run.id} on ${server} is proven ended (${end?.proof ?? 'UNKNOWN'})`;
}
