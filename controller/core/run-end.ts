/**
 * What follows when an attempt is proven ended: an ordered table of rules, the first that matches decides
 * (semantics 7). Pure judgement first, then its execution.
 */
import { MINUTE, SECOND } from '../../shared/time.ts';
import { freeSlotsFor } from './capacity.ts';
import { poolOf, serverOf } from './cluster.ts';
import type { Context } from './context.ts';
import { eligibleServers } from './eligible.ts';
import { endReservation, reserve } from './reservation.ts';
import type { Attempt, AttemptCause, AttemptEnd, Failback, Policy, QueueCause, Reservation, Run } from './state.ts';

/** How long a server that lost or refused a run is avoided. */
const SKIP_MS = 5 * MINUTE;
/** "All eligible tried within 30 min." */
const TRIED_WINDOW_MS = 30 * MINUTE;
const BACKOFF_FIRST_MS = 10 * SECOND;
const BACKOFF_MAX_MS = 5 * MINUTE;
/** Between a refusal and the next try, doubled for each refusal that is not forgotten: the only server that could may refuse for long. */
const REFUSED_DELAY_MS = 1 * SECOND;
const REFUSED_DELAY_MAX_MS = 32 * SECOND;

interface Again {
  readonly kind: 'again';
  readonly cause: AttemptCause;
  readonly queueCause: QueueCause;
  /** The same server first, if eligible. */
  readonly prefer: boolean;
  /** Avoid the server that it was on, this long. 0: no. */
  readonly skipMs: number;
  readonly delayMs: number;
  readonly reason: string;
}

type Next =
  | Again
  | { readonly kind: 'failure' }
  | {
      readonly kind: 'finish';
      readonly state: 'SUCCEEDED' | 'FAILED';
      readonly reason: string;
      readonly message: string;
    };

const again = (cause: AttemptCause, queueCause: QueueCause, reason: string, more: Partial<Again> = {}): Again => ({
  kind: 'again',
  cause,
  queueCause,
  prefer: false,
  skipMs: 0,
  delayMs: 0,
  reason,
  ...more,
});

/** Decides what follows for a run that is wanted and whose attempt has just ended. */
export function judgeEnd(policy: Policy, failback: Failback, run: Run, attempt: Attempt, end: AttemptEnd): Next {
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
      return again('RECOVERY', 'RECOVERY', 'START_UNANSWERED', { skipMs: SKIP_MS });
    case 'OPERATOR':
    case 'POLICY_DELETED':
    case 'SUPERSEDED':
    case undefined:
      break;
  }
  // The server is gone, not the policy at fault.
  if (end.proof === 'WAIT' || end.proof === 'OPERATOR' || end.proof === 'NEW_BOOT') {
    return again('RECOVERY', 'RECOVERY', end.proof === 'NEW_BOOT' ? 'HOST_REBOOTED' : 'SERVER_MISSING');
  }
  if (end.proof === 'NEVER_SENT') return again(attempt.cause, run.queueCause, 'NOT_SENT');
  if (end.cause === 'LAPSED') return again('RECOVERY', 'RECOVERY', 'LAPSED', { prefer: true });
  // It came too late, or never: no fault of the server.
  if (end.proof === 'INVENTORY' && end.cause === 'UNKNOWN') return again(attempt.cause, run.queueCause, 'START_LOST');
  if (end.cause === 'REFUSED' && isLate(end)) {
    return again(attempt.cause, run.queueCause, 'START_EXPIRED', { delayMs: REFUSED_DELAY_MS });
  }
  if (end.cause === 'REFUSED') {
    const earlier = run.skips.filter((skip) => skip.reason === 'REFUSED').length;
    const delayMs = Math.min(REFUSED_DELAY_MAX_MS, REFUSED_DELAY_MS * 2 ** Math.min(earlier, 10));
    return again(attempt.cause, run.queueCause, 'REFUSED', { skipMs: SKIP_MS, delayMs });
  }
  if (end.proof === 'INVENTORY' || end.cause === 'LOST') {
    const inPlace = policy.spec.onRunMissing === 'IN_PLACE';
    return again('RECOVERY', 'RECOVERY', 'RUN_MISSING', { prefer: inPlace, skipMs: inPlace ? 0 : SKIP_MS });
  }
  // The keeper was told to end everything on a host that shuts down.
  if (end.cause === 'STOPPED') return again('RECOVERY', 'RECOVERY', 'STOPPED_BY_HOST');
  if (end.cause === 'EXITED' && end.exitCode === 0) {
    return again('RESTART', 'START', 'RESTARTING', { prefer: stays, delayMs: policy.spec.restart.delayMs });
  }
  return { kind: 'failure' };
}

const isLate = (end: AttemptEnd): boolean => end.detail.startsWith('EXPIRED') || end.detail.startsWith('STALE');

