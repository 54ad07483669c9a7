/**
 * What to do with an attempt now. Pure: time is an argument, and whoever asks does the work.
 *
 * A deadline is only ever put off, never brought forward, and once it has passed it can't be put off any more (A5). A timer only says
 * when to look: what is due is decided each time by the deadline and the clocks (A4).
 *
 *     starting ──► running ──► stopping ──► killing ──► stuck
 *        │ D past             at D, or told   at +G       at +G+K, still tried every second
 *        ▼
 *     abandoned: nothing of it ever ran
 *
 * The end is not decided here: an attempt has ended when its process is reaped *and* its tree is empty, whatever its stage.
 */
import {
  type Deadline,
  deadlineAfter,
  elapsedMs,
  isPast,
  laterDeadline,
  leftMs,
  type Reading,
} from '../../shared/lease-clock.ts';

/** A tree that survived a kill is killed again after this time. */
export const KILL_RETRY_MS = 1_000;

/** The frozen terms of an attempt, as far as they bind the keeper. */
export interface Terms {
  /** Whether the deadline also stops what runs. HOLD and OVERLAP: it binds the start only. */
  readonly stopsAtDeadline: boolean;
  /** G: from SIGTERM to the kill. */
  readonly stopTimeoutMs: number;
  /** K: from the kill until a tree that lives counts as stuck. */
  readonly killGuardMs: number;
}

/** How far the life of an attempt has come. */
export type Stage =
  /** The gate is shut; nothing of the workload has run. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  /** SIGTERM was sent. `begun` is the deadline that passed, or the moment of the command. */
  | { readonly kind: 'stopping'; readonly begun: Reading }
  /** `killedAt` is the first kill, `triedAt` the last one. */
  | { readonly kind: 'killing'; readonly killedAt: Reading; readonly triedAt: Reading }
  /** The tree outlived the kill guard. It is still tried. */
  | { readonly kind: 'stuck'; readonly killedAt: Reading; readonly triedAt: Reading };

/** What is to be done at once. */
export type Order =
  | 'nothing'
  /** Kill the gate: the start came too late, or is not wanted any more. */
  | 'abandon'
  /** SIGTERM to the whole tree. */
  | 'terminate'
  /** Kill the whole tree. */
  | 'kill';

export interface Decision {
  readonly stage: Stage;
  readonly order: Order;
  /** When to look again at the latest, from now. Infinity: only when something happens. */
  readonly wakeMs: number;
}

/** What is due for an attempt by now. */
export function decide(stage: Stage, terms: Terms, deadline: Deadline, now: Reading): Decision {
  switch (stage.kind) {
    case 'starting':
      // A start is bound to its deadline whatever `on_disconnect` says (A2).
      if (isPast(deadline, now)) return { stage, order: 'abandon', wakeMs: KILL_RETRY_MS };
      return { stage, order: 'nothing', wakeMs: leftMs(deadline, now) };
    case 'running':
      if (!terms.stopsAtDeadline) return { stage, order: 'nothing', wakeMs: Number.POSITIVE_INFINITY };
      if (!isPast(deadline, now)) return { stage, order: 'nothing', wakeMs: leftMs(deadline, now) };
      // Counted from the deadline, not from when it was noticed: D + G + K is what takeovers wait for.
      return stopSince(deadline, terms, now);
    case 'stopping': {
      const killAt = deadlineAfter(stage.begun, terms.stopTimeoutMs);
      if (!isPast(killAt, now)) return { stage, order: 'nothing', wakeMs: leftMs(killAt, now) };
      return firstKill(now);
    }
    case 'killing': {
      const stuckMs = terms.killGuardMs - elapsedMs(stage.killedAt, now);
      if (stuckMs <= 0) return { stage: { ...stage, kind: 'stuck' }, order: 'nothing', wakeMs: 0 };
      return killAgain(stage, stuckMs, now);
    }
    case 'stuck':
      return killAgain(stage, Number.POSITIVE_INFINITY, now);
  }
}

/**
 * A stop command; also what becomes of the rest of a tree whose main process has ended: it gets the same grace and no more.
 * What is being stopped already goes on as it began. A deadline that has passed began the stop, whoever says so first: after a
 * suspend the agent's stop may arrive before the keeper has looked at its clocks, and must not give the tree a second grace.
 */
export function stopNow(stage: Stage, terms: Terms, deadline: Deadline, now: Reading): Decision {
  switch (stage.kind) {
    case 'starting':
      return { stage, order: 'abandon', wakeMs: KILL_RETRY_MS };
    case 'running':
      return stopSince(terms.stopsAtDeadline && isPast(deadline, now) ? deadline : now, terms, now);
    case 'stopping':
    case 'killing':
    case 'stuck':
      return { stage, order: 'nothing', wakeMs: 0 };
  }
}

/** The new deadline, or undefined when it can no longer be moved: it has passed, or the attempt is being stopped (A2, A5). */
export function extended(
  attempt: { readonly stage: Stage; readonly terms: Terms; readonly deadline: Deadline },
  to: Deadline,
  now: Reading,
): Deadline | undefined {
  const { stage, terms, deadline } = attempt;
  if (stage.kind !== 'starting' && stage.kind !== 'running') return undefined;
  // Of a HOLD or OVERLAP attempt that runs, the deadline binds nothing any more: an adopted one gets a new one.
  const binds = terms.stopsAtDeadline || stage.kind === 'starting';
  return binds && isPast(deadline, now) ? undefined : laterDeadline(deadline, to);
}

function stopSince(begun: Reading, terms: Terms, now: Reading): Decision {
  const killAt = deadlineAfter(begun, terms.stopTimeoutMs);
  // After a pause that outlasted the grace there is nothing left to wait for.
  if (isPast(killAt, now)) return firstKill(now);
  return { stage: { kind: 'stopping', begun }, order: 'terminate', wakeMs: leftMs(killAt, now) };
}

/** The stage of a tree that is to be killed without grace: a leftover of an earlier keeper. */
export function firstKill(now: Reading): Decision {
  return { stage: { kind: 'killing', killedAt: now, triedAt: now }, order: 'kill', wakeMs: 0 };
}

function killAgain(stage: Stage & { kind: 'killing' | 'stuck' }, otherwiseMs: number, now: Reading): Decision {
  const retryMs = KILL_RETRY_MS - elapsedMs(stage.triedAt, now);
  if (retryMs > 0) return { stage, order: 'nothing', wakeMs: Math.min(retryMs, otherwiseMs) };
  return { stage: { ...stage, triedAt: now }, order: 'kill', wakeMs: Math.min(KILL_RETRY_MS, otherwiseMs) };
}
