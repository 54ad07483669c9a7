/** One function per transition of a run: created, shown in a new state, queued, finished. */
import { assert } from '../../../shared/assert.ts';
import { runId } from '../../../shared/ids.ts';
import { nextUid, policyLiveOf, poolLiveOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { roughly } from '../placement/happened.ts';
import type { CauseOf } from '../records/event-type.ts';
import type { RunReason } from '../records/run-reason.ts';
import type { RunStateName } from '../records/run-state.ts';
import type { Policy, Run, RunOutcome } from '../records/state.ts';
import { endReservation } from './reservation.ts';
import { keepEndedRun } from './retention.ts';

export const isEnded = (run: Run): boolean =>
  run.state === 'SUCCEEDED' || run.state === 'FAILED' || run.state === 'STOPPED';

/** Creates a run; it is placed in the same step if there is room. `cause` says who wants it. */
export function createRun(turn: Turn, policy: Policy, cause: CauseOf<'RUN_CREATED'>, args: readonly string[]): Run {
  const { state, journal, now } = turn;
  state.meta.lastRun += 1;
  const run: Run = {
    kind: 'run',
    id: runId(`${policy.id}-${state.meta.lastRun}`),
    uid: nextUid(state.meta),
    version: 0,
    createWall: now.wall,
    updateWall: now.wall,
    policy: policy.id,
    policyUid: policy.uid,
    pool: policy.spec.pool,
    desired: 'RUNNING',
    state: 'QUEUED',
    reason: 'NEW',
    message: '',
    etaWall: undefined,
    endWall: undefined,
    endAge: 0,
    slots: policy.spec.slots,
    priority: policy.spec.priority,
    arguments: args,
    attempts: [],
    attemptCount: 0,
    queueCause: 'START',
    queueSinceWall: now.wall,
    queueSinceAge: turn.age,
    passedOverSinceAge: 0,
    notBeforeAge: 0,
    preferServer: undefined,
    nextCause: 'START',
    reservation: undefined,
    wantedMove: undefined,
    outcome: undefined,
    failures: [],
    skips: [],
    backoffRounds: 0,
    lastMoveAge: 0,
  };
  state.runs.set(run.id, run);
  policyLiveOf(state, policy).runs.add(run.id);
  journal.put(run);
  journal.event({
    type: 'RUN_CREATED',
    cause,
    message: `${run.id} was created`,
    pool: run.pool,
    policy: policy.id,
    run: run.id,
  });
  turn.dirtyRuns.add(run.id);
  return run;
}

export interface Shown {
  readonly state: RunStateName;
  readonly reason: RunReason;
  readonly message: string;
  readonly etaWall?: number | undefined;
  /** It is told in the event log though its state and reason are the same. */
  readonly isNews?: boolean;
}

/** States that a restarted controller derives again from attempts and streams: shown to watchers, not written. */
const DERIVED: ReadonlySet<RunStateName> = new Set<RunStateName>(['STARTING', 'STOPPING']);
const ETA_SLACK_MS = 1_000;

/** Shows a run in a state. Answers whether anything changed. */
export function showState(turn: Turn, run: Run, shown: Shown): boolean {
  const etaMoved = Math.abs((shown.etaWall ?? 0) - (run.etaWall ?? 0)) > ETA_SLACK_MS;
  if (run.state === shown.state && run.reason === shown.reason && run.message === shown.message && !etaMoved) {
    return false;
  }
  assert(!isEnded(run), `run ${run.id} ended and changes no more`);
  run.state = shown.state;
  run.reason = shown.reason;
  run.message = shown.message;
  run.etaWall = shown.etaWall;
  if (DERIVED.has(shown.state)) turn.journal.touch(`runs/${run.id}`);
  else turn.journal.put(run);
  return true;
}

/** States that the event log tells. Of the others it says more where they begin: with the assignment, the stop and the start's answer. */
interface Announced extends Shown {
  readonly state: Exclude<RunStateName, 'ASSIGNED' | 'STARTING' | 'STOPPING'>;
}

/** The same, with a line in the event log when the state or its reason is a new one. */
export function announceState(
  turn: Turn,
  run: Run,
  shown: Announced,
  details?: Readonly<Record<string, string>>,
): void {
  const news = shown.isNews === true || run.state !== shown.state || run.reason !== shown.reason;
  if (!showState(turn, run, shown) || !news) return;
  const attempt = run.attempts.at(-1);
  // Whoever reads the event later can count from its time.
  const etaText = shown.etaWall === undefined ? '' : ` (in ${roughly(shown.etaWall - turn.now.wall)})`;
  turn.journal.event({
    type: `RUN_${shown.state}`,
    cause: shown.reason,
    message: `${run.id} is ${shown.state}: ${shown.message}${etaText}`,
    pool: run.pool,
    policy: run.policy,
    run: run.id,
    ...(attempt === undefined || shown.state === 'QUEUED' ? {} : { server: attempt.server, epoch: attempt.epoch }),
    ...(details === undefined ? {} : { details }),
  });
}

export function enqueue(turn: Turn, run: Run): void {
  const { queue } = poolLiveOf(turn.state, run.pool);
  const queued = queue.get(run.id);
  if (queued?.priority === run.priority && queued.slots === run.slots) return;
  queue.add({
    run: run.id,
    priority: run.priority,
    cause: run.queueCause,
    sinceAge: run.queueSinceAge,
    slots: run.slots,
  });
  turn.dirtyPools.add(run.pool);
}

export function dequeue(turn: Turn, run: Run): void {
  const live = poolLiveOf(turn.state, run.pool);
  live.queue.remove(run.id);
  run.passedOverSinceAge = 0;
  for (const [server, claimer] of live.claims) if (claimer === run.id) live.claims.delete(server);
}

/** Ends a run for good: its last attempt is proven ended. */
export function finish(turn: Turn, run: Run, outcome: RunOutcome): void {
  assert(
    run.attempts.every((attempt) => attempt.state === 'ENDED'),
    `run ${run.id} is terminal only when its last attempt is proven ended (C3)`,
  );
  const { state, now } = turn;
  endReservation(turn, run);
  dequeue(turn, run);
  turn.runWheel.cancel(run.id);
  announceState(turn, run, { state: outcome.state, reason: outcome.reason, message: outcome.message });
  run.endWall = Math.max(now.wall, run.createWall, ...run.attempts.map(({ endWall }) => endWall ?? 0));
  run.endAge = turn.age;
  run.outcome = outcome;
  run.wantedMove = undefined;
  state.runLive.delete(run.id);
  state.policyLive.get(run.policy)?.runs.delete(run.id);
  keepEndedRun(turn, run);
  turn.dirtyPolicies.add(run.policy);
}
