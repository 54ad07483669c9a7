/** How attempts end, and how their ends are forgotten. */
import { assert } from '../../shared/assert.ts';
import { type Attempt, endOf, keyOf, refusedEnd } from './attempt.ts';
import { MAX_ENDED_ATTEMPTS } from './limits.ts';
import { outputOwnerOf } from './output-retention.ts';
import type { Refusal } from './refusal.ts';
import { answer, attemptRecord, log, note, refused, type Turn, tellChanged } from './turn.ts';

/** Shuts the gate for good. As it never opened, nothing of the workload ran or can run, whatever becomes of the shell behind it. */
export function refuseStart(turn: Turn, attempt: Attempt, refusal: Refusal): void {
  const { state, effects } = turn;
  const key = keyOf(attempt);
  const starting = state.starting.get(key);
  assert(starting !== undefined, `${key} is not being started`);
  state.starting.delete(key);
  effects.push({ kind: 'discard', attempt: key });
  attempt.reason = attempt.reason?.cause === 'STOPPED' ? attempt.reason : refusedEnd(refusal);
  finish(turn, attempt);
  answer(turn, starting.agent, starting.request, refused(refusal));
}

/** It is proven ended, or nothing of it ever ran. */
export function finish(turn: Turn, attempt: Attempt): void {
  const { state, now, effects } = turn;
  attempt.lookAt = undefined;
  attempt.ended = { end: endOf(attempt), wall: now.wall };
  state.living.delete(keyOf(attempt));
  effects.push({ kind: 'remove', attempt: keyOf(attempt) });
  note(turn, attemptRecord(turn, attempt));
  tellChanged(turn, attempt);
  dropOldest(turn);
}

/** An agent that never forgets anything must not fill our memory. */
function dropOldest(turn: Turn): void {
  const { state } = turn;
  let excess = state.attempts.size - state.living.size - MAX_ENDED_ATTEMPTS;
  for (const attempt of state.attempts.values()) {
    if (excess <= 0) return;
    if (attempt.ended === undefined) continue;
    log(
      turn,
      'warn',
      `dropped the end of ${keyOf(attempt)}: too many ended attempts that no agent has asked to forget`,
    );
    forget(turn, attempt);
    excess -= 1;
  }
}

export function forget(turn: Turn, attempt: Attempt): void {
  const { run, epoch } = attempt;
  turn.state.attempts.delete(keyOf(attempt));
  note(turn, { kind: 'forgotten', run, epoch });
  turn.effects.push({ kind: 'forget', attempt: keyOf(attempt), owner: outputOwnerOf(attempt) });
}
