/** Who a certificate says somebody is, as a SPIFFE id: `spiffe://CLUSTER/server/web-1`, with its pool `…/server/web-1/pool/edge`. Pure. */
import { isUserId } from '../resource-name.ts';

export type PeerKind = 'server' | 'controller' | 'user';

export interface PeerIdentity {
  /** Id of the cluster: the trust domain of the SPIFFE id. */
  readonly clusterId: string;
  readonly kind: PeerKind;
  /** Id of the server or controller, or the name of a person or program. */
  readonly name: string;
  /** Of a server: the only pool that it may join. Default: any. */
  readonly pool?: string;
}

/** As SPIFFE has it: a trust domain is lower case letters, digits, dots, hyphens and underscores. */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
/** One segment of a SPIFFE path that is no relative one. */
const USER_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;
const FORM = /^spiffe:\/\/([^/]+)\/(server|controller|user)\/([^/]+)(?:\/pool\/([^/]+))?$/;
/** SPIFFE's own bound on an id. */
const MAX_BYTES = 2_048;

/** Whether there is a SPIFFE id for it. */
export function isPeerIdentity({ clusterId, kind, name, pool }: PeerIdentity): boolean {
  if (!TRUST_DOMAIN.test(clusterId)) return false;
  if (kind === 'user') return USER_NAME.test(name) && pool === undefined;
  if (!isUserId(name)) return false;
  return pool === undefined || (kind === 'server' && isUserId(pool));
}

/** Undefined for whatever is not exactly one of our ids; nothing is decoded, trimmed or put into lower case. */
export function parseSpiffe(uri: string): PeerIdentity | undefined {
  if (uri.length > MAX_BYTES) return undefined;
  const [, clusterId, kind, name, pool] = FORM.exec(uri) ?? [];
  if (clusterId === undefined || name === undefined || !isKind(kind)) return undefined;
  const identity = { clusterId, kind, name, ...(pool === undefined ? {} : { pool }) };
  return isPeerIdentity(identity) ? identity : undefined;
}

/** @throws RangeError: there is none for it, see `isPeerIdentity` */
export function spiffeOf(identity: PeerIdentity): string {
  if (!isPeerIdentity(identity)) throw new RangeError(`no SPIFFE id for ${JSON.stringify(identity)}`);
  const { clusterId, kind, name, pool } = identity;
  return `spiffe://${clusterId}/${kind}/${name}${pool === undefined ? '' : `/pool/${pool}`}`;
}

/** As people are told of it: `server/web-1`. */
export const identityName = ({ kind, name }: Pick<PeerIdentity, 'kind' | 'name'>): string => `${kind}/${name}`;

function isKind(text: string | undefined): text is PeerKind {
  return text === 'server' || text === 'controller' || text === 'user';
}
