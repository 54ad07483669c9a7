/**
 * What follows when an attempt is proven ended: an ordered table of rules, the first that matches decides (semantics 7). What becomes of
 * the run by it stands in aftermath.ts.
 */
import { SECOND } from '../../../shared/time.ts';
import type { AgainReason } from '../placement/setback-text.ts';
import type { AttemptEnd } from '../records/attempt-state.ts';
import type { Attempt, AttemptCause, Failback, Policy, QueueCause, Run, RunOutcome } from '../records/state.ts';

/** A start that came too late may have met a hiccup: it is not sent again into the same one. */
const LATE_DELAY_MS = 1 * SECOND;

/** It is placed again. */
export interface Again {
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

export type Next = Again | { readonly kind: 'failure' } | { readonly kind: 'finish'; readonly outcome: RunOutcome };

export const again = (
  cause: AttemptCause,
  queueCause: QueueCause,
  reason: AgainReason,
  more: Partial<Again> = {},
): Again => ({
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
function runMissing(policy: Policy, reason: 'RUN_MISSING' | 'UNHEALTHY' = 'RUN_MISSING'): Again {
  const inPlace = policy.spec.onRunMissing === 'IN_PLACE';
  return again('RECOVERY', 'RECOVERY', reason, { prefer: inPlace, setback: inPlace ? 'IN_PLACE' : 'COUNTED' });
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
    return { kind: 'finish', outcome: { kind: 'SUCCEEDED', reason: 'EXITED', message: 'it exited with code 0' } };
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
    case 'UNHEALTHY':
      return runMissing(policy, 'UNHEALTHY');
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
