/** What every part of the core works on: the state, the time of the event, and the effects so far. */
import type { AgentMessage, CommandAnswer } from '../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../shared/protocol/attempt.ts';
import type { Attempt } from './attempt.ts';
import type { AgentNow } from './clock.ts';
import type { Effect, KeeperRequest } from './effect.ts';
import type { StreamId } from './event.ts';
import type { AgentState, Pending } from './state.ts';

export interface Turn {
  readonly state: AgentState;
  now: AgentNow;
  readonly effects: Effect[];
}

type LogFields = Extract<Effect, { kind: 'log' }>['fields'];

export function log(
  turn: Turn,
  level: 'debug' | 'info' | 'warn' | 'error',
  text: string,
  fields: LogFields = {},
): void {
  turn.effects.push({ kind: 'log', level, text, fields });
}

export function send(turn: Turn, stream: StreamId, message: AgentMessage): void {
  turn.effects.push({ kind: 'send', stream, message });
}

export function answerCommand(turn: Turn, stream: StreamId, commandId: number, answer: CommandAnswer): void {
  send(turn, stream, { kind: 'command_result', commandId, ...answer });
}

/** Asks the keeper, which must be live. The answer finds `pending` again. */
export function askKeeper(turn: Turn, ask: KeeperRequest, pending: Pending): void {
  const { state } = turn;
  state.lastRequest += 1;
  state.pending.set(state.lastRequest, pending);
  turn.effects.push({ kind: 'ask_keeper', request: state.lastRequest, ask });
}

/** Takes over a new status of an attempt, to be reported at the end of the step. */
export function changeStatus(turn: Turn, attempt: Attempt, status: ReportedAttempt): void {
  turn.state.changes += 1;
  attempt.status = status;
  attempt.change = turn.state.changes;
}
