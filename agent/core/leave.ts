/**
 * Leaving for good, as at a host's shutdown (semantics, section 12): the agent stops what it runs, says Goodbye with what is proven
 * ended, and its work moves at once instead of after the 45 s of a missing server.
 */
import { SECOND } from '../../shared/time.ts';
import { livingAttempts, reportChanges, sendGoodbye } from './inventory.ts';
import { askKeeperToExit } from './keeper.ts';
import { beginStop } from './lease.ts';
import { log, type Turn } from './turn.ts';

/** How long the leader may take to end the stream after a Goodbye. */
const GOODBYE_MS = 2 * SECOND;

export function beginLeave(turn: Turn, reason: 'LEAVE' | 'SHUTDOWN', withinMs: number): void {
  const { state, now } = turn;
  if (state.leaving !== undefined) return;
  state.leaving = { reason, untilMono: now.mono + withinMs, goodbye: undefined };
  log(turn, 'info', 'leaving', { reason, withinMs, attempts: livingAttempts(state).length });
  // Offers no slots before the first end is reported: nothing that is stopped now is sent back to this server.
  state.capacityChanged = true;
  if (state.session !== undefined) state.session.heartbeatAt = now.mono;
}

/** Called at the end of every step, after the heartbeat. */
export function goOnLeaving(turn: Turn): void {
  const { state, now } = turn;
  const { leaving, session } = state;
  if (leaving === undefined || state.exited) return;
  // Our own judgement, not a command: the leader starts these again elsewhere, and counts no failure.
  for (const attempt of livingAttempts(state))
    beginStop(turn, attempt, 'LAPSED', `the agent leaves: ${leaving.reason}`);
  const late = now.mono >= leaving.untilMono;
  if (leaving.goodbye !== undefined) {
    const isAnswered = session?.stream !== leaving.goodbye.stream;
    if (!isAnswered && now.mono < leaving.goodbye.untilMono) return;
    if (leaving.goodbye.complete) endCompleteLeave(turn, isAnswered);
    exit(turn, 'the agent has left');
    return;
  }
  if (livingAttempts(state).length > 0 && !late) return;
  if (session !== undefined && (session.writable || late)) {
    reportChanges(turn);
    // What it does not list is not proven ended; the leader waits for that as for a missing server's.
    sendGoodbye(turn, session, leaving.reason);
    turn.effects.push({ kind: 'close_stream', stream: session.stream, flush: true });
    const complete = leaving.reason === 'LEAVE' && state.keeper.kind === 'live' && livingAttempts(state).length === 0;
    // A whole leave ends the keeper last, when it is known whether the epochs spent here can be forgotten (A3).
    if (!complete) askKeeperToExit(turn, false);
    // Nothing may follow a Goodbye.
    session.writable = false;
    leaving.goodbye = { stream: session.stream, untilMono: now.mono + GOODBYE_MS, complete };
  } else if (late) {
    askKeeperToExit(turn, false);
    exit(turn, 'the agent left without a Goodbye: no controller could be reached');
  }
}

/**
 * Nothing is left that anybody waits for, if the leader answered the Goodbye by ending its stream: then this becomes a new place. What
 * is forgotten without that could be started here a second time.
 */
function endCompleteLeave(turn: Turn, isAnswered: boolean): void {
  askKeeperToExit(turn, isAnswered);
  if (isAnswered) turn.effects.push({ kind: 'forget_cluster' });
  else log(turn, 'warn', 'nobody answered the Goodbye: this state directory stays one of its cluster');
}

/** Ends the agent and leaves its runs to the keeper: a restart or an upgrade. */
export function detach(turn: Turn): void {
  const { session } = turn.state;
  if (session !== undefined) turn.effects.push({ kind: 'close_stream', stream: session.stream, flush: true });
  exit(turn, 'the agent ends; its runs go on in the keeper');
}

/** A stream that is left open would be waited for, and nobody would answer for it any more. */
function exit(turn: Turn, reason: string): void {
  const { session, candidate, leaving } = turn.state;
  if (candidate !== undefined) turn.effects.push({ kind: 'close_stream', stream: candidate.stream, flush: false });
  // One that took the place of the stream of the Goodbye.
  if (session !== undefined && leaving?.goodbye !== undefined && session.stream !== leaving.goodbye.stream)
    turn.effects.push({ kind: 'close_stream', stream: session.stream, flush: false });
  turn.state.exited = true;
  log(turn, 'info', reason);
  turn.effects.push({ kind: 'exit', reason });
}

/** When goOnLeaving has something to do by itself, monotonic; undefined: never. */
export function nextLeaveCheck({ state }: Turn): number | undefined {
  return state.leaving?.goodbye?.untilMono ?? state.leaving?.untilMono;
}
