/**
 * What follows when an attempt is proven ended: an ordered table of rules, the first that matches decides
 * (semantics 7). Pure judgement first, then its execution.
 */
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { poolOf, serverOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { freeSlotsFor } from '../placement/capacity.ts';
import { eligibleServers } from '../placement/eligible.ts';
import type { AgainReason } from '../placement/happened.ts';
import {
  avoid,
  countSetback,
  forgetOldSetbacks,
  forgetSetbacks,
  forgetTried,
  notBefore,
  pauseAfterMs,
  pausedServers,
  putSkip,
  restMs,
  SETBACK_WINDOW_MS,
  skippedServers,
  triedServers,
} from '../placement/setback.ts';
import type { RunReason } from '../records/run-reason.ts';
import type {
  Attempt,
  AttemptCause,
  AttemptEnd,
  Failback,
  Policy,
  QueueCause,
  Reservation,
  Run,
} from '../records/state.ts';
import { endReservation, reserve } from './reservation.ts';

const BACKOFF_FIRST_MS = 10 * SECOND;
const BACKOFF_MAX_MS = 5 * MINUTE;
/** A start that came too late may have met a hiccup: it is not sent again into the same one. */
const LATE_DELAY_MS = 1 * SECOND;

interface Again {
  readonly kind: 'again';
  readonly cause: AttemptCause;
  readonly queueCause: QueueCause;
  /** The same server first, if eligible. */
  readonly prefer: boolean;
  /**
   * What it costs. COUNTED: the server is avoided, and paused for longer each time. ONCE_FREE: the same from the second time on, since
   * a single one says little about the server. IN_PLACE: the run itself pauses, and stays there.
   */
  readonly setback: 'NONE' | 'COUNTED' | 'ONCE_FREE' | 'IN_PLACE';
  readonly delayMs: number;
  readonly reason: AgainReason;
}

type Next =
  | Again
  | { readonly kind: 'failure' }
  | {
      readonly kind: 'finish';
      readonly state: 'SUCCEEDED' | 'FAILED';
      readonly reason: RunReason;
      readonly message: string;
    };

const again = (cause: AttemptCause, queueCause: QueueCause, reason: AgainReason, more: Partial<Again> = {}): Again => ({
  kind: 'again',
  cause,
  queueCause,
  prefer: false,
  setback: 'NONE',
  delayMs: 0,
  reason,
  ...more,
});

/** The server was lost to the run, or the run to the server: the next one, or the same one again (`on_run_missing`). */
function runMissing(policy: Policy): Again {
  const inPlace = policy.spec.onRunMissing === 'IN_PLACE';
  return again('RECOVERY', 'RECOVERY', 'RUN_MISSING', { prefer: inPlace, setback: inPlace ? 'IN_PLACE' : 'COUNTED' });
}

export interface EndFacts {
  readonly policy: Policy;
  readonly failback: Failback;
  /** What answers under the server's name now. ABSENT: nothing, or another place. */
  readonly server: 'ABSENT' | 'UP' | 'REBOOTED';
}

/** Decides what follows for a run that is wanted and whose attempt has just ended. */
export function judgeEnd({ policy, failback, server }: EndFacts, run: Run, attempt: Attempt, end: AttemptEnd): Next {
  const continuous = policy.spec.trigger.kind === 'continuous';
  const stays = failback !== 'ON_NEXT_START';
  // A process that ended by itself before our stop reached it ended by itself.
  if (end.cause === 'EXITED' && end.exitCode === 0 && !continuous) {
    return { kind: 'finish', state: 'SUCCEEDED', reason: 'EXITED', message: 'it exited with code 0' };
  }
  // A stop that we sent is no failure.
  switch (attempt.stopReason) {
    case 'MOVE':
    case 'FAILBACK':
    case 'DRAIN':
      return again(attempt.stopReason, 'MOVE', 'MOVING');
    case 'DRAIN_DEADLINE':
      return again('DRAIN', 'RECOVERY', 'DRAINED');
    case 'RESTART':
      return again('RESTART', 'START', 'RESTARTING', { prefer: stays });
    case 'CAPABILITY_LOST':
      return again('RECOVERY', 'RECOVERY', 'CAPABILITY_LOST');
    case 'START_UNANSWERED':
      return again('RECOVERY', 'RECOVERY', 'START_UNANSWERED', { setback: 'COUNTED' });
    case 'OPERATOR':
    case undefined:
      break;
  }
  return judgeLoss(policy, server, run, attempt, end) ?? judgeExit(policy, stays, end);
}

/** Ends that are no fault of the policy. Undefined: it is one. */
function judgeLoss(
  policy: Policy,
  server: EndFacts['server'],
  run: Run,
  attempt: Attempt,
  end: AttemptEnd,
): Again | undefined {
  const once = { setback: 'ONCE_FREE' } as const;
  if (end.proof === 'OPERATOR') return again('RECOVERY', 'RECOVERY', 'SERVER_MISSING');
  if (end.proof === 'NEW_BOOT') return again('RECOVERY', 'RECOVERY', 'HOST_REBOOTED', once);
  if (end.proof === 'WAIT') {
    // Up again and without a word of the attempt until the wait was over: that it says Hello is no sign of health.
    if (server === 'UP') return runMissing(policy);
    return again('RECOVERY', 'RECOVERY', 'SERVER_MISSING', server === 'REBOOTED' ? once : {});
  }
  if (end.proof === 'NEVER_SENT') return again(attempt.cause, run.queueCause, 'NOT_SENT', once);
  if (end.cause === 'LAPSED') return again('RECOVERY', 'RECOVERY', 'LAPSED', { prefer: true, ...once });
  // It came too late, or never.
  if (end.proof === 'INVENTORY' && end.cause === 'UNKNOWN') {
    return again(attempt.cause, run.queueCause, 'START_LOST', once);
  }
  if (end.cause === 'EXPIRED') {
    return again(attempt.cause, run.queueCause, 'START_EXPIRED', { delayMs: LATE_DELAY_MS, ...once });
  }
  if (end.cause === 'REFUSED') return again(attempt.cause, run.queueCause, 'REFUSED', { setback: 'COUNTED' });
  if (end.proof === 'INVENTORY' || end.cause === 'LOST') return runMissing(policy);
  // The keeper was told to end everything on a host that shuts down.
  if (end.cause === 'STOPPED') return again('RECOVERY', 'RECOVERY', 'STOPPED_BY_HOST', once);
  return undefined;
}

function judgeExit(policy: Policy, stays: boolean, end: AttemptEnd): Next {
  if (end.cause === 'EXITED' && end.exitCode === 0) {
    return again('RESTART', 'START', 'RESTARTING', { prefer: stays, delayMs: policy.spec.restart.delayMs });
  }
  return { kind: 'failure' };
}

/** Carries out what judgeEnd decided. Nothing, when the run is not wanted any more: its outcome is settled elsewhere. */
export function decideAfterEnd(turn: Turn, run: Run, attempt: Attempt, end: AttemptEnd): void {
  if (run.desired === 'STOPPED') {
    endReservation(turn, run);
    return;
  }
  const policy = turn.state.policies.get(run.policy);
  if (policy === undefined) return;
  forgetOldFailures(run, policy, attempt, turn.age);
  const failback = policy.spec.failback ?? poolOf(turn.state, run.pool).defaultFailback;
  const next = judgeEnd({ policy, failback, server: answers(turn, attempt) }, run, attempt, end);
  const moving = next.kind === 'again' && next.reason === 'MOVING';
  if (!moving && run.reservation !== undefined) settleFailedMove(turn, run, run.reservation, attempt);
  switch (next.kind) {
    case 'finish':
      run.desired = 'STOPPED';
      run.outcome = { state: next.state, reason: next.reason, message: next.message };
      return;
    case 'again':
      queueAgain(turn, run, attempt, next);
      return;
    case 'failure':
      decideAfterFailure(turn, run, policy, attempt, end);
  }
}

/** What answers under the name of an attempt's server. */
function answers({ state }: Turn, { server: id, place, bootId }: Attempt): EndFacts['server'] {
  const server = serverOf(state, id);
  if (server.liveness !== 'ALIVE' && server.liveness !== 'SUSPECT') return 'ABSENT';
  if (server.instanceId !== place.instanceId || server.machineId !== place.machineId) return 'ABSENT';
  return server.bootId === bootId ? 'UP' : 'REBOOTED';
}

/** A move that did not succeed: the run goes back to the slot that was kept for it on the source, or the move is off. */
function settleFailedMove(turn: Turn, run: Run, reservation: Reservation, attempt: Attempt): void {
  const { from, cause } = reservation;
  endReservation(turn, run);
  if (attempt.server !== from) reserve(turn, run, { server: from, from, cause, sinceAge: turn.age });
}

function queueAgain(turn: Turn, run: Run, attempt: Attempt, next: Again): void {
  const { age } = turn;
  run.nextCause = next.cause;
  run.queueCause = next.queueCause;
  // Kept through attempts that never ran: they were no turn of its own.
  if (attempt.startWall !== undefined) {
    run.queueSinceWall = turn.now.wall;
    run.queueSinceAge = age;
  }
  run.notBeforeAge = age + next.delayMs;
  run.reason = next.reason;
  if (next.prefer) run.preferServer = attempt.server;
  if (next.setback !== 'NONE') takeSetback(run, attempt, next, age);
}

function takeSetback(run: Run, attempt: Attempt, { setback, reason }: Again, age: number): void {
  const skip = countSetback(run, attempt, reason, age);
  if (setback === 'ONCE_FREE' && skip.count === 1) return;
  if (setback === 'IN_PLACE') {
    run.notBeforeAge = Math.max(run.notBeforeAge, notBefore(attempt, pauseAfterMs(skip.count)));
    return;
  }
  run.preferServer = undefined;
  avoid(run, attempt, skip, age);
  run.notBeforeAge = Math.max(run.notBeforeAge, notBefore(attempt, restMs(run)));
}

/** A failure: again in place, then the next server, then back-off or the end (the restart budget). */
function decideAfterFailure(turn: Turn, run: Run, policy: Policy, attempt: Attempt, end: AttemptEnd): void {
  const { age } = turn;
  const { attempts, windowMs, delayMs } = policy.spec.restart;
  run.failures = [...run.failures, { server: attempt.server, age }].slice(-1_000);
  const here = run.failures.filter((failure) => failure.server === attempt.server && failure.age > age - windowMs);
  if (here.length < attempts && end.cause !== 'SPAWN_FAILED') {
    queueAgain(turn, run, attempt, again('RESTART', 'START', 'FAILED_ONCE', { prefer: true, delayMs }));
    return;
  }
  const counted = countSetback(run, attempt, 'FAILED_HERE', age);
  const skip = avoid(run, attempt, { ...counted, triedUntilAge: age + SETBACK_WINDOW_MS }, age, SETBACK_WINDOW_MS);
  const tried = triedServers(run, age);
  const untried = eligibleServers(turn.state, policy).filter((id) => !tried.includes(id));
  if (untried.length > 0) {
    const avoided = [...skippedServers(run, age), ...pausedServers(run, age)];
    const open = untried.filter((id) => !avoided.includes(id));
    const hasRoom = open.some((id) => freeSlotsFor(turn.state, serverOf(turn.state, id), run) >= run.slots);
    // The next one is full, or avoided as well, and this one may be chosen again: not over and over without a pause.
    if (!hasRoom) putSkip(run, { ...skip, pausedUntilAge: age + nextBackoffMs(run) });
    queueAgain(turn, run, attempt, again('RECOVERY', 'RECOVERY', 'FAILED_HERE'));
    run.notBeforeAge = Math.max(run.notBeforeAge, notBefore(attempt, restMs(run)));
    return;
  }
  if (policy.spec.trigger.kind !== 'continuous') {
    run.desired = 'STOPPED';
    const how = end.signal === '' ? `exit code ${end.exitCode ?? 'unknown'}` : end.signal;
    const detail = end.detail === '' ? '' : ` (${end.detail})`;
    const message = `it failed on every server that may take it, last on ${attempt.server} with ${how}${detail}`;
    run.outcome = { state: 'FAILED', reason: 'BUDGET_SPENT', message };
    return;
  }
  // Tried again from the top of its list: the failures are counted anew after the pause.
  forgetTried(run);
  queueAgain(turn, run, attempt, again('RESTART', 'START', 'BACKOFF', { delayMs: nextBackoffMs(run) }));
}

/** 10 s, doubling to 5 min. */
function nextBackoffMs(run: Run): number {
  const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(run.backoffRounds, 10));
  run.backoffRounds += 1;
  return delayMs;
}

function forgetOldFailures(run: Run, policy: Policy, attempt: Attempt, age: number): void {
  const ranMs = attempt.startWall === undefined ? 0 : age - attempt.assignAge;
  if (ranMs >= policy.spec.restart.windowMs) {
    run.failures = [];
    run.backoffRounds = 0;
    forgetSetbacks(run, attempt.server);
  }
  run.failures = run.failures.filter((failure) => failure.age > age - SETBACK_WINDOW_MS);
  forgetOldSetbacks(run, age);
}
