/** Whose certificates are refused. What is kept is one line for each name, for as long as a certificate can last. */
import { LocumError } from '../../../shared/errors.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { DAY } from '../../../shared/time.ts';
import { forgetRevocation, keepRevocation } from '../cluster/change.ts';
import type { WholeHello } from '../cluster/event.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { nextSecond, type Revocation } from '../records/revocation.ts';

/** No certificate of ours lasts longer (`locum certificate issue --days`). */
const KEPT_MS = 825 * DAY;

/** Refuses, from now on, what the server was given so far. */
export function revoke(turn: Turn, about: Pick<Revocation, 'server' | 'reason' | 'deleted'>): Revocation {
  const revocation = revocationNow(turn, about);
  if (!turn.state.revocations.has(about.server)) makeRoom(turn);
  keepRevocation(turn, revocation);
  return revocation;
}

/**
 * What is given after a revocation is valid from just there on, so a second one has to be later than the first: also within the same second,
 * and when the clock was set back.
 */
export function revocationNow(
  { state, now, journal }: Pick<Turn, 'state' | 'now' | 'journal'>,
  about: Pick<Revocation, 'server' | 'reason' | 'deleted'>,
): Revocation {
  const before = state.revocations.get(about.server)?.beforeWall ?? 0;
  const beforeWall = Math.max(nextSecond(now.wall), nextSecond(before));
  return { kind: 'revocation', ...about, beforeWall, creator: journal.actor };
}

/** Those that are over go; and when there are as many as may be, the oldest, those of servers that are gone before those that somebody meant. */
function makeRoom(turn: Turn): void {
  const { state, now } = turn;
  for (const one of [...state.revocations.values()])
    if (now.wall - one.beforeWall > KEPT_MS) forgetRevocation(turn, one);
  if (state.revocations.size < LIMITS.revocations) return;
  const first = [...state.revocations.values()].reduce((a, b) => (goesBefore(b, a) ? b : a));
  forgetRevocation(turn, first);
}

const goesBefore = (a: Revocation, b: Revocation): boolean =>
  a.deleted === b.deleted ? a.beforeWall < b.beforeWall : a.deleted;

/** From when on a certificate of this name has to be valid. Undefined: from any time. */
export const validFromWall = ({ state }: Pick<View, 'state'>, server: ServerId): number | undefined =>
  state.revocations.get(server)?.beforeWall;

export function refuseRevoked(
  view: Pick<View, 'state'>,
  { server, certifiedWall }: Pick<WholeHello, 'server' | 'certifiedWall'>,
): LocumError | undefined {
  const fromWall = validFromWall(view, server);
  if (certifiedWall === undefined || fromWall === undefined || certifiedWall >= fromWall) return undefined;
  return revokedError(server);
}

export const revokedError = (server: ServerId): LocumError =>
  new LocumError(
    'CERTIFICATE_REVOKED',
    `the certificates of ${server} were revoked: let it join anew, with the line of \`locum token create --for server/${server}\``,
    { resource: `servers/${server}` },
  );