/** Carries out what judgeEnd decided. Nothing, when the run is not wanted any more: its outcome is settled elsewhere. */
export function decideAfterEnd(ctx: Context, run: Run, attempt: Attempt, end: AttemptEnd): void {
  if (run.desired === 'STOPPED') {
    endReservation(ctx, run);
    return;
  }
  const policy = ctx.state.policies.get(run.policy);
  if (policy === undefined) return;
  forgetOldFailures(run, policy, attempt, ctx.now.wall);
  const failback = policy.spec.failback ?? poolOf(ctx.state, run.pool).defaultFailback;
  const next = judgeEnd(policy, failback, run, attempt, end);
  const moving = next.kind === 'again' && next.reason === 'MOVING';
  if (!moving && run.reservation !== undefined) settleFailedMove(ctx, run, run.reservation, attempt);
  switch (next.kind) {
    case 'finish':
      run.desired = 'STOPPED';
      run.outcome = { state: next.state, reason: next.reason, message: next.message };
      return;
    case 'again':
      queueAgain(ctx, run, attempt, next);
      return;
    case 'failure':
      decideAfterFailure(ctx, run, policy, attempt, end);
  }
}

/** A move that did not succeed: the run goes back to the slot that was kept for it on the source, or the move is off. */
function settleFailedMove(ctx: Context, run: Run, reservation: Reservation, attempt: Attempt): void {
  const { from, cause } = reservation;
  endReservation(ctx, run);
  if (attempt.server !== from) reserve(ctx, run, { server: from, from, cause, sinceWall: ctx.now.wall });
}

function queueAgain(ctx: Context, run: Run, attempt: Attempt, next: Again): void {
  const { wall } = ctx.now;
  run.nextCause = next.cause;
  run.queueCause = next.queueCause;
  // Kept through attempts that never ran: they were no turn of its own.
  if (attempt.startWall !== undefined) run.queueSinceWall = wall;
  run.notBeforeWall = wall + next.delayMs;
  run.reason = next.reason;
  if (next.prefer) run.preferServer = attempt.server;
  if (next.skipMs > 0) {
    run.skips = [...run.skips, { server: attempt.server, untilWall: wall + next.skipMs, reason: next.reason }];
  }
}

/** A failure: again in place, then the next server, then back-off or the end (the restart budget). */
function decideAfterFailure(ctx: Context, run: Run, policy: Policy, attempt: Attempt, end: AttemptEnd): void {
  const { wall } = ctx.now;
  const { attempts, windowMs, delayMs } = policy.spec.restart;
  run.failures = [...run.failures, { server: attempt.server, wall }].slice(-1_000);
  const here = run.failures.filter((failure) => failure.server === attempt.server && failure.wall > wall - windowMs);
  if (here.length < attempts && end.cause !== 'SPAWN_FAILED') {
    queueAgain(ctx, run, attempt, again('RESTART', 'START', 'FAILED_ONCE', { prefer: true, delayMs }));
    return;
  }
  const others = run.skips.filter((skip) => skip.reason !== 'FAILED' || skip.server !== attempt.server);
  run.skips = [...others, { server: attempt.server, untilWall: wall + TRIED_WINDOW_MS, reason: 'FAILED' }];
  const skipped = run.skips.filter((skip) => skip.untilWall > wall);
  const tried = new Set(skipped.filter(({ reason }) => reason === 'FAILED').map(({ server }) => server));
  const untried = eligibleServers(ctx.state, policy).filter((server) => !tried.has(server));
  const open = untried.filter((id) => !skipped.some(({ server }) => server === id));
  if (open.some((id) => freeSlotsFor(ctx.state, serverOf(ctx.state, id), run) >= run.slots)) {
    queueAgain(ctx, run, attempt, again('RECOVERY', 'RECOVERY', 'FAILED_HERE'));
    return;
  }
  if (untried.length > 0) {
    // The next one is full, or skipped as well, and this one may be chosen again: not over and over without a pause.
    queueAgain(ctx, run, attempt, again('RECOVERY', 'RECOVERY', 'FAILED_HERE', { delayMs: nextBackoffMs(run) }));
    return;
  }
  if (policy.spec.trigger.kind !== 'continuous') {
    run.desired = 'STOPPED';
    const how = end.signal === '' ? `exit code ${end.exitCode ?? 'unknown'}` : end.signal;
    const detail = end.detail === '' ? '' : ` (${end.detail})`;
    const message = `it failed on every eligible server, last on ${attempt.server} with ${how}${detail}`;
    run.outcome = { state: 'FAILED', reason: 'BUDGET_SPENT', message };
    return;
  }
  // Tried again from the top of its list: the failures are counted anew after the pause.
  run.skips = run.skips.filter((skip) => skip.reason !== 'FAILED');
  queueAgain(ctx, run, attempt, again('RESTART', 'START', 'BACKOFF', { delayMs: nextBackoffMs(run) }));
}

/** 10 s, doubling to 5 min. */
function nextBackoffMs(run: Run): number {
  const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(run.backoffRounds, 10));
  run.backoffRounds += 1;
  return delayMs;
}

function forgetOldFailures(run: Run, policy: Policy, attempt: Attempt, wall: number): void {
  const ranMs = attempt.startWall === undefined ? 0 : wall - attempt.startWall;
  if (ranMs >= policy.spec.restart.windowMs) {
    run.failures = [];
    run.backoffRounds = 0;
  }
  run.failures = run.failures.filter((failure) => failure.wall > wall - TRIED_WINDOW_MS);
  run.skips = run.skips.filter((skip) => skip.untilWall > wall);
}
