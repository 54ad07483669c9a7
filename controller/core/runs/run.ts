/** One function per transition of a run: created, shown in a new state, queued, finished. */
import { assert } from '../../../shared/assert.ts';
import { deepEqual } from '../../../shared/deep-equal.ts';
import { runId } from '../../../shared/ids.ts';
import { change, create, type News, SILENT, type Telling } from '../cluster/change.ts';
import { poolLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { roughly } from '../placement/setback-text.ts';
import type { CauseOf, EventType } from '../records/event-type.ts';
import { nextRunNumber, nextUid } from '../records/meta.ts';
import { type InState, isEnded, type OpenStateName } from '../records/run-state.ts';
import type { Attempt, Policy, Run, RunOutcome } from '../records/state.ts';
import { endReservation } from './reservation.ts';
import { keepEndedRun } from './retention.ts';

/** Creates a run; it is placed in the same step if there is room. `cause` says who wants it. */
export function createRun(turn: Turn, policy: Policy, cause: CauseOf<'RUN_CREATED'>, args: readonly string[]): Run {
  const { state, now } = turn;
  const run: Run = {
    kind: 'run',
    id: runId(`${policy.id}-${nextRunNumber(state.meta)}`),
    uid: nextUid(state.meta),
    version: 0,
    createWall: now.wall,
    updateWall: now.wall,
    policy: policy.id,
    policyUid: policy.uid,
    pool: policy.spec.pool,
    desired: 'RUNNING',
    state: { kind: 'QUEUED', reason: 'NEW', message: '', etaWall: undefined },
    slots: policy.spec.slots,
    priority: policy.spec.priority,
    arguments: args,
    origin: { cause, creator: turn.journal.actor },
    firstStartWall: undefined,
    attempts: [],
    attemptCount: 0,
    queueCause: 'START',
    queueSinceWall: now.wall,
    queueSinceAge: turn.age,
    passedOverSinceAge: 0,
    notBeforeAge: 0,
    preferServer: undefined,
    nextCause: 'START',
    nextReason: 'NEW',
    reservation: undefined,
    wantedMove: undefined,
    outcome: undefined,
    failures: [],
    skips: [],
    backoffRounds: 0,
    failureCount: 0,
    lastMoveAge: 0,
  };
  create(turn, run, { type: 'RUN_CREATED', cause, message: `${run.id} was created` });
  return run;
}

export type Shown<S extends OpenStateName = OpenStateName> = InState<S> & {
  readonly etaWall?: number | undefined;
};

const ETA_SLACK_MS = 1_000;

/** Shows a run in a state that the event log tells more of elsewhere: with the assignment, the stop and the start's answer. */
export const showState = (turn: Turn, run: Run, shown: Shown): void => show(turn, run, shown, SILENT);

function show<T extends EventType>(turn: Turn, run: Run, shown: Shown, telling: Telling<T>): void {
  const { state: before } = run;
  assert(!('endAge' in before), `run ${run.id} ended and changes no more`);
  const state = { ...shown, etaWall: shown.etaWall };
  const etaMoved = Math.abs((state.etaWall ?? 0) - (before.etaWall ?? 0)) > ETA_SLACK_MS;
  if (!etaMoved && deepEqual({ ...before, etaWall: state.etaWall }, state)) return;
  change(turn, run, { state }, telling);
}

/** States that the event log tells. */
type Announced = Shown<Exclude<OpenStateName, 'ASSIGNED' | 'STARTING' | 'STOPPING'>>;

/** The same, with a line in the event log when the state or its reason is a new one, or `isNews` says that something else is. */
export function announceState(turn: Turn, run: Run, shown: Announced, isNews = false): void {
  const isOther = run.state.kind !== shown.kind || run.state.reason !== shown.reason;
  show(turn, run, shown, isNews || isOther ? newsOf(turn, run, shown, shown.etaWall) : SILENT);
}

type Told = Announced | RunOutcome;

function newsOf({ now }: View, run: Run, told: Told, etaWall?: number): News<`RUN_${Told['kind']}`> {
  const attempt = run.attempts.at(-1);
  // Whoever reads the event later can count from its time.
  const etaText = etaWall === undefined ? '' : ` (in ${roughly(etaWall - now.wall)})`;
  return {
    type: `RUN_${told.kind}`,
    cause: told.reason,
    message: `${run.id} is ${told.kind}: ${told.message}${etaText}`,
    ...(attempt === undefined || told.kind === 'QUEUED' ? {} : { server: attempt.server, epoch: attempt.epoch }),
  };
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
  turn.lookAtPool(run.pool);
}

export function dequeue(turn: Turn, run: Run): void {
  const live = poolLiveOf(turn.state, run.pool);
  live.queue.remove(run.id);
  // Whatever takes it out of the queue is told.
  change(turn, run, { passedOverSinceAge: 0 }, SILENT);
  for (const [server, claimer] of live.claims) if (claimer === run.id) live.claims.delete(server);
}

/** Ends a run for good: its last attempt is proven ended. */
export function finish(turn: Turn, run: Run, outcome: RunOutcome): void {
  assert(
    run.attempts.every((attempt) => attempt.state.kind === 'ENDED'),
    `run ${run.id} is terminal only when its last attempt is proven ended (C3)`,
  );
  assert(!isEnded(run), `run ${run.id} ends once`);
  const { now } = turn;
  // The end of the run says it.
  endReservation(turn, run, SILENT);
  dequeue(turn, run);
  turn.runWheel.cancel(run.id);
  const endWall = Math.max(now.wall, run.createWall, ...run.attempts.map(endWallOf));
  const state = { ...outcome, endWall, endAge: turn.age };
  change(turn, run, { state, outcome, wantedMove: undefined }, newsOf(turn, run, outcome));
  turn.state.runLive.delete(run.id);
  keepEndedRun(turn, run);
}

const endWallOf = ({ state }: Attempt): number => (state.kind === 'ENDED' ? state.endWall : 0);
