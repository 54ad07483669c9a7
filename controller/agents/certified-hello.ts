/** A Hello beside the certificate of its connection: before the core hears of it, for what somebody says under the name of another counts for nothing. */
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { LocumError } from '../../shared/errors.ts';
import type { WholeHello } from '../core/cluster/event.ts';

/** `peer` undefined: there is no certificate, and the agent is taken at its word. @throws LocumError WRONG_IDENTITY */
export function certifiedHello(peer: AcceptedPeer | undefined, hello: WholeHello): WholeHello {
  if (peer === undefined) return hello;
  const { identity, notBeforeMs, notAfterMs } = peer;
  const { server, pool } = hello;
  const resource = `servers/${server}`;
  if (identity.kind !== 'server' || identity.name !== server) {
    const message = `its certificate is that of ${identity.kind} ${identity.name}, it says that it is ${server}: start the agent under the name that it was enrolled for, or enrol it again`;
    throw new LocumError('WRONG_IDENTITY', message, { resource });
  }
  if (identity.pool !== undefined && identity.pool !== pool) {
    const message = `the certificate of ${server} is for pool ${identity.pool}, it wants to join ${pool}: correct the agent's configuration, or enrol it again`;
    throw new LocumError('WRONG_IDENTITY', message, { resource });
  }
  return { ...hello, certifiedWall: notBeforeMs, certifiedUntilWall: notAfterMs };
}
