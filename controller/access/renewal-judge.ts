/**
 * Who gets a new certificate in place of one that is good, and from when it counts. It is dated by the time of this judging, and nothing is
 * signed before the store has said that whoever judged still leads: what is revoked meanwhile is not good again, however late somebody signs.
 */
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { serverId } from '../../shared/ids.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { refuseRevoked, validFromWall } from '../core/servers/revocations.ts';
import type { Holder } from './signer.ts';

export interface Renewable {
  readonly holder: Holder;
  /** What is valid from earlier is revoked. Undefined: nothing is. */
  readonly validFromMs: number | undefined;
}

/** @throws LocumError CERTIFICATE_REVOKED */
export function judgeRenewal(state: ClusterState, { identity, notBeforeMs }: AcceptedPeer): Renewable {
  const server = serverId(identity.name);
  const revoked = refuseRevoked({ state }, { server, certifiedWall: notBeforeMs });
  if (revoked !== undefined) throw revoked;
  const { pool } = identity;
  const holder = { kind: 'server', name: server, ...(pool === undefined ? {} : { pool }) } as const;
  return { holder, validFromMs: validFromWall({ state }, server) };
}
