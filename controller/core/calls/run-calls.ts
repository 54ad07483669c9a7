/** Runs: moving, stopping, releasing. */
import { invalidField, type LocumError, stateProblem } from '../../../shared/errors.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { change, tell } from '../cluster/change.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { serverView } from '../placement/capacity.ts';
import { askOf } from '../placement/choose.ts';
import { obstacleAt, obstacleText } from '../placement/obstacle.ts';
import { pausedServers, withoutPauses } from '../placement/setback.ts';
import { isEnded } from '../records/run-state.ts';
import type { Attempt, Policy, Run } from '../records/state.ts';
import { isReplaced } from '../runs/advance.ts';
import { endAttempt } from '../runs/attempt.ts';
import { holdOfPolicy } from '../runs/holds.ts';
import { beginMove, bestElsewhere, restingServer, whyNoneElsewhere } from '../runs/moves.ts';
import { wantStopped } from '../runs/upkeep.ts';
import { type CallOf, knownPolicy, knownRun, knownServer, type Outcome, runOutcome } from './outcome.ts';

function liveRun(turn: View, id: Run['id']): Run {
  const run = knownRun(turn, id);
  if (isEnded(run)) throw stateProblem('RUN_ENDED', `runs/${id}`, `runs/${id} has ended (${run.state.kind})`);
  return run;
}

export function moveRun(turn: Turn, request: CallOf<'move_run'>, validateOnly: boolean): Outcome {
  const run = liveRun(turn, request.run);
  const policy = knownPolicy(turn, run.policy);
  const from = restingServer(run);
  if (from === undefined) {
    throw stateProblem(
      'WRONG_RUN_STATE',
      `runs/${run.id}`,
      `runs/${run.id} is ${run.state.kind}; only a RUNNING run that is not being moved can move`,
    );
  }
  const to =
    request.server === undefined
      ? bestElsewhere(turn, run, policy, from)
      : checkTarget(turn, policy, run, from, request.server);
  if (to === undefined) throw notEligible(run, whyNoneElsewhere(turn, run, policy, from));
  if (!validateOnly) {
    beginMove(turn, run, from, to, 'MOVE');
    return runOutcome(run);
  }
  return runOutcome({ ...run, reservation: { server: to, from, cause: 'MOVE', sinceAge: turn.age } });
}

/** The target an operator names keeps to the policy's list and requirements (I8); claims and setbacks are the operator's to pass over. */
function checkTarget(turn: View, policy: Policy, run: Run, from: ServerId, id: ServerId): ServerId {
  const { state, age } = turn;
  knownServer(turn, id);
  if (id === from) throw notEligible(run, `it runs on ${id} already`);
  const hold = holdOfPolicy(turn, policy);
  if (hold !== undefined) throw notEligible(run, hold.message);
  const ask = askOf(state, policy, run, age, { from, ignored: ['CLAIMED', 'PAUSED', 'SKIPPED'] });
  const obstacle = obstacleAt(ask, id, serverView(state, id, { run: run.id }));
  if (obstacle !== undefined) throw notEligible(run, `${id} ${obstacleText(obstacle, age)}; ${obstacle.change}`);
  return id;
}

const notEligible = (run: Run, why: string): LocumError =>
  stateProblem('TARGET_NOT_ELIGIBLE', `runs/${run.id}`, `runs/${run.id} can't move: ${why}`);

export function stopRun(turn: Turn, request: CallOf<'stop_run'>, validateOnly: boolean): Outcome {
  const run = liveRun(turn, request.run);
  if (!validateOnly) wantStopped(turn, run, 'OPERATOR', 'it was told to stop');
  return runOutcome(run);
}

/**
 * Its server is there and can't be confirmed dead, but answers from another place or boot and never proves the end of a HOLD
 * or OVERLAP attempt: without this way out nothing would.
 */
const isLeftBehind = (turn: View, attempt: Attempt): boolean =>
  attempt.terms.onDisconnect !== 'STOP' && attempt.state.kind !== 'ENDED' && isReplaced(turn, attempt);

/** It waits for time alone: in BACKOFF, or in the queue since it pauses where it would go. */
function isPausing({ age }: View, run: Run): boolean {
  if (run.state.kind === 'BACKOFF') return true;
  return run.state.kind === 'QUEUED' && (run.notBeforeAge > age || pausedServers(run, age).length > 0);
}

/** Ends a BACKOFF or a pause now, or gives up an attempt that can't be killed or can't be asked after (an operator's proof, d). */
export function releaseRun(turn: Turn, request: CallOf<'release_run'>, validateOnly: boolean): Outcome {
  const run = liveRun(turn, request.run);
  const name = `runs/${run.id}`;
  if (isPausing(turn, run) && !request.abandonAttempt) {
    if (validateOnly) return runOutcome(run);
    const news = { type: 'RUN_RELEASED', cause: 'OPERATOR', message: `${run.id} is tried again now` } as const;
    change(turn, run, { notBeforeAge: 0, skips: withoutPauses(run.skips) }, news);
    return runOutcome(run);
  }
  // The oldest first: beside a run that was started again (OVERLAP), it is the one that nothing else would end.
  const attempt = run.attempts.find((one) => one.state.kind === 'STUCK' || isLeftBehind(turn, one));
  if (attempt === undefined) {
    throw stateProblem(
      'WRONG_RUN_STATE',
      name,
      `${name} is ${run.state.kind}: only a run that waits for the end of a pause (BACKOFF or QUEUED) or is STUCK can be released`,
    );
  }
  if (!request.abandonAttempt) {
    throw stateProblem(
      'WRONG_RUN_STATE',
      name,
      `${name} is ${run.state.kind}: only giving up epoch ${attempt.epoch}, whose processes on ${attempt.server} may live on, releases it (abandon_attempt and a reason; locum run release ${run.id} --abandon-attempt --reason …)`,
    );
  }
  if (request.reason === '') throw invalidField('reason', 'is required with abandon_attempt');
  if (validateOnly) return runOutcome(run);
  const message = `${turn.journal.actor} gives up epoch ${attempt.epoch} of ${run.id}: ${request.reason}`;
  tell(turn, run, { type: 'RUN_ABANDONED', cause: 'OPERATOR', message });
  endAttempt(turn, run, attempt, {
    cause: attempt.stopReason === undefined ? 'LOST' : 'STOPPED',
    exitCode: undefined,
    signal: '',
    proof: 'OPERATOR',
    detail: request.reason,
  });
  return runOutcome(run);
}
