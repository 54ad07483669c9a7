/**
 * TLS in front of a listener: takes its raw connections, shakes hands, judges the other end, and hands on those that are let in. Whoever
 * is refused has not got a byte of HTTP/2 past it, and whoever comes too often not even TLS.
 */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { identityName, parseSpiffe } from '../access/identity.ts';
import { type AcceptedPeer, judgePeer, PEER_REFUSALS, type PeerRule, type PeerVerdict } from '../access/peer-judge.ts';
import { errorCode } from '../caught-error.ts';
import { peerCertificate } from '../pki/read-certificate.ts';
import { peerName, peerNetwork } from './caller-address.ts';
import { ConnectionTable, type PeerConnection } from './connection-table.ts';
import { defaultHandshakePace, HandshakePace, type HandshakePaceOptions } from './handshake-pace.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { TrustedPeers } from './trusted-peers.ts';

export interface HandshakeLimits {
  /** Time for a whole handshake, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Under way at once: each takes some 60 KiB. One more takes the place of the oldest of an address that has more than its share; if none
   * has, it is closed, and the others end what they have begun.
   */
  readonly most: number;
  /** How often, ended or not. */
  readonly pace: HandshakePaceOptions;
}

export const defaultHandshakeLimits: HandshakeLimits = { timeoutMs: 5_000, most: 2_000, pace: defaultHandshakePace };

/** Why a connection was closed at the door. */
export const TURNED_AWAY_REASONS = [...PEER_REFUSALS, 'HANDSHAKE_FAILED', 'TOO_MANY_HANDSHAKES'] as const;

export interface TurnedAway {
  /** `address:port`. */
  readonly peer: string;
  readonly reason: (typeof TURNED_AWAY_REASONS)[number];
  readonly message: string;
  /** Whom the certificate is for that was shown, as it says itself: `server/web-1`. Empty: nobody. */
  readonly certificate: string;
}

export interface TlsDoorOwner {
  /** Takes who is let in, with the raw connection below. `peer` undefined: nobody. */
  admitted(socket: TLSSocket, peer: AcceptedPeer | undefined, raw: Socket): void;
  refused(refused: TurnedAway): void;
}

export interface TlsDoorOptions {
  readonly identity: TlsIdentity;
  readonly rule: () => PeerRule;
  /** Peers without a certificate are let in, as nobody. Default: they are refused. */
  readonly admitsNobody?: boolean;
  /** In the order of our preference, such as `h2`. */
  readonly protocols: readonly string[];
  readonly owner: TlsDoorOwner;
  readonly handshakes?: Partial<HandshakeLimits>;
}

export interface TlsDoor {
  /** Takes a raw connection. */
  readonly take: (raw: Socket) => void;
  /** Who was let in for his certificate. */
  readonly trusted: TrustedPeers;
}

/** A connection, from its first byte on. */
class Knocking implements PeerConnection {
  readonly raw: Socket;
  readonly peer: string;
  /** By which it is checked. */
  readonly roots: readonly string[];
  /** Never idle: then an address with more than its share makes room, and nobody else. */
  readonly idleSinceMono = undefined;

  constructor(raw: Socket, roots: readonly string[]) {
    this.raw = raw;
    this.roots = roots;
    this.peer = peerNetwork(raw.remoteAddress ?? '');
  }
}

