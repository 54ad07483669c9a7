/** Revoking: a server gets nothing any more, at once, and whoever has its key does not get in. */
import { tell } from '../cluster/change.ts';
import { serverLiveOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { revokeTokensFor } from '../servers/join-tokens.ts';
import { revocationNow, revoke, revokedError } from '../servers/revocations.ts';
import { closeSession } from '../servers/session.ts';
import { disbelieve } from '../servers/store-behind.ts';
import type { CallOf, Outcome } from './outcome.ts';

/** What runs there ends with its leases, as on a server that is cut off. */
export function revokeServer(turn: Turn, request: CallOf<'revoke_server'>, validateOnly: boolean): Outcome {
  const { server: id, reason } = request;
  const resource = `servers/${id}`;
  const about = { server: id, reason, deleted: false };
  if (validateOnly) return { resource, value: { kind: 'revocation', revocation: revocationNow(turn, about) } };
  const revocation = revoke(turn, about);
  const server = turn.state.servers.get(id);
  const why = reason === '' ? '' : `: ${reason}`;
  const message = `the certificates of ${id} are not good any more${why}`;
  tell(turn, server ?? 'CLUSTER', { type: 'CERTIFICATES_REVOKED', cause: 'OPERATOR', message });
  revokeTokensFor(turn, id);
  disbelieve(turn, id);
  const session = server === undefined ? undefined : serverLiveOf(turn.state, id).session;
  if (session !== undefined) closeSession(turn, session, revokedError(id), true);
  return { resource, value: { kind: 'revocation', revocation } };
}
