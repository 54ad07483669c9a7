/** Starting, stopping, restarting, pausing and resuming policies. */

import { count } from '../../../shared/count.ts';
import { stateProblem } from '../../../shared/errors.ts';
import { change, SILENT, tell } from '../cluster/change.ts';
import { runsOf } from '../cluster/run-lists.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { Policy, Run } from '../records/state.ts';
import { currentAttempt, stopAttempt } from '../runs/attempt.ts';
import { holdOfPolicy } from '../runs/holds.ts';
import { createRun } from '../runs/run.ts';
import { wantStopped } from '../runs/upkeep.ts';
import { type CallOf, knownPolicy, type Outcome, policyOutcome, runOutcome } from './outcome.ts';
import { deletingError } from './policy-calls.ts';

function livePolicy(turn: View, id: Policy['id']): Policy {
  const policy = knownPolicy(turn, id);
  if (policy.deleting) throw deletingError(policy);
  return policy;
}

export function startPolicy(turn: Turn, request: CallOf<'start_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  const name = `policies/${policy.id}`;
  const continuous = policy.spec.trigger.kind === 'continuous';
  const runs = runsOf(turn.state, policy);
  if (runs.length >= policy.spec.maxConcurrentRuns) {
    throw stateProblem('TOO_MANY_RUNS', name, tooManyText(policy, runs));
  }
  if (continuous && request.arguments.length > 0) {
    throw stateProblem(
      'WRONG_TRIGGER',
      name,
      `${name} runs all the time: arguments are for on-demand and scheduled policies`,
    );
  }
  if (policy.paused && !continuous) {
    throw stateProblem('POLICY_PAUSED', name, `${name} is paused: resume it first (locum policy resume ${policy.id})`);
  }
  if (validateOnly) return policyOutcome(policy);
  if (policy.paused) setPaused(turn, policy, false);
  return runOutcome(createRun(turn, policy, 'OPERATOR', request.arguments));
}

function tooManyText({ id, spec }: Policy, runs: readonly Run[]): string {
  const has = count(runs.length, 'run that has', 'runs that have');
  const ids = runs.map((run) => run.id).join(', ');
  return `policies/${id} has ${has} not ended (${ids}), and its max_concurrent_runs is ${spec.maxConcurrentRuns}`;
}

/** A continuous policy is paused by it, or it would start again at once. */
export function stopPolicy(turn: Turn, request: CallOf<'stop_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  const pauses = policy.spec.trigger.kind === 'continuous';
  if (validateOnly) return policyOutcome({ ...policy, paused: pauses || policy.paused });
  if (pauses) setPaused(turn, policy, true);
  const runs = runsOf(turn.state, policy);
  for (const run of runs) wantStopped(turn, run, 'OPERATOR', 'its policy was told to stop');
  const message = `${policy.id} was told to stop: ${count(runs.length, 'run')}`;
  tell(turn, policy, { type: 'POLICY_STOPPED', cause: 'OPERATOR', message });
  return policyOutcome(policy);
}

export function restartPolicy(turn: Turn, request: CallOf<'restart_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  const runs = runsOf(turn.state, policy);
  const hold = holdOfPolicy(turn, policy);
  if (hold !== undefined && runs.some((run) => currentAttempt(run) !== undefined)) {
    throw stateProblem(
      'STARTS_HELD',
      `policies/${policy.id}`,
      `what is stopped now would not start again: ${hold.message}`,
    );
  }
  if (validateOnly) return policyOutcome(policy);
  const message = `${policy.id} was told to restart`;
  tell(turn, policy, { type: 'POLICY_RESTARTED', cause: 'OPERATOR', message });
  for (const run of runs) {
    const attempt = currentAttempt(run);
    if (attempt !== undefined) stopAttempt(turn, run, attempt, 'RESTART', 'its policy was told to restart');
    // It only waits: that its policy is told to restart says it all.
    else change(turn, run, { notBeforeAge: 0 }, SILENT);
  }
  return policyOutcome(policy);
}

export function pausePolicy(turn: Turn, request: CallOf<'pause_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  if (validateOnly) return policyOutcome({ ...policy, paused: true });
  setPaused(turn, policy, true);
  return policyOutcome(policy);
}

export function resumePolicy(turn: Turn, request: CallOf<'resume_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  if (validateOnly) return policyOutcome({ ...policy, paused: false });
  setPaused(turn, policy, false);
  return policyOutcome(policy);
}

function setPaused(turn: Turn, policy: Policy, paused: boolean): void {
  const [type, what] = paused
    ? (['POLICY_PAUSED', 'starts no new runs'] as const)
    : (['POLICY_RESUMED', 'starts runs again'] as const);
  change(turn, policy, { paused }, { type, cause: 'OPERATOR', message: `${policy.id} ${what}` });
}