export function openTlsDoor(options: TlsDoorOptions): TlsDoor {
  const { identity, owner } = options;
  const handshakes = { ...defaultHandshakeLimits, ...options.handshakes };
  let { context } = identity;
  const trusted = new TrustedPeers(identity);
  /** Those that shake hands or have, by their other end. */
  const all = new Map<string, Knocking>();
  const shaking = new ConnectionTable<Knocking>({ places: handshakes.most, reserve: 0 });
  const pace = new HandshakePace(handshakes.pace);
  const server = createServer({
    ...contextOptions(identity),
    requestCert: true,
    // They are judged below, with a reason, and by default refused.
    rejectUnauthorized: false,
    ALPNProtocols: [...options.protocols],
    handshakeTimeout: handshakes.timeoutMs,
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => undefined);
    const peer = peerName(socket);
    const knocking = all.get(peer);
    if (knocking !== undefined) shaking.delete(knocking);
    const verdict = judge(socket, options, () => trusted.add(socket, knocking?.roots ?? []));
    if (verdict.kind === 'refused') {
      owner.refused({ peer, reason: verdict.reason, message: verdict.message, certificate: holderOf(socket) });
      socket.destroy();
    } else if (knocking !== undefined) {
      if (verdict.peer !== undefined) pace.prove(knocking.peer, identityName(verdict.peer.identity), performance.now());
      owner.admitted(socket, verdict.peer, knocking.raw);
    }
  });
  server.on('tlsClientError', (error, socket) => {
    // One that went away before it had said anything is nobody's trouble: health checks of load balancers do that.
    if (errorCode(error) !== 'ECONNRESET')
      owner.refused({
        peer: peerName(socket),
        reason: 'HANDSHAKE_FAILED',
        message: errorCode(error) || error.message,
        certificate: '',
      });
    socket.destroy();
  });
  const take = (raw: Socket): void => {
    if (context !== identity.context) {
      ({ context } = identity);
      server.setSecureContext(contextOptions(identity));
    }
    const knocking = new Knocking(raw, trusted.roots);
    if (!pace.begin(knocking.peer, performance.now())) {
      owner.refused({ peer: peerName(raw), ...TOO_MANY });
      // Whoever floods is left no connection that waits for its end, as an orderly one does.
      raw.resetAndDestroy();
      return;
    }
    const { place, evicted } = shaking.admit(knocking);
    evicted?.raw.destroy();
    if (place === 'reserve') {
      shaking.delete(knocking);
      raw.destroy();
      return;
    }
    const peer = peerName(raw);
    all.set(peer, knocking);
    raw.once('close', () => {
      all.delete(peer);
      shaking.delete(knocking);
    });
    server.emit('connection', raw);
  };
  return { take, trusted };
}

const TOO_MANY = {
  reason: 'TOO_MANY_HANDSHAKES',
  message: 'its address begins too many TLS handshakes',
  certificate: '',
} as const;

/** Gone while hands were shaken. */
const ROOT_GONE = {
  kind: 'refused',
  reason: 'UNKNOWN_AUTHORITY',
  message: 'the authority that signed its certificate is trusted no more',
} as const;

function contextOptions({ material: { certPem, keyPem, rootsPem } }: TlsIdentity): SecureContextOptions {
  // Without tickets: a resumed session would stand for a chain that was checked against the roots of another time.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  return { cert: certPem, key: keyPem, ca: rootsPem, minVersion: 'TLSv1.3', secureOptions };
}

type Judged =
  | Exclude<PeerVerdict, { kind: 'accepted' }>
  | { readonly kind: 'accepted'; readonly peer: AcceptedPeer | undefined };

/** `stands`: whether one of the roots by which its certificate was checked still counts. */
function judge(socket: TLSSocket, { rule, admitsNobody = false }: TlsDoorOptions, stands: () => boolean): Judged {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined && admitsNobody) return { kind: 'accepted', peer: undefined };
  const problem = socket.authorized ? undefined : String(socket.authorizationError);
  const verdict = judgePeer(certificate && peerCertificate(certificate, problem), rule(), Date.now());
  return verdict.kind === 'accepted' && !stands() ? ROOT_GONE : verdict;
}

/** Nothing has to stand for it: it is for those who read of the refusal. */
function holderOf(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  const [uri = ''] = certificate === undefined ? [] : peerCertificate(certificate, undefined).uris;
  const identity = parseSpiffe(uri);
  return identity === undefined ? '' : identityName(identity);
}
