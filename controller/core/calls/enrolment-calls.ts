/** Enrolment: join tokens, and who may have a certificate with one. Signing is the shell's; nothing is signed before this is durable. */
import { type ErrorReason, LocumError, notFound, stateProblem } from '../../../shared/errors.ts';
import { DEFAULT_POOL, type PoolId, type ServerId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { MINUTE } from '../../../shared/time.ts';
import { replaceJoinToken } from '../cluster/change.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { fitsPattern, type JoinToken, joinTokenName } from '../records/join-token.ts';
import { dropOldestEnded, presentedToken, revokedNews, tokenStateNow } from '../servers/join-tokens.ts';
import { validFromWall } from '../servers/revocations.ts';
import { type CallOf, knownPool, type Outcome } from './outcome.ts';

export function createJoinToken(turn: Turn, request: CallOf<'create_join_token'>, validateOnly: boolean): Outcome {
  const { state, now, journal } = turn;
  const { server, serverPattern, pool } = request;
  if (pool !== undefined) knownPool(turn, pool);
  const known = server === undefined ? undefined : state.servers.get(server);
  if (known !== undefined && pool !== undefined && known.pool !== pool) {
    const message = `${known.id} is in pool ${known.pool}, and a server can't change its pool: leave the pool out, or delete the server first`;
    throw new LocumError('IMMUTABLE_FIELD', message, { resource: `servers/${known.id}` });
  }
  const token: JoinToken = {
    kind: 'join_token',
    ...{ id: request.id, secretHash: request.secretHash, server, serverPattern, pool },
    ...{ creator: journal.actor, createWall: now.wall, expireWall: now.wall + request.ttlMs },
    state: { kind: 'ACTIVE' },
  };
  if (!validateOnly) {
    if (state.joinTokens.size >= LIMITS.joinTokens && !dropOldestEnded(turn)) throw tooMany();
    replaceJoinToken(turn, token, {
      type: 'JOIN_TOKEN_CREATED',
      cause: 'OPERATOR',
      message: `token ${token.id} lets ${whomFor(token)} join within ${Math.round(request.ttlMs / MINUTE)} min`,
      details: { join_token: token.id },
    });
  }
  return tokenOutcome(token);
}

export function revokeJoinToken(turn: Turn, request: CallOf<'revoke_join_token'>, validateOnly: boolean): Outcome {
  const token = turn.state.joinTokens.get(request.id);
  if (token === undefined) throw notFound(joinTokenName(request));
  const { kind } = tokenStateNow(token, turn.now.wall);
  if (kind === 'USED') {
    const message = `token ${token.id} was used already: revoke the certificate of the server instead`;
    throw stateProblem('JOIN_TOKEN_USED', joinTokenName(token), message);
  }
  if (kind !== 'ACTIVE') return tokenOutcome(token);
  const revoked: JoinToken = { ...token, state: { kind: 'REVOKED', endWall: turn.now.wall } };
  if (!validateOnly) replaceJoinToken(turn, revoked, revokedNews(token));
  return tokenOutcome(revoked);
}

/** Uses a token up. Whoever had it used for the same key may ask again: the answer may have been lost. */
export function join(turn: Turn, request: CallOf<'join'>, validateOnly: boolean): Outcome {
  const { server, keyHash, source } = request;
  const token = presentedToken(turn.state, request);
  const pool = request.pool ?? token.pool ?? turn.state.servers.get(server)?.pool ?? DEFAULT_POOL;
  const answer: Outcome = {
    resource: `servers/${server}`,
    value: { kind: 'admitted', server, pool, bound: token.pool, validFromWall: validFromWall(turn, server) },
  };
  const { state } = token;
  const isRepeated = state.kind === 'USED' && state.keyHash === keyHash && state.server === server;
  refuseEnded(turn, token, isRepeated);
  refuseMismatch(token, server, pool);
  knownPool(turn, pool);
  if (isRepeated) return answer;
  refuseTakenName(turn, token, server, pool);
  if (validateOnly) return answer;
  const used: JoinToken = { ...token, state: { kind: 'USED', endWall: turn.now.wall, server, keyHash, source } };
  replaceJoinToken(turn, used, {
    type: 'JOIN_TOKEN_USED',
    cause: 'JOIN',
    message: `${server} joins pool ${pool} from ${source} with token ${token.id}, which ${token.creator} made`,
    server,
    details: { join_token: token.id, source },
  });
  return answer;
}

function refuseEnded(view: View, token: JoinToken, isRepeated: boolean): void {
  const { now } = view;
  const { id } = token;
  const resource = joinTokenName(token);
  const make = 'make a new one with `locum token create`';
  if (now.wall >= token.expireWall) {
    throw refused('JOIN_TOKEN_EXPIRED', `the time of join token ${id} is over: ${make}`, resource);
  }
  if (token.state.kind === 'USED' && !isRepeated) {
    const message = `join token ${id} was used by ${token.state.server}, and is good for one server only: ${make}. If nobody of yours used it, revoke that server's certificate`;
    throw refused('JOIN_TOKEN_USED', message, resource);
  }
  // Whoever has the key of a revoked certificate has the token that it came with, too.
  if (token.state.kind === 'USED' && token.state.endWall < (validFromWall(view, token.state.server) ?? 0)) {
    const message = `join token ${id} was used before the certificates of ${token.state.server} were revoked: ${make}`;
    throw refused('JOIN_TOKEN_REVOKED', message, resource);
  }
  if (token.state.kind === 'REVOKED')
    throw refused('JOIN_TOKEN_REVOKED', `join token ${id} was revoked: ${make}`, resource);
}

function refuseMismatch(token: JoinToken, server: ServerId, pool: PoolId): void {
  const fits =
    (token.server === undefined || token.server === server) &&
    (token.serverPattern === '' || fitsPattern(server, token.serverPattern)) &&
    (token.pool === undefined || token.pool === pool);
  if (fits) return;
  const message = `join token ${token.id} is for ${whomFor(token)}, not for ${server} in pool ${pool}`;
  throw refused('JOIN_TOKEN_MISMATCH', message, joinTokenName(token));
}

/** A token for many must not make one of them somebody who is there already. */
function refuseTakenName({ state }: View, token: JoinToken, server: ServerId, pool: PoolId): void {
  const known = state.servers.get(server);
  if (known !== undefined && known.pool !== pool) {
    const message = `${server} is in pool ${known.pool}; a server can't change its pool: delete it first`;
    throw new LocumError('IMMUTABLE_FIELD', message, { resource: `servers/${server}` });
  }
  if (token.server !== undefined) return;
  const others = [...state.joinTokens.values()].filter(({ id }) => id !== token.id);
  const isTaken = others.some((other) => other.state.kind === 'USED' && other.state.server === server);
  if (known === undefined && !isTaken) return;
  const message = `${server} has joined already, and this token is for new names: give this host another one (--server), or make a token with \`locum token create --for server/${server}\``;
  throw refused('SERVER_NAME_TAKEN', message, `servers/${server}`);
}

/** In words: `server web-1 in pool edge`, `any server`. */
function whomFor({ server, serverPattern, pool }: JoinToken): string {
  const named = serverPattern === '' ? 'any new server' : `servers named ${serverPattern}`;
  const who = server === undefined ? named : `server ${server}`;
  return pool === undefined ? who : `${who} in pool ${pool}`;
}

const refused = (reason: ErrorReason, message: string, resource: string): LocumError =>
  new LocumError(reason, message, { resource });

function tooMany(): LocumError {
  const message = `there are ${LIMITS.joinTokens} join tokens that can be used, as many as there may be: revoke some, or wait until they are over`;
  return new LocumError('TOO_MANY_JOIN_TOKENS', message, { retryAfterMs: 60_000 });
}

const tokenOutcome = (token: JoinToken): Outcome => ({
  resource: joinTokenName(token),
  value: { kind: 'join_token', token },
});
