/** Starts (semantics: A3). Whatever the answer, the epoch is spent here: it and lower ones of the run never run later. */

import { deadlineAfter, isPast, type Reading } from '../../shared/lease-clock.ts';
import type { CommandAnswer } from '../../shared/protocol/agent-message.ts';
import type { StartCommand } from '../../shared/protocol/leader-message.ts';
import { refusedBy, type StartRefusal } from '../../shared/protocol/start-refusal.ts';
import { attemptKey, bounded, endedStatus, isLiving, keyOf } from './attempt.ts';
import { startMarginMs } from './clock.ts';
import { newHealth } from './health.ts';
import { holdGeneration } from './session.ts';
import { isSpent, settle, spend } from './spent.ts';
import type { AgentState, Pending, Session } from './state.ts';
import { answerCommand, askKeeper, changeStatus, type Turn } from './turn.ts';

/** A command that was carried out, now or before. */
export const applied = (outcome: 'APPLIED' | 'ALREADY_APPLIED', reason = '', pid = 0): CommandAnswer => ({
  ...{ outcome, reason, detail: '', pid },
});

/** A start that is not: what that means follows from the word. */
const refusedFor = (word: string, detail: string): CommandAnswer => ({
  ...refusedBy(word),
  ...{ reason: word, detail: bounded(detail), pid: 0 },
});

export const refusal = (reason: StartRefusal, detail: string): CommandAnswer => refusedFor(reason, detail);

export function acceptStart(turn: Turn, session: Session, command: StartCommand): void {
  const { state } = turn;
  holdGeneration(session, command.generation);
  state.highestEpoch = Math.max(state.highestEpoch, command.epoch);
  const first = state.spent.runs.get(command.run);
  if (first?.epoch === command.epoch && first.answer !== undefined) {
    answerCommand(turn, session.stream, command.commandId, repeated(first.answer));
    return;
  }
  // Of this very start the keeper has not answered yet; its answer will be the answer.
  if (isBeingStarted(state, command)) return;
  const stamp = session.stamps.get(command.sequence);
  const refusal = judgeStart(turn, session, command, stamp);
  spend(state.spent, command.run, command.epoch, refusal);
  if (refusal !== undefined) answerCommand(turn, session.stream, command.commandId, refusal);
  else if (stamp !== undefined) begin(turn, session, command, stamp);
}

/** A duplicate gets the first answer. */
function repeated(first: CommandAnswer): CommandAnswer {
  return first.outcome === 'APPLIED' ? { ...first, outcome: 'ALREADY_APPLIED' } : first;
}

function isBeingStarted(state: AgentState, { run, epoch }: StartCommand): boolean {
  return [...state.pending.values()].some((p) => p.kind === 'start' && p.run === run && p.epoch === epoch);
}

/** Why not, or undefined. The first reason counts. */
function judgeStart(
  { state, now }: Turn,
  session: Session,
  command: StartCommand,
  stamp: Reading | undefined,
): CommandAnswer | undefined {
  const { leaseMs } = command.terms;
  if (session.barred) {
    return refusal('INVENTORY_SENT', 'an inventory without it has left on a newer stream');
  }
  if (isSpent(state.spent, command.run, command.epoch)) {
    return refusal('EPOCH_SPENT', 'this epoch or a higher one of the run was seen here');
  }
  if (stamp === undefined) {
    return refusal('HEARTBEAT_UNKNOWN', `no stamp is kept of heartbeat ${command.sequence}`);
  }
  if (isPast(deadlineAfter(stamp, leaseMs - startMarginMs(leaseMs)), now)) {
    return refusal('TOO_LATE', 'too little of its lease was left');
  }
  if (command.workload === undefined) {
    return refusal('WORKLOAD_UNKNOWN', 'this version of the agent can not run this kind of workload');
  }
  if (state.leaving !== undefined) return refusal('LEAVING', 'the agent leaves');
  if (state.keeper.kind !== 'live') return refusal('KEEPER_UNAVAILABLE', 'there is no keeper');
  const living = [...state.attempts.values()].filter(isLiving);
  const older = living.find(({ status }) => status.run === command.run);
  if (older !== undefined) {
    const detail = `attempt ${older.status.epoch} of the run is ${older.status.state}`;
    return refusal('OLDER_ATTEMPT_LIVES', detail);
  }
  const used = living.reduce((sum, { slots }) => sum + slots, 0);
  if (state.maxSlots !== undefined && used + command.slots > state.maxSlots) {
    const detail = `${used} of ${state.maxSlots} slots are in use, and it takes ${command.slots}`;
    return refusal('RESOURCE_EXHAUSTED', detail);
  }
  return undefined;
}

/** Hands it to the keeper. From now on it is listed: the process may exist before the keeper's answer is here. */
function begin(turn: Turn, session: Session, command: StartCommand, stamp: Reading): void {
  const { run, policy, epoch, terms, slots, commandId, healthCheck } = command;
  const deadline = deadlineAfter(stamp, terms.leaseMs);
  turn.state.attempts.set(keyOf(command), {
    status: { run, policy, epoch, state: 'STARTING', pid: 0, startWall: undefined, endWall: undefined, end: undefined },
    terms,
    slots,
    deadline,
    isGranted: true,
    stop: undefined,
    doubtUntil: undefined,
    cgroup: '',
    startTicks: 0,
    starting: true,
    health: newHealth(healthCheck),
    change: 0,
  });
  const pending: Pending = { kind: 'start', run, epoch, stream: session.stream, commandId };
  askKeeper(turn, { kind: 'start', command, deadline }, pending);
}

export interface StartResult {
  readonly ok: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly pid: number;
}

/** The keeper's answer: the program runs, or never will. */
export function finishStart(turn: Turn, pending: Extract<Pending, { kind: 'start' }>, result: StartResult): void {
  const { state, now } = turn;
  const { run, epoch, stream, commandId } = pending;
  const answer = answerOf(result);
  settle(state.spent, run, epoch, answer);
  const hears = state.session?.stream === stream;
  if (hears) answerCommand(turn, stream, commandId, answer);
  const attempt = state.attempts.get(attemptKey(run, epoch));
  if (attempt === undefined) return;
  attempt.starting = false;
  // What the keeper said of it meanwhile is reported after the answer.
  if (attempt.change > 0) changeStatus(turn, attempt, attempt.status);
  if (result.ok || !isLiving(attempt)) return;
  // The keeper does not list it. Whoever hears the refusal needs no more; a later session has it in its inventory, and must be told.
  if (hears) state.attempts.delete(attemptKey(run, epoch));
  else {
    const end = { cause: answer.endCause ?? 'REFUSED', detail: result.detail, hostProblem: answer.hostProblem };
    changeStatus(turn, attempt, endedStatus(attempt.status, end, now.wall));
  }
}

const answerOf = ({ ok, reason, detail, pid }: StartResult): CommandAnswer =>
  ok ? applied('APPLIED', '', pid) : refusedFor(reason, detail);
