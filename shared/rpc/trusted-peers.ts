/**
 * Connections whose other end was taken for its certificate, and whether one of our roots still stands for it. Roots go while connections are
 * open (the end of a change of the authority): what only a root stands for that is gone must not stay until it connects anew.
 */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { leadsTo, rootsIn } from '../pki/roots.ts';
import type { TlsIdentity } from './tls-identity.ts';

/**
 * Chains that are followed in one look: some 20 ms of work; and of many that have to connect anew, no more do so at a time. One look a second
 * is through 20,000 in 40 s.
 */
const AT_ONCE = 500;

export class TrustedPeers {
  readonly #identity: Pick<TlsIdentity, 'material'>;
  /** With the roots by which each is trusted. */
  readonly #peers = new Map<TLSSocket, readonly string[]>();
  #text = '';
  #roots: readonly string[] = [];

  constructor(identity: Pick<TlsIdentity, 'material'>) {
    this.#identity = identity;
  }

  /** The roots that count now; to be given to `add` for a handshake that begins. */
  get roots(): readonly string[] {
    const { rootsPem } = this.#identity.material;
    if (rootsPem !== this.#text) {
      this.#text = rootsPem;
      this.#roots = rootsIn(rootsPem);
    }
    return this.#roots;
  }

  /** OpenSSL found that one of these roots stands for it. False: since then they went, and it is not taken in. */
  add(socket: TLSSocket, roots: readonly string[]): boolean {
    if (!stands(socket, roots, this.roots)) return false;
    this.#peers.set(socket, this.roots);
    socket.once('close', () => this.#peers.delete(socket));
    return true;
  }

  /** Whether one of the roots of now stands for it. It has to be one that was added. */
  isTrusted(socket: TLSSocket): boolean {
    return stands(socket, this.#peers.get(socket) ?? [], this.roots);
  }

  /** Those for which no root stands any more: each is told once. A part of them; to be asked again in a second or so. */
  fallen(): readonly TLSSocket[] {
    const { roots } = this;
    const found: TLSSocket[] = [];
    let followed = 0;
    for (const [socket, before] of this.#peers) {
      if (before === roots) continue;
      followed += 1;
      if (followed > AT_ONCE) break;
      if (stands(socket, before, roots)) this.#peers.set(socket, roots);
      else found.push(socket);
    }
    for (const socket of found) this.#peers.delete(socket);
    return found;
  }
}

/** Chains are followed only where a root went that may have stood for them. */
function stands(socket: TLSSocket, before: readonly string[], now: readonly string[]): boolean {
  if (before.length > 0 && before.every((root) => now.includes(root))) return true;
  return leadsTo(chainOf(socket), now.join('\n'));
}

/**
 * PEM of what the other end showed, its own certificate first. Of a client Node has only that: the certificates between are then those that stand
 * among our roots. One with another in between is ended without need, connects anew, and is let in by the handshake, which sees all of them.
 */
function chainOf(socket: TLSSocket): string {
  const chain = new Set<string>();
  // Reading the issuers of Node's newer `getPeerX509Certificate` takes them away from the connection: a second look would find nothing.
  for (let at = socket.getPeerCertificate(true); isCertificate(at); at = at.issuerCertificate) {
    const pem = new X509Certificate(at.raw).toString();
    // A root is its own issuer.
    if (chain.has(pem)) break;
    chain.add(pem);
  }
  return [...chain].join('');
}

/** Node answers with an empty object where there is none. */
const isCertificate = (one: Partial<DetailedPeerCertificate> | undefined): boolean => one?.raw !== undefined;
