/** Starting, stopping, restarting, pausing and resuming policies. */

import { count } from '../../../shared/count.ts';
import { stateProblem } from '../../../shared/errors.ts';
import { policyLiveOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import type { EventCausedBy } from '../records/event-type.ts';
import type { Policy, Run } from '../records/state.ts';
import { currentAttempt, stopAttempt } from '../runs/attempt.ts';
import { createRun } from '../runs/run.ts';
import { wantStopped } from '../runs/upkeep.ts';
import { type CallOf, knownPolicy, type Outcome, policyOutcome, runOutcome } from './outcome.ts';
import { deletingError } from './policy-calls.ts';

function livePolicy(turn: Turn, id: Policy['id']): Policy {
  const policy = knownPolicy(turn, id);
  if (policy.deleting) throw deletingError(policy);
  return policy;
}

const unendedRuns = (turn: Turn, policy: Policy): readonly Run[] =>
  [...policyLiveOf(turn.state, policy).runs].map((id) => turn.state.runs.get(id)).filter((run) => run !== undefined);

export function startPolicy(turn: Turn, request: CallOf<'start_policy'>, validateOnly: boolean): Outcome {
  const policy = livePolicy(turn, request.policy);
  const name = `policies/${policy.id}`;
  const continuous = policy.spec.trigger.kind === 'continuous';
  const runs = unendedRuns(turn, policy);
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
export function stopPolicy(turn: Turn, request: CallOf<'stop_policy'>): Outcome {
  const policy = livePolicy(turn, request.policy);
  if (policy.spec.trigger.kind === 'continuous') setPaused(turn, policy, true);
  const runs = unendedRuns(turn, policy);
  for (const run of runs) wantStopped(turn, run, 'OPERATOR', 'its policy was told to stop');
  note(turn, policy, 'POLICY_STOPPED', `${policy.id} was told to stop: ${count(runs.length, 'run')}`);
  return policyOutcome(policy);
}

export function restartPolicy(turn: Turn, request: CallOf<'restart_policy'>): Outcome {
  const policy = livePolicy(turn, request.policy);
  note(turn, policy, 'POLICY_RESTARTED', `${policy.id} was told to restart`);
  for (const run of unendedRuns(turn, policy)) {
    const attempt = currentAttempt(run);
    if (attempt !== undefined) stopAttempt(turn, run, attempt, 'RESTART', 'its policy was told to restart');
    else {
      run.notBeforeAge = 0;
      turn.journal.put(run);
      turn.dirtyRuns.add(run.id);
    }
  }
  return policyOutcome(policy);
}

export function pausePolicy(turn: Turn, request: CallOf<'pause_policy'>): Outcome {
  const policy = livePolicy(turn, request.policy);
  setPaused(turn, policy, true);
  return policyOutcome(policy);
}

export function resumePolicy(turn: Turn, request: CallOf<'resume_policy'>): Outcome {
  const policy = livePolicy(turn, request.policy);
  setPaused(turn, policy, false);
  return policyOutcome(policy);
}

function setPaused(turn: Turn, policy: Policy, paused: boolean): void {
  if (policy.paused === paused) return;
  policy.paused = paused;
  note(
    turn,
    policy,
    paused ? 'POLICY_PAUSED' : 'POLICY_RESUMED',
    `${policy.id} ${paused ? 'starts no new runs' : 'starts runs again'}`,
  );
}

function note(turn: Turn, policy: Policy, type: EventCausedBy<'OPERATOR'>, message: string): void {
  turn.journal.put(policy);
  turn.journal.event({ type, cause: 'OPERATOR', message, policy: policy.id });
  turn.dirtyPolicies.add(policy.id);
}
