/**
 * How long an attempt may run (semantics, section 6). D, `deadline` of an attempt, is the deadline the keeper has acknowledged: an
 * extension is requested here and counts when the keeper has taken it, so the agent never believes in more time than the keeper gives.
 */

import { type Deadline, deadlineAfter, isPast, laterDeadline, type Reading } from '../../shared/lease-clock.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import { type Attempt, isLiving, keyOf, mayLapse, refOf } from './attempt.ts';
import type { Extension } from './effect.ts';
import { askKeeper, log, type Turn } from './turn.ts';

/**
 * A2: asks the keeper to extend the given attempts to a_n + L. a_n, here `stamp`, is our clock when heartbeat n, the granted one, was
 * sent; L is the attempt's lease, frozen when it was assigned. Never our clock when the grant came: it may have been under way for long,
 * and the leader counts from the heartbeat's arrival.
 */
export function extendTo(turn: Turn, stamp: Reading, attempts: Iterable<Attempt>): void {
  const { state, now } = turn;
  if (state.keeper.kind !== 'live') return;
  const extensions: Extension[] = [];
  for (const attempt of attempts) {
    if (!mayBeExtended(attempt, now)) continue;
    const deadline = laterDeadline(attempt.deadline, deadlineAfter(stamp, attempt.terms.leaseMs));
    extensions.push({ ...refOf(attempt), deadline });
  }
  if (extensions.length === 0) return;
  askKeeper(turn, { kind: 'extend', extensions }, { kind: 'extend', extensions, clockEra: state.clockEra });
}

/** A2, A5: only while it has a lease, and never once its stop has begun. The lease of HOLD and OVERLAP binds their start only. */
function mayBeExtended(attempt: Attempt, now: Reading): boolean {
  return mayLapse(attempt) && !isPast(attempt.deadline, now);
}

/** A9: the keeper acknowledged these deadlines, so they count. */
export function acknowledgeExtension(
  turn: Turn,
  extended: { readonly extensions: readonly Extension[]; readonly clockEra: number },
  refused: readonly AttemptRef[],
): void {
  const past = new Set(refused.map(keyOf));
  for (const extension of extended.extensions) {
    const attempt = turn.state.attempts.get(keyOf(extension));
    if (attempt === undefined || past.has(keyOf(extension))) continue;
    attempt.deadline = laterDeadline(attempt.deadline, extension.deadline);
    // A8: only a heartbeat that was stamped after the pause takes the doubt away.
    if (extended.clockEra === turn.state.clockEra) attempt.doubtUntil = undefined;
  }
}

/**
 * A4, A5, A8: stops what has no lease any more. Called before an event is looked at, whatever it is: after a pause, messages that
 * were queued meanwhile are handled before overdue timers, and a grant among them must not revive what was past its deadline.
 */
export function stopLapsed(turn: Turn): void {
  const { now } = turn;
  for (const attempt of turn.state.attempts.values()) {
    if (!mayLapse(attempt)) continue;
    if (isPast(attempt.deadline, now)) {
      beginStop(turn, attempt, 'LAPSED', 'its lease ended without a grant');
    } else if (attempt.doubtUntil !== undefined && now.mono >= attempt.doubtUntil) {
      beginStop(turn, attempt, 'LAPSED', 'its clocks may have stood still, and no heartbeat was granted since');
    }
  }
}

/**
 * Begins the stop of a living attempt and asks the keeper for it, once. The keeper then sends SIGTERM and kills the tree after
 * the frozen G. While the keeper is not there, the stop is remembered and asked for when it is back.
 */
export function beginStop(
  turn: Turn,
  attempt: Attempt,
  cause: 'STOPPED' | 'LAPSED',
  reason: string,
  reply?: { readonly stream: number; readonly commandId: number },
): void {
  if (!isLiving(attempt) || attempt.stop !== undefined) return;
  attempt.stop = { cause, reason };
  log(turn, cause === 'LAPSED' ? 'warn' : 'info', 'stopping an attempt', { ...refOf(attempt), cause, reason });
  askForStop(turn, attempt, reply);
}

/** Asks the keeper for a stop that has begun here. Asking twice does no harm. */
export function askForStop(
  turn: Turn,
  attempt: Attempt,
  reply?: { readonly stream: number; readonly commandId: number },
): void {
  if (attempt.stop === undefined || turn.state.keeper.kind !== 'live') return;
  const { cause, reason } = attempt.stop;
  askKeeper(turn, { kind: 'stop', attempt: refOf(attempt), cause, reason }, { kind: 'stop', reply });
}

/** The next time at which an attempt must be looked at, or undefined. */
export function nextDeadline(turn: Turn): Deadline | undefined {
  let next: Deadline | undefined;
  for (const attempt of turn.state.attempts.values()) {
    if (!mayLapse(attempt)) continue;
    const { deadline } = attempt;
    next = next && { mono: Math.min(next.mono, deadline.mono), boot: Math.min(next.boot, deadline.boot) };
    next ??= deadline;
  }
  return next;
}
