/** What becomes of join tokens by time alone: they are over, and a day after their end they are forgotten. */
import { LocumError } from '../../../shared/errors.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { forgetJoinToken, type News, replaceJoinToken } from '../cluster/change.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { ENDED_TOKEN_KEPT_MS, type JoinToken, type JoinTokenState } from '../records/join-token.ts';

/** As it stands now, also when nobody has written yet that its time is over. */
export function tokenStateNow({ state, expireWall }: JoinToken, wall: number): JoinTokenState {
  return state.kind === 'ACTIVE' && wall >= expireWall ? { kind: 'EXPIRED', endWall: expireWall } : state;
}

/**
 * Whoever does not have the secret is not told whether there is such a token, and nothing is computed of what he sends.
 * @throws LocumError JOIN_TOKEN_UNKNOWN
 */
export function presentedToken(
  { joinTokens }: Pick<ClusterState, 'joinTokens'>,
  { token: id, secretHash }: { readonly token: string; readonly secretHash: string },
): JoinToken {
  const token = joinTokens.get(id);
  if (token !== undefined && token.secretHash === secretHash) return token;
  const message = 'there is no such join token: paste the whole line, or make a new token';
  throw new LocumError('JOIN_TOKEN_UNKNOWN', message);
}

export function lookAtJoinTokens(turn: Turn): void {
  const { wall } = turn.now;
  for (const token of [...turn.state.joinTokens.values()]) {
    const state = tokenStateNow(token, wall);
    if (state.kind === 'ACTIVE') continue;
    if (state !== token.state) {
      const message = `token ${token.id} was not used in time`;
      const details = { join_token: token.id };
      replaceJoinToken(turn, { ...token, state }, { type: 'JOIN_TOKEN_EXPIRED', cause: 'TIME_OVER', message, details });
    }
    // Used ones say who has joined, as long as their own time lasts.
    if (wall >= Math.max(state.endWall, token.expireWall) + ENDED_TOKEN_KEPT_MS) forgetJoinToken(turn, token);
  }
}

/** Nobody joins under this name with what was made for it before. */
export function revokeTokensFor(turn: Turn, server: ServerId): void {
  for (const token of [...turn.state.joinTokens.values()]) {
    if (token.server !== server || tokenStateNow(token, turn.now.wall).kind !== 'ACTIVE') continue;
    replaceJoinToken(turn, { ...token, state: { kind: 'REVOKED', endWall: turn.now.wall } }, revokedNews(token));
  }
}

export const revokedNews = ({ id }: JoinToken): News<'JOIN_TOKEN_REVOKED'> => ({
  type: 'JOIN_TOKEN_REVOKED',
  cause: 'OPERATOR',
  message: `token ${id} lets nobody join any more`,
  details: { join_token: id },
});

/** Makes room for one. False: none has ended. */
export function dropOldestEnded(turn: Turn): boolean {
  const endOf = (token: JoinToken): number => {
    const state = tokenStateNow(token, turn.now.wall);
    return state.kind === 'ACTIVE' ? Number.POSITIVE_INFINITY : state.endWall;
  };
  const tokens = [...turn.state.joinTokens.values()];
  const oldest = tokens.reduce<JoinToken | undefined>(
    (found, token) => (found === undefined || endOf(token) < endOf(found) ? token : found),
    undefined,
  );
  if (oldest === undefined || endOf(oldest) === Number.POSITIVE_INFINITY) return false;
  forgetJoinToken(turn, oldest);
  return true;
}
