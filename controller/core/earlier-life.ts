/**
 * What servers still hold of an earlier life of the store, after a restore (semantics C9). The store knows nothing of it, so it is told
 * to stop; a HOLD attempt among it may live for as long as that takes, and no HOLD policy starts before.
 */
import { incarnationOf } from '../../shared/ids.ts';
import { attemptKey } from './attempt.ts';
import { type ClusterState, type Session, serverOf } from './cluster.ts';
import type { Context } from './context.ts';
import type { ReportedAttempt } from './event.ts';
import type { Server } from './state.ts';

/** Takes a full inventory: what lives there, was made in an earlier life, and is not known. */
export function noteEarlierLife(session: Session, state: ClusterState, inventory: readonly ReportedAttempt[]): void {
  const held = session.earlierLife;
  if (held === undefined) return;
  held.clear();
  for (const { run, epoch, state: shown } of inventory) {
    const known = state.runs.get(run)?.attempts.some((attempt) => attempt.epoch === epoch) ?? false;
    if (shown !== 'ENDED' && !known && incarnationOf(epoch) < state.incarnation) held.add(attemptKey({ run, epoch }));
  }
}

/** An attempt was reported as ended. */
export function noteEnded(session: Session, { run, epoch }: ReportedAttempt): void {
  session.earlierLife?.delete(attemptKey({ run, epoch }));
}

/** The agent has taken its session: if it holds nothing of an earlier life, that is written down for every later leader. */
export function settleEarlierLife(ctx: Context, session: Session): void {
  if (session.earlierLife === undefined || session.earlierLife.size > 0) return;
  session.earlierLife = undefined;
  markSettled(ctx, serverOf(ctx.state, session.server));
}

export function markSettled(ctx: Context, server: Server): void {
  const { state, journal } = ctx;
  if (server.settledIncarnation === state.incarnation) return;
  server.settledIncarnation = state.incarnation;
  journal.put(server);
  ctx.dirtyServers.add(server.id);
  ctx.recheckBlocked = true;
}

/** Why a server may hold something of an earlier life; undefined: it does not. */
export function earlierLifeOn(state: ClusterState, server: Server): string | undefined {
  if (server.settledIncarnation === state.incarnation) return undefined;
  const held = state.serverLive.get(server.id)?.session?.earlierLife;
  if (held === undefined || held.size === 0) return `${server.id} said Hello or was confirmed dead`;
  return `${[...held].join(', ')} of before the restore has ended on ${server.id}`;
}
