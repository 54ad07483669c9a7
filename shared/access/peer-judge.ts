/**
 * Whether the other end of a TLS connection may be there, by what its certificate says: one function, one ordered list of rules, and
 * whoever no rule lets in is refused. Pure: connections are judged again while they last, so the time is an argument.
 */
import { type PeerIdentity, type PeerKind, parseSpiffe } from './identity.ts';

/** What is known of a certificate once the handshake is over. */
export interface PeerCertificate {
  /** In hexadecimal digits, as X.509 has it. */
  readonly serial: string;
  /** Unix milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** URIs of the alternative names. */
  readonly uris: readonly string[];
  /** Why OpenSSL did not find a valid chain to one of our authorities for this use, such as `CERT_HAS_EXPIRED`. Undefined: it did. */
  readonly chainProblem: string | undefined;
}

/** Whom one end of a connection takes. What is revoked is known to the core, which judges it: the Hello of a server, each call of a user. */
export interface PeerRule {
  readonly clusterId: string;
  readonly kinds: readonly PeerKind[];
  /** Only this one. Default: any. */
  readonly name?: string;
}

/** Stable words, for logs, events and tests. */
export const PEER_REFUSALS = [
  'NO_CERTIFICATE',
  'NOT_YET_VALID',
  'EXPIRED',
  'UNKNOWN_AUTHORITY',
  'NO_IDENTITY',
  'OTHER_CLUSTER',
  'WRONG_KIND',
  'WRONG_NAME',
] as const;
export type PeerRefusal = (typeof PEER_REFUSALS)[number];

export interface AcceptedPeer {
  readonly identity: PeerIdentity;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type PeerVerdict =
  | { readonly kind: 'accepted'; readonly peer: AcceptedPeer }
  /** `message` is for people and says what to do. */
  | { readonly kind: 'refused'; readonly reason: PeerRefusal; readonly message: string };

/** Undefined for a certificate: the peer showed none. */
export function judgePeer(certificate: PeerCertificate | undefined, rule: PeerRule, nowMs: number): PeerVerdict {
  if (certificate === undefined) {
    return refused('NO_CERTIFICATE', 'it shows no certificate: only enrolled peers may connect here');
  }
  const { serial, notBeforeMs, notAfterMs, uris, chainProblem } = certificate;
  const outOfTime = judgeTime(certificate, nowMs);
  if (outOfTime !== undefined) return outOfTime;
  if (chainProblem !== undefined) {
    return refused('UNKNOWN_AUTHORITY', `none of our authorities stands for its certificate (${chainProblem})`);
  }
  const [uri, ...more] = uris;
  const identity = uri === undefined || more.length > 0 ? undefined : parseSpiffe(uri);
  if (identity === undefined) return refused('NO_IDENTITY', 'its certificate names no server, controller or user');
  const peer = { identity, serial, notBeforeMs, notAfterMs };
  return judgeIdentity(peer, rule) ?? { kind: 'accepted', peer };
}

/** Whether a peer that was let in may stay: what can change meanwhile. Undefined: it may. */
export function judgeAgain(peer: AcceptedPeer, rule: PeerRule, nowMs: number): PeerVerdict | undefined {
  return judgeTime(peer, nowMs) ?? judgeIdentity(peer, rule);
}

/** The dates come first: OpenSSL names one problem of a chain only, and that a certificate is old is what its owner can mend. */
function judgeTime(
  { notBeforeMs, notAfterMs }: Pick<PeerCertificate, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): PeerVerdict | undefined {
  // Comparisons with NaN are false: dates that can't be read must not pass.
  if (!(nowMs >= notBeforeMs)) {
    return refused('NOT_YET_VALID', 'its certificate is not valid yet: compare the clocks of the two hosts');
  }
  if (!(nowMs < notAfterMs)) return refused('EXPIRED', 'its certificate is over: enrol it again');
  return undefined;
}

function judgeIdentity(peer: AcceptedPeer, rule: PeerRule): PeerVerdict | undefined {
  const { clusterId, kind, name } = peer.identity;
  if (clusterId !== rule.clusterId) {
    return refused('OTHER_CLUSTER', `its certificate is of cluster ${clusterId}, this is ${rule.clusterId}`);
  }
  if (!rule.kinds.includes(kind)) {
    return refused('WRONG_KIND', `its certificate is that of a ${kind}, wanted is a ${rule.kinds.join(' or ')}`);
  }
  if (rule.name !== undefined && rule.name !== name) {
    return refused('WRONG_NAME', `its certificate is that of ${kind} ${name}, wanted is ${rule.name}`);
  }
  return undefined;
}

const refused = (reason: PeerRefusal, message: string): PeerVerdict => ({ kind: 'refused', reason, message });
