/** What the leader is told about attempts: full inventories in parts, and changes. */
import { uid } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import { inParts } from '../../shared/parts.ts';
import type { Capacity, HelloFacts } from '../../shared/protocol/agent-message.ts';
import type { AttemptRef, ReportedAttempt } from '../../shared/protocol/attempt.ts';
import { type Attempt, isLiving, keyOf } from './attempt.ts';
import type { StreamId } from './event.ts';
import type { AgentState, Session } from './state.ts';
import { askKeeper, send, type Turn } from './turn.ts';

/** At most what an attempt takes in a message: numbers and tags, and three bytes for each character of its texts. */
function bytesOf({ run, policy, end, health }: ReportedAttempt): number {
  const texts = [run, policy, end?.signal ?? '', end?.detail ?? '', health?.detail ?? ''];
  return 128 + 3 * texts.reduce((sum, { length }) => sum + length, 0);
}

/** In messages that are never too large; there is always one. */
function parts(statuses: readonly ReportedAttempt[]): readonly (readonly ReportedAttempt[])[] {
  return inParts(statuses, bytesOf, LIMITS.partBytes);
}

/** Every attempt of this state directory that may run, or whose end was not acknowledged. */
function inventoryParts(state: AgentState): readonly (readonly ReportedAttempt[])[] {
  return parts([...state.attempts.values()].map(({ status }) => status));
}

/** What can be placed here: nothing more once the agent leaves, so that what it stops is not sent back to it. */
export function offeredCapacity(state: AgentState): Capacity {
  return state.leaving === undefined ? state.capacity : { ...state.capacity, maxSlots: 0 };
}

export function sendHello(turn: Turn, stream: StreamId): void {
  const { state, now } = turn;
  const facts: HelloFacts = {
    ...state.host,
    uid: state.uid === '' ? undefined : uid(state.uid),
    uptimeMs: now.boot,
    clusterId: state.clusterId,
    capabilities: state.capabilities,
    probeFailures: state.probeFailures,
    capacity: offeredCapacity(state),
    highestTerm: state.highestTerm,
    highestEpoch: state.highestEpoch,
    hostProblems: state.hostProblems,
  };
  const all = inventoryParts(state);
  for (const [i, attempts] of all.entries()) {
    // Of the first part everything counts, of later ones the attempts.
    const said = i === 0 ? facts : { ...facts, capabilities: [], probeFailures: [], hostProblems: [] };
    send(turn, stream, { kind: 'hello', facts: said, attempts, lastPart: i === all.length - 1 });
  }
}

export function sendFullState(turn: Turn, session: Session): void {
  const all = inventoryParts(turn.state);
  for (const [i, attempts] of all.entries()) {
    const lastPart = i === all.length - 1;
    send(turn, session.stream, { kind: 'full_state', generation: session.generation, attempts, lastPart });
  }
  session.fullStateAfter = session.sequence;
  session.reportedUpTo = turn.state.changes;
}

/** Reports what changed since the last report; waits while the stream is full, and the changes then go together. */
export function reportChanges(turn: Turn): void {
  const { session, attempts, changes } = turn.state;
  if (session === undefined || !session.writable || session.reportedUpTo === changes) return;
  const changed = [...attempts.values()].filter(({ change, starting }) => change > session.reportedUpTo && !starting);
  session.reportedUpTo = changes;
  if (changed.length === 0) return;
  for (const part of parts(changed.map(({ status }) => status))) {
    send(turn, session.stream, { kind: 'report', attempts: part });
  }
}

/** The last message of a session. It proves the end of what it lists; where that is much, reports before it say the rest. */
export function sendGoodbye(turn: Turn, session: Session, reason: 'LEAVE' | 'SHUTDOWN'): void {
  const ended = parts([...turn.state.attempts.values()].filter((one) => !isLiving(one)).map(({ status }) => status));
  for (const attempts of ended.slice(0, -1)) send(turn, session.stream, { kind: 'report', attempts });
  send(turn, session.stream, { kind: 'goodbye', attempts: ended.at(-1) ?? [], reason });
}

/** These ends are durable at the leader: nobody needs to hear of them again. */
export function forgetAcknowledged(turn: Turn, acknowledged: readonly AttemptRef[]): void {
  const { state } = turn;
  const ended = acknowledged.filter((ref) => {
    const attempt = state.attempts.get(keyOf(ref));
    return attempt !== undefined && !isLiving(attempt);
  });
  if (ended.length === 0) return;
  for (const ref of ended) state.attempts.delete(keyOf(ref));
  // Where the keeper is not there, it lists them again when it is back, and they are acknowledged again.
  if (state.keeper.kind === 'live') askKeeper(turn, { kind: 'forget', attempts: ended }, { kind: 'other' });
}

export const livingAttempts = (state: AgentState): readonly Attempt[] => [...state.attempts.values()].filter(isLiving);
