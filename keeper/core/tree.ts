/**
 * The life of a tree from the open gate to its proven end: what is due by the clocks, and the looks that prove that it is empty.
 *
 * An attempt has ended when its first process is reaped *and* its tree is empty; never by one of the two alone.
 */
import { type Attempt, type EndReason, keyOf, stateOf } from './attempt.ts';
import { type Decision, decide, firstKill, KILL_RETRY_MS, stopNow } from './deadline.ts';
import { finish, refuseStart } from './end.ts';
import type { FromDriver } from './event.ts';
import { refuse } from './refusal.ts';
import { log, type Turn, tellChanged, wakeIn } from './turn.ts';

/** Looks again at least this often while something lives: timers do not count suspend, the clocks do. */
const LONGEST_WAIT_MS = 1_000;
/** Between two looks at a tree that outlives its first process: at first, and the longest. */
const LOOK_MS = { first: 2, longest: 250 };

/** What is due by now, of every attempt. Called before an event is looked at, whatever it is (semantics: A4). */
export function lookAtAll(turn: Turn): void {
  const { state, now } = turn;
  state.dueAt = { mono: Number.POSITIVE_INFINITY, boot: Number.POSITIVE_INFINITY };
  for (const attempt of state.living.values()) {
    lookAtDeadline(turn, attempt);
    if (attempt.lookAt === undefined) continue;
    if (attempt.lookAt <= now.mono) look(turn, attempt);
    else wakeIn(turn, attempt.lookAt - now.mono);
  }
  if (state.living.size > 0) wakeIn(turn, LONGEST_WAIT_MS);
}

/** To be called when an attempt is new or its stage has changed from outside. */
export function lookAtDeadline(turn: Turn, attempt: Attempt): void {
  const decision = decide(attempt.stage, attempt.terms, attempt.deadline, turn.now);
  if (decision.order === 'abandon') {
    refuseStart(turn, attempt, refuse('DEADLINE_PAST', 'its deadline passed before the program could run'));
    return;
  }
  if (decision.order !== 'nothing') attempt.reason ??= lapsed(attempt);
  apply(turn, attempt, decision);
}

/** SIGTERM now, the kill after its grace. Nothing undoes it (semantics: A5). */
export function stopTree(turn: Turn, attempt: Attempt, reason: EndReason): void {
  attempt.reason ??= reason;
  if (attempt.stage.kind === 'starting') refuseStart(turn, attempt, refuse('STOPPED', reason.detail));
  else apply(turn, attempt, stopNow(attempt.stage, attempt.terms, attempt.deadline, turn.now));
}

/** Kills without grace what an earlier keeper left. */
export function killLeftover(turn: Turn, attempt: Attempt, reason: EndReason): void {
  attempt.reason = reason;
  apply(turn, attempt, firstKill(turn.now));
}

/** Goes on killing what the sweep killed in vain, and of which no record says how long that may take: it is STUCK until it is empty. */
export function killUnrecorded(turn: Turn, attempt: Attempt, reason: EndReason): void {
  const { now } = turn;
  attempt.reason = reason;
  const stage = { kind: 'stuck', killedAt: now, triedAt: now } as const;
  apply(turn, attempt, { stage, order: 'kill', wakeMs: KILL_RETRY_MS });
}

export function acceptReaped(turn: Turn, attempt: Attempt, exit: Attempt['exit']): void {
  attempt.exit = exit;
  attempt.reaped = true;
  if (attempt.stage.kind === 'starting') {
    refuseStart(turn, attempt, refuse('SPAWN_FAILED', 'the first process ended before the program could run'));
    return;
  }
  attempt.reason ??= endByItself(turn);
  look(turn, attempt);
}

/**
 * Once the host shuts down, it was no doing of its own: an engine of containers whose process ids are the host's sends the SIGTERM to every
 * process of the container at once, so a program may be gone before the agent has asked for its stop. It has not failed, nor is it done.
 */
function endByItself({ state }: Turn): EndReason {
  if (state.phase.kind === 'leaving') return { cause: 'LAPSED', detail: 'the host shuts down' };
  return { cause: 'EXITED', detail: '' };
}

type Looked = Pick<Extract<FromDriver, { kind: 'looked' }>, 'empty' | 'memoryKill'>;

function look(turn: Turn, attempt: Attempt): void {
  const ms = Math.min(LOOK_MS.longest, LOOK_MS.first * 2 ** Math.min(attempt.looks, 20));
  attempt.looks += 1;
  attempt.lookAt = turn.now.mono + ms;
  wakeIn(turn, ms);
  turn.effects.push({ kind: 'look', attempt: keyOf(attempt) });
}

export function acceptLook(turn: Turn, attempt: Attempt, { empty, memoryKill }: Looked): void {
  if (!attempt.reaped || attempt.ended !== undefined) return;
  attempt.memoryKill = memoryKill;
  if (empty) finish(turn, attempt);
  // What the first process left running gets the same grace as any stopped tree.
  else apply(turn, attempt, stopNow(attempt.stage, attempt.terms, attempt.deadline, turn.now));
}

function apply(turn: Turn, attempt: Attempt, { stage, order, wakeMs }: Decision): void {
  const before = stateOf(attempt);
  attempt.stage = stage;
  wakeIn(turn, Math.min(wakeMs, LONGEST_WAIT_MS));
  if (order === 'terminate' || order === 'kill') {
    turn.effects.push({ kind: order, attempt: keyOf(attempt) });
    // What was killed is likely to be empty soon.
    if (attempt.reaped) look(turn, attempt);
  }
  if (stateOf(attempt) === before) return;
  tellChanged(turn, attempt);
  if (stage.kind === 'stuck') log(turn, 'error', `can't kill the process tree of ${keyOf(attempt)}`);
}

function lapsed({ epoch }: Attempt): EndReason {
  return { cause: 'LAPSED', detail: `its lease ended: no leader extended the deadline of epoch ${epoch}` };
}
