/**
 * What is wrong with a policy although each of its runs may look right at the moment: its last run failed, it ends over and over again, or
 * it has not ended while its schedule went on. Derived from the records when asked, so a restart of the controller forgets none of it.
 */
import type { EndCause } from '../../../shared/protocol/attempt.ts';
import { MINUTE } from '../../../shared/time.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import { endOf } from '../records/attempt-state.ts';
import type { RunStateName } from '../records/run-state.ts';
import type { Attempt, Policy, Run } from '../records/state.ts';
import { endedRunsOf } from './retention.ts';

export interface PolicyTrouble {
  readonly policy: Policy;
  /** The run that it is about. */
  readonly run: Run;
  readonly reason: 'LAST_RUN_FAILED' | 'RESTARTS_ENDLESSLY' | 'TICKS_SKIPPED';
  readonly message: string;
}

/** Ends of attempts that were made within this time are counted. */
const WINDOW_MS = 10 * MINUTE;
/** So many of them, and a continuous run is not "up" in any sense that its owner meant. */
const MANY_ENDS = 5;

const FINISHED =
  'it is continuous, so it is started again whenever it has finished: if it is a job, give it a trigger (on_demand, or a schedule)';

/** In the order of the policies. */
export function policyTroubles(state: ClusterState, age: number): readonly PolicyTrouble[] {
  return [...state.policies.values()].flatMap((policy) => {
    const unended = [...(state.policyLive.get(policy.id)?.runs ?? [])].flatMap((id) => state.runs.get(id) ?? []);
    return [
      ...lastFailed(policy, newestEnded(state, policy)),
      ...unended.flatMap((run) => endlessRestarts(policy, run, age)),
      ...skippedTicks(policy, unended[0]),
    ];
  });
}

/** How the newest ended run of each policy ended; NONE: none has. */
export const lastOutcomes = (state: ClusterState): readonly (RunStateName | 'NONE')[] =>
  [...state.policies.values()].map((policy) => newestEnded(state, policy)?.state.kind ?? 'NONE');

function newestEnded(state: ClusterState, policy: Policy): Run | undefined {
  const id = endedRunsOf(state, policy).at(-1);
  return id === undefined ? undefined : state.runs.get(id);
}

function lastFailed(policy: Policy, run: Run | undefined): PolicyTrouble[] {
  if (run?.state.kind !== 'FAILED' || policy.deleting) return [];
  return [{ policy, run, reason: 'LAST_RUN_FAILED', message: `its last run ${run.id} failed: ${run.state.message}` }];
}

function endlessRestarts(policy: Policy, run: Run, age: number): PolicyTrouble[] {
  const ended = run.attempts.filter((attempt) => endOf(attempt) !== undefined);
  const recent = ended.filter((attempt) => isOwnEnd(attempt) && attempt.assignAge > age - WINDOW_MS);
  const last = recent.at(-1);
  if (last === undefined || recent.length < MANY_ENDS) return [];
  // Only the last ended attempts are kept.
  const count = recent.length === ended.length && run.attemptCount > run.attempts.length ? 'at least ' : '';
  const times = `${run.id} ended ${count}${recent.length} times in the last 10 min, last on ${last.server} with ${howEnded(last)}`;
  const isFinished = policy.spec.trigger.kind === 'continuous' && endOf(last)?.exitCode === 0;
  const message = isFinished ? `${times}; ${FINISHED}` : times;
  return [{ policy, run, reason: 'RESTARTS_ENDLESSLY', message }];
}

function skippedTicks(policy: Policy, oldest: Run | undefined): PolicyTrouble[] {
  if (policy.skippedTicks === 0 || policy.paused || oldest === undefined) return [];
  const times =
    policy.skippedTicks === 1 ? 'one time of its schedule was' : `${policy.skippedTicks} times of its schedule were`;
  return [
    { policy, run: oldest, reason: 'TICKS_SKIPPED', message: `${times} left out, since ${oldest.id} has not ended` },
  ];
}

const OWN_ENDS: readonly EndCause[] = ['EXITED', 'OUT_OF_MEMORY', 'SPAWN_FAILED'];

/** The workload ended, or could not be started; nobody told it to, and no server was lost. */
function isOwnEnd(attempt: Attempt): boolean {
  const end = endOf(attempt);
  return attempt.stopReason === undefined && end !== undefined && OWN_ENDS.includes(end.cause);
}

/**
 * Since when attempts come to nothing one after the other, with less than the window between their ends. Undefined: none did. Only the
 * last ended attempts are kept, so it may be going on for longer.
 */
export function failingSinceWall({ attempts }: Run): number | undefined {
  const endWalls = attempts.flatMap((attempt) => {
    const { state } = attempt;
    return state.kind === 'ENDED' && (isOwnEnd(attempt) || state.end.cause === 'REFUSED') ? [state.endWall] : [];
  });
  return endWalls.reduceRight<number | undefined>(
    (since, wall) => (since === undefined || since - wall < WINDOW_MS ? wall : since),
    undefined,
  );
}

/** `exit code 3`, in a sentence behind "with". */
export function howEnded(attempt: Attempt): string {
  const end = endOf(attempt);
  if (end?.exitCode !== undefined) return `exit code ${end.exitCode}`;
  return end?.signal || end?.detail || 'no word of how';
}
