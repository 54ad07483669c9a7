/** What every part of the core works on: the state, the time of the event, and the effects so far. */
import { deadlineAfter } from '../../shared/lease-clock.ts';
import { type Attempt, keyOf } from './attempt.ts';
import type { Answer, Effect } from './effect.ts';
import type { AgentId, KeeperNow, RequestId, WriteId } from './event.ts';
import { type JournalRecord, recorded } from './record.ts';
import type { Refusal } from './refusal.ts';
import type { KeeperState, Promised } from './state.ts';

export interface Turn {
  readonly state: KeeperState;
  now: KeeperNow;
  readonly effects: Effect[];
}

export function log(turn: Turn, level: 'info' | 'warn' | 'error', text: string): void {
  turn.effects.push({ kind: 'log', level, text });
}

export const done = (more: Partial<Answer> = {}): Answer => ({
  ok: true,
  reason: '',
  detail: '',
  pid: 0,
  refused: [],
  ...more,
});

export const refused = ({ reason, detail }: Refusal, more: Partial<Answer> = {}): Answer => ({
  ...done(more),
  ok: false,
  reason,
  detail,
});

export function answer(turn: Turn, agent: AgentId, request: RequestId, given: Answer): void {
  if (turn.state.agent === agent && request !== 0) turn.effects.push({ kind: 'answer', agent, request, answer: given });
}

/** An attempt is not as the agent knows it. */
export function tellChanged(turn: Turn, attempt: Attempt): void {
  const { agent } = turn.state;
  if (agent !== undefined) turn.effects.push({ kind: 'tell_changed', agent, attempt: keyOf(attempt) });
}

/** Writes a record that nobody waits for. */
export function note(turn: Turn, record: JournalRecord): void {
  turn.effects.push({ kind: 'write', write: 0, record });
}

/** Writes a record. The answer names what this returns. */
export function write(turn: Turn, record: JournalRecord): WriteId {
  turn.state.lastWrite += 1;
  turn.effects.push({ kind: 'write', write: turn.state.lastWrite, record });
  return turn.state.lastWrite;
}

/** Answers once the record is written; what the disk does not take counts for as long as this keeper lives. */
export function answerAfter(turn: Turn, record: JournalRecord, promised: Promised): void {
  turn.state.promised.set(write(turn, record), promised);
}

export const attemptRecord = ({ state }: Turn, attempt: Attempt): JournalRecord => ({
  kind: 'attempt',
  attempt: recorded(attempt, state.bootId),
});

/** Looks at everything again after this time at the latest. */
export function wakeIn({ state, now }: Turn, ms: number): void {
  const at = deadlineAfter(now, ms);
  state.dueAt = { mono: Math.min(state.dueAt.mono, at.mono), boot: Math.min(state.dueAt.boot, at.boot) };
}
