/**
 * Carries out what run-end.ts judges when an attempt has ended: the run is finished, or it queues again, at a price (setbacks, pauses, the
 * restart budget). Each function answers which fields of the run have new values, and one change takes them all.
 */
import type { ServerId } from '../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { change, type RunPatch, SILENT } from '../cluster/change.ts';
import { poolOf, serverOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { freeSlots } from '../placement/capacity.ts';
import { eligibleServers } from '../placement/choose.ts';
import {
  avoided,
  nextSetback,
  notBefore,
  pauseAfterMs,
  pausedServers,
  restMs,
  SETBACK_WINDOW_MS,
  skippedServers,
  triedServers,
  withoutOld,
  withoutServer,
  withoutTried,
  withSkip,
} from '../placement/setback.ts';
import { type AttemptEnd, startWallOf } from '../records/attempt-state.ts';
import type { Skip } from '../records/skip.ts';
import type { Attempt, Policy, Reservation, Run } from '../records/state.ts';
import { endReservation, reserve } from './reservation.ts';
import { type Again, again, type EndFacts, judgeEnd, type Next } from './run-end.ts';

const BACKOFF_FIRST_MS = 10 * SECOND;
const BACKOFF_MAX_MS = 5 * MINUTE;

/** A run whose attempt has just ended, and how. */
interface Ended {
  readonly policy: Policy;
  readonly run: Run;
  readonly attempt: Attempt;
  readonly end: AttemptEnd;
  /** What the run still remembers of its failures. */
  readonly memory: Memory;
}

type Memory = Pick<Run, 'failures' | 'skips' | 'backoffRounds'>;

/** Decides what follows, and carries it out. Of a run that is not wanted any more only the move is over: advance.ts brings it to its end. */
export function decideAfterEnd(turn: Turn, run: Run, attempt: Attempt, end: AttemptEnd): void {
  if (run.desired === 'STOPPED') {
    endReservation(turn, run, SILENT);
    return;
  }
  const policy = turn.state.policies.get(run.policy);
  if (policy === undefined) return;
  const failback = policy.spec.failback ?? poolOf(turn.state, run.pool).defaultFailback;
  const next = judgeEnd({ policy, failback, server: answers(turn, attempt) }, run, attempt, end);
  const moving = next.kind === 'again' && next.reason === 'MOVING';
  if (!moving && run.reservation !== undefined) settleFailedMove(turn, run, run.reservation, attempt);
  const memory = memoryOf(run, policy, attempt, turn.age);
  // The end of the attempt is told, and whatever comes next is when it begins.
  change(turn, run, whatFollows(turn, { policy, run, attempt, end, memory }, next), SILENT);
}

/** What answers under the name of an attempt's server. */
function answers({ state }: View, { server: id, place, bootId }: Attempt): EndFacts['server'] {
  const server = serverOf(state, id);
  if (server.liveness !== 'ALIVE' && server.liveness !== 'SUSPECT') return 'ABSENT';
  if (server.instanceId !== place.instanceId || server.machineId !== place.machineId) return 'ABSENT';
  return server.bootId === bootId ? 'UP' : 'REBOOTED';
}

/** A move that did not succeed: the run goes back to the slot that was kept for it on the source, or the move is off. */
function settleFailedMove(turn: Turn, run: Run, { from, cause }: Reservation, attempt: Attempt): void {
  // The end of the attempt says why.
  endReservation(turn, run, SILENT);
  if (attempt.server !== from) reserve(turn, run, { server: from, from, cause, sinceAge: turn.age }, SILENT);
}

/** What ran for long enough starts with a clean slate; what is old is forgotten in any case. */
function memoryOf(run: Run, { spec }: Policy, attempt: Attempt, age: number): Memory {
  const ranMs = startWallOf(attempt) === undefined ? 0 : age - attempt.assignAge;
  const ranLong = ranMs >= spec.restart.windowMs;
  const skips = ranLong ? withoutServer(run.skips, attempt.server) : run.skips;
  return {
    failures: ranLong ? [] : run.failures.filter((failure) => failure.age > age - SETBACK_WINDOW_MS),
    skips: withoutOld(skips, age),
    backoffRounds: ranLong ? 0 : run.backoffRounds,
  };
}

function whatFollows(view: View, ended: Ended, next: Next): RunPatch {
  switch (next.kind) {
    case 'finish':
      return { ...ended.memory, desired: 'STOPPED', outcome: next.outcome };
    case 'again':
      return queuedAgain(view, ended, next);
    case 'failure':
      return afterFailure(view, ended);
  }
}

function queuedAgain({ age, now }: View, { attempt, memory }: Ended, next: Again): RunPatch {
  // Kept through attempts that never ran: they were no turn of its own.
  const since = startWallOf(attempt) === undefined ? {} : { queueSinceWall: now.wall, queueSinceAge: age };
  const { cause: nextCause, queueCause, reason: nextReason } = next;
  const preferred = next.prefer ? { preferServer: attempt.server } : {};
  return {
    ...memory,
    nextCause,
    queueCause,
    nextReason,
    ...since,
    ...preferred,
    ...costOf(memory, attempt, next, age),
  };
}

/** What it costs to be placed again. */
function costOf(memory: Memory, attempt: Attempt, { setback, reason, delayMs }: Again, age: number): RunPatch {
  const delayedAge = age + delayMs;
  if (setback === 'NONE') return { notBeforeAge: delayedAge };
  const skip = nextSetback(memory, attempt, reason, age);
  const skips = withSkip(memory, skip);
  if (setback === 'ONCE_FREE' && skip.count === 1) return { notBeforeAge: delayedAge, skips };
  if (setback === 'IN_PLACE') {
    return { notBeforeAge: Math.max(delayedAge, notBefore(attempt, pauseAfterMs(skip.count))), skips };
  }
  return {
    notBeforeAge: Math.max(delayedAge, notBefore(attempt, restMs({ skips }))),
    skips: withSkip(memory, avoided(attempt, skip, age)),
    preferServer: undefined,
  };
}

/** A failure: again in place, then the next server, then back-off or the end (the restart budget). */
function afterFailure(view: View, ended: Ended): RunPatch {
  const { age } = view;
  const { policy, attempt, end } = ended;
  const { attempts, windowMs, delayMs, maxFailures = Number.POSITIVE_INFINITY } = policy.spec.restart;
  const failureCount = ended.run.failureCount + 1;
  const failures = [...ended.memory.failures, { server: attempt.server, age }].slice(-1_000);
  const failed = { ...ended, memory: { ...ended.memory, failures } };
  const here = failures.filter((failure) => failure.server === attempt.server && failure.age > age - windowMs);
  if (failureCount >= maxFailures) {
    const often = failureCount === 1 ? 'once' : `${failureCount} times`;
    return {
      ...failed.memory,
      failureCount,
      ...failedForGood(ended, `it failed ${often}, which max_failures of its policy makes the end`),
    };
  }
  if (here.length < attempts && end.cause !== 'SPAWN_FAILED') {
    const next = again('RESTART', 'START', 'FAILED_ONCE', { prefer: true, delayMs });
    return { failureCount, ...queuedAgain(view, failed, next) };
  }
  return { failureCount, ...afterBudget(view, failed) };
}

/** Its budget is spent on this server. */
function afterBudget(view: View, ended: Ended): RunPatch {
  const { age, state } = view;
  const { policy, attempt, memory } = ended;
  const setback = { ...nextSetback(memory, attempt, 'FAILED_HERE', age), triedUntilAge: age + SETBACK_WINDOW_MS };
  const skip = avoided(attempt, setback, age, SETBACK_WINDOW_MS);
  const skips = withSkip(memory, skip);
  const tried = triedServers({ skips }, age);
  const untried = eligibleServers(state, policy).filter((id) => !tried.includes(id));
  if (untried.length > 0) return elsewhere(view, { ...ended, memory: { ...memory, skips } }, skip, untried);
  if (policy.spec.trigger.kind !== 'continuous') {
    return { ...memory, skips, ...failedForGood(ended, 'it failed on every server that may take it') };
  }
  // Tried again from the top of its list: the failures are counted anew after the pause.
  const { backoffRounds } = memory;
  const anew = { ...memory, skips: withoutTried(skips), backoffRounds: backoffRounds + 1 };
  const next = again('RESTART', 'START', 'BACKOFF', { delayMs: backoffMs(backoffRounds) });
  return queuedAgain(view, { ...ended, memory: anew }, next);
}

/** Servers are left where it was not tried. */
function elsewhere(view: View, ended: Ended, skip: Skip, untried: readonly ServerId[]): RunPatch {
  const { age, state } = view;
  const { run, attempt, memory } = ended;
  const shunned = [...skippedServers(memory, age), ...pausedServers(memory, age)];
  const open = untried.filter((id) => !shunned.includes(id));
  const hasRoom = open.some((id) => freeSlots(state, serverOf(state, id), run) >= run.slots);
  // The next one is full, or avoided as well, and this one may be chosen again: not over and over without a pause.
  const pausedUntilAge = age + backoffMs(memory.backoffRounds);
  const pausing = {
    skips: withSkip(memory, { ...skip, pausedUntilAge }),
    backoffRounds: memory.backoffRounds + 1,
  };
  const queued = queuedAgain(view, ended, again('RECOVERY', 'RECOVERY', 'FAILED_HERE'));
  const notBeforeAge = Math.max(age, notBefore(attempt, restMs(memory)));
  return { ...queued, ...(hasRoom ? {} : pausing), notBeforeAge };
}

function failedForGood({ attempt, end }: Ended, what: string): RunPatch {
  const how = end.signal === '' ? `exit code ${end.exitCode ?? 'unknown'}` : end.signal;
  const detail = end.detail === '' ? '' : ` (${end.detail})`;
  const message = `${what}, last on ${attempt.server} with ${how}${detail}`;
  return { desired: 'STOPPED', outcome: { kind: 'FAILED', reason: 'BUDGET_SPENT', message } };
}

/** 10 s, doubling to 5 min. */
const backoffMs = (rounds: number): number => Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(rounds, 10));
