/**
 * What is dropped so that nothing grows for ever: ended runs, events and remembered requests. Room is shared (see Shares): a policy
 * that ends a run each second pushes out its own ended runs, and its own events, and nobody else's.
 */

import { HOUR } from '../../../shared/time.ts';
import { dropRequests, remove, SILENT } from '../cluster/change.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import { GONE_OWNER } from '../cluster/links.ts';
import type { Turn } from '../cluster/turn.ts';
import { endAgeOf } from '../records/run-state.ts';
import type { Policy, Run } from '../records/state.ts';

/** Ended runs of deleted policies are kept this long after their end. */
export const RUNS_OF_DELETED_KEPT_MS = 7 * 24 * HOUR;
/** Outcomes of calls with a request_id are kept this long. */
export const REQUESTS_KEPT_MS = HOUR;

/** A policy of the same name that was deleted is another one. */
const ownerOf = ({ policies }: ClusterState, run: Run): string =>
  policies.get(run.policy)?.uid === run.policyUid ? run.policyUid : GONE_OWNER;

/** Keeps a run that has ended, and drops what has to go for it. */
export function keepEndedRun(turn: Turn, run: Run): void {
  const { endedRuns, policies } = turn.state;
  const ownLimit = policies.get(run.policy)?.spec.retention.endedRuns;
  for (const { item } of endedRuns.add(ownerOf(turn.state, run), run.id, ownLimit)) forgetRun(turn, item);
}

function forgetRun(turn: Turn, id: Run['id']): void {
  const run = turn.state.runs.get(id);
  // History that has had its time goes without a word.
  if (run !== undefined) remove(turn, run, SILENT);
}

/** Ended runs of a policy, oldest end first; of one that is gone: of all that are. */
export const endedRunsOf = ({ endedRuns }: ClusterState, policy: Policy | undefined): readonly Run['id'][] =>
  endedRuns.of(policy?.uid ?? GONE_OWNER);

/** Drops what has been kept for its time. */
export function forgetOld(turn: Turn): void {
  const { endedRuns, runs } = turn.state;
  const isOld = (id: Run['id']): boolean => endedAtAge(runs.get(id)) <= turn.age - RUNS_OF_DELETED_KEPT_MS;
  for (const id of endedRuns.dropWhere(GONE_OWNER, isOld)) forgetRun(turn, id);
  dropRequests(turn, turn.age - REQUESTS_KEPT_MS);
}

const endedAtAge = (run: Run | undefined): number => (run === undefined ? 0 : endAgeOf(run));
