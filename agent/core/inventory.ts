/** What the leader is told about attempts: full inventories in parts, and changes. */
import { type Attempt, isLiving, keyOf, refOf } from './attempt.ts';
import type { StreamId } from './event.ts';
import type { AttemptRef, AttemptStatus, Capacity, HelloFacts } from './message.ts';
import type { AgentState, Session } from './state.ts';
import { askKeeper, send, type Turn } from './turn.ts';

/**
 * Attempts in one message. With every text at its bound that is 100 KiB, and a Hello's capabilities take as much again: below the
 * 256 KiB of the agent listener.
 */
const PART_SIZE = 100;

/** Every attempt of this state directory that may run, or whose end was not acknowledged; in parts, of which there is always one. */
function inventoryParts(state: AgentState): readonly (readonly AttemptStatus[])[] {
  const all = [...state.attempts.values()].map(({ status }) => status);
  return all.length === 0 ? [[]] : parts(all);
}

function parts<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / PART_SIZE) }, (_, i) =>
    items.slice(i * PART_SIZE, (i + 1) * PART_SIZE),
  );
}

/** What can be placed here: nothing more once the agent leaves, so that what it stops is not sent back to it. */
export function offeredCapacity(state: AgentState): Capacity {
  return state.leaving === undefined ? state.capacity : { ...state.capacity, maxSlots: 0 };
}

export function sendHello(turn: Turn, stream: StreamId): void {
  const { state } = turn;
  const facts: HelloFacts = {
    uid: state.uid,
    clusterId: state.clusterId,
    capabilities: state.capabilities,
    capacity: offeredCapacity(state),
    highestTerm: state.highestTerm,
    highestEpoch: state.highestEpoch,
    hostProblems: state.hostProblems,
  };
  const all = inventoryParts(state);
  for (const [i, attempts] of all.entries()) {
    send(turn, stream, { kind: 'hello', facts, attempts, lastPart: i === all.length - 1 });
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
  for (const part of parts(changed.map(({ status }) => status))) {
    send(turn, session.stream, { kind: 'report', attempts: part });
  }
  session.reportedUpTo = changes;
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

export const endedStatuses = (state: AgentState): readonly AttemptStatus[] =>
  [...state.attempts.values()].filter((attempt) => !isLiving(attempt)).map(({ status }) => status);

export const refsOf = (attempts: readonly Attempt[]): readonly AttemptRef[] => attempts.map(refOf);
