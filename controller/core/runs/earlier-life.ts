/**
 * What servers may still hold of an earlier life of the store, after a restore (semantics C9). The store knows nothing of it. What an
 * agent shows of it is told to stop, and its policy starts nowhere before it has ended; what nobody shows may be a HOLD attempt, which
 * outlives every wait, so no HOLD policy starts before each server has said that it holds nothing.
 */
import { incarnationOf } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { ReportedAttempt } from '../../../shared/protocol/attempt.ts';
import { change, SILENT } from '../cluster/change.ts';
import { type ClusterState, serverOf } from '../cluster/cluster.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import { ANYWHERE, type EarlierAttempt, type EarlierLife } from '../records/earlier-attempt.ts';
import type { Policy, Server } from '../records/state.ts';
import { askFullState } from './full-state.ts';

/** A server as it was loaded, or registers: in any life but the first it may hold something of an earlier one. */
export function expectEarlierLife({ incarnation }: ClusterState, server: Server): Server {
  if (incarnation === 1 || server.settledIncarnation === incarnation) {
    return { ...server, settledIncarnation: incarnation, earlierLife: undefined };
  }
  const { instanceId, machineId, earlierLife } = server;
  return { ...server, earlierLife: earlierLife ?? { instanceId, machineId, attempts: [], moreIn: undefined } };
}

/** Takes a full inventory: what lives in the session's place, was made in an earlier life, and is not known. */
export function noteEarlierLife(turn: Turn, session: Session, inventory: readonly ReportedAttempt[]): void {
  const server = serverOf(turn.state, session.server);
  const { earlierLife: life } = server;
  if (life === undefined) return;
  const { instanceId } = session;
  const here = inventory
    .filter((reported) => isOfEarlierLife(turn.state, reported))
    .map(({ run, epoch, policy }) => ({ run, epoch, policy, instanceId }));
  const elsewhere = life.attempts.filter((attempt) => attempt.instanceId !== instanceId);
  const listed = here.slice(0, Math.max(0, LIMITS.earlierAttempts - elsewhere.length));
  const moreIn = placeOfMore(life, instanceId, here.length > listed.length);
  setLife(turn, server, { ...life, attempts: [...elsewhere, ...listed], moreIn });
}

/** An inventory is the last word on its own place, and none on another. */
function placeOfMore({ moreIn }: EarlierLife, instanceId: string, isMoreHere: boolean): string | undefined {
  if (moreIn === undefined || moreIn === instanceId) return isMoreHere ? instanceId : undefined;
  return isMoreHere ? ANYWHERE : moreIn;
}

function isOfEarlierLife(state: ClusterState, { run, epoch, state: shown }: ReportedAttempt): boolean {
  if (shown === 'ENDED' || incarnationOf(epoch) === state.incarnation) return false;
  return !(state.runs.get(run)?.attempts.some((attempt) => attempt.epoch === epoch) ?? false);
}

/** An attempt of the session's place was reported as ended. */
export function noteEnded(turn: Turn, session: Session, ended: ReportedAttempt): void {
  const server = serverOf(turn.state, session.server);
  const { earlierLife: life } = server;
  if (life === undefined) return;
  const isHere = ({ instanceId }: EarlierAttempt): boolean => instanceId === session.instanceId;
  const attempts = life.attempts.filter((attempt) => attempt.epoch !== ended.epoch || !isHere(attempt));
  setLife(turn, server, { ...life, attempts });
  // What was listed is gone; the next ones are listed by the next inventory.
  if (life.moreIn === session.instanceId && !attempts.some(isHere))
    askFullState(turn, session, 'MORE_OF_BEFORE_RESTORE');
}

function setLife(turn: Turn, server: Server, earlierLife: EarlierLife): void {
  // It is shown by what waits for it: runs of its policies say for which epoch on which server.
  change(turn, server, { earlierLife }, SILENT);
}

/** The agent has taken its session: if it is of the place of then, and nothing is left, that holds for every later leader as well. */
export function settleEarlierLife(turn: Turn, session: Session): void {
  const server = turn.state.servers.get(session.server);
  const life = server?.earlierLife;
  if (server === undefined || life === undefined || life.attempts.length > 0 || life.moreIn !== undefined) return;
  if (life.instanceId === session.instanceId && life.machineId === session.machineId) markSettled(turn, server);
}

/** It holds nothing of an earlier life: by its own word, or by that of an operator. */
export function markSettled(turn: Turn, server: Server): void {
  if (server.earlierLife === undefined) return;
  // The Hello or the operator's word, which settles it, is told.
  change(turn, server, { earlierLife: undefined, settledIncarnation: turn.state.incarnation }, SILENT);
}

/** A keeper without a record of it does not know its policy; the id of its run begins with it. */
const policyOf = ({ policy, run }: EarlierAttempt): string => policy || run.replace(/-\d+$/, '');

/** What a start of the policy has to wait for, in words; undefined: nothing. */
export function earlierLifeOf(state: ClusterState, policy: Policy): string | undefined {
  const { pool, servers, onDisconnect } = policy.spec;
  if (state.incarnation === 1 || onDisconnect === 'OVERLAP') return undefined;
  for (const id of state.unsettled) {
    const life = serverOf(state, id).earlierLife;
    const shown = life?.attempts.find((attempt) => policyOf(attempt) === policy.id);
    if (shown !== undefined) return `it waits until epoch ${shown.epoch} of before the restore has ended on ${id}`;
    // Of which policies the rest is, the list does not say.
    if (life?.moreIn !== undefined) return `it waits until what ${id} holds of before the restore can be listed`;
  }
  if (onDisconnect !== 'HOLD') return undefined;
  // An edit after the snapshot may have had it run on any server of the pool, and on one that the snapshot does not know.
  const unknown = servers.find((id) => !state.servers.has(id));
  if (unknown !== undefined) return `HOLD waits until ${unknown} said Hello, or is off the policy's list`;
  for (const id of state.unsettled) {
    const server = serverOf(state, id);
    if (server.pool === pool) return `HOLD waits until ${waitFor(state, server)}`;
  }
  return undefined;
}

/** What settles a server, in words. */
export function waitFor(state: ClusterState, { id, earlierLife }: Server): string {
  const session = state.serverLive.get(id)?.session;
  if (earlierLife !== undefined && (earlierLife.attempts.length > 0 || earlierLife.moreIn !== undefined))
    return `what ${id} holds of before the restore has ended`;
  if (session === undefined) return `${id} said Hello or was confirmed dead`;
  return `${id} said Hello from the place that it had before the restore, or has left and was confirmed dead`;
}
