/**
 * Connections whose other end was taken for its certificate, and whether one of our roots still stands for it. Roots go while connections are
 * open (the end of a change of the authority): what only a root stands for that is gone must not stay until it connects anew.
 */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { certificatesIn, leadsTo, rootsIn } from '../pki/roots.ts';
import type { TlsIdentity } from './tls-identity.ts';

/**
 * Chains that are followed in one look: some 50 ms of work, 100 ms where no root stands for any; and of many that have to connect anew, no
 * more do so at a time. One look a second is through 20,000 in 80 s.
 */
const AT_ONCE = 250;

export class TrustedPeers {
  readonly #identity: Pick<TlsIdentity, 'material'>;
  /** With the roots by which each is trusted. */
  readonly #peers = new Map<TLSSocket, readonly string[]>();
  #text = '';
  #roots: readonly string[] = [];
  /** The same, read. */
  #read: readonly X509Certificate[] = [];

  constructor(identity: Pick<TlsIdentity, 'material'>) {
    this.#identity = identity;
  }

  /** The roots that count now; to be given to `add` for a handshake that begins. */
  get roots(): readonly string[] {
    const { rootsPem } = this.#identity.material;
    if (rootsPem !== this.#text) {
      this.#text = rootsPem;
      this.#roots = rootsIn(rootsPem);
      this.#read = certificatesIn(rootsPem);
    }
    return this.#roots;
  }

  /** OpenSSL found that one of these roots stands for it. False: since then they went, and it is not taken in. */
  add(socket: TLSSocket, roots: readonly string[]): boolean {
    if (!this.#stands(socket, roots)) return false;
    this.#peers.set(socket, this.roots);
    socket.once('close', () => this.#peers.delete(socket));
    return true;
  }

  /** Whether one of the roots of now stands for it. It has to be one that was added. */
  isTrusted(socket: TLSSocket): boolean {
    return this.#stands(socket, this.#peers.get(socket) ?? []);
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
      if (this.#stands(socket, before)) this.#peers.set(socket, roots);
      else found.push(socket);
    }
    for (const socket of found) this.#peers.delete(socket);
    return found;
  }

  /** Chains are followed only where a root went that may have stood for them. */
  #stands(socket: TLSSocket, before: readonly string[]): boolean {
    const { roots } = this;
    if (before.length > 0 && before.every((root) => roots.includes(root))) return true;
    const own = socket.getPeerCertificate();
    // Most are signed by a root itself, and it costs more to read what may be between.
    return (
      (isCertificate(own) && leadsTo([new X509Certificate(own.raw)], this.#read)) ||
      leadsTo(chainOf(socket), this.#read)
    );
  }
}

/**
 * What the other end showed, its own certificate first. Of a client Node has only that: the certificates between are then those that stand
 * among our roots. One with another in between is ended without need, connects anew, and is let in by the handshake, which sees all of them.
 */
function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain = new Map<string, X509Certificate>();
  // Node's newer `getPeerX509Certificate` takes what it reads away from the connection: a second look would find nothing, or another one.
  for (let at = socket.getPeerCertificate(true); isCertificate(at); at = at.issuerCertificate) {
    // A root is its own issuer.
    if (chain.has(at.fingerprint256)) break;
    chain.set(at.fingerprint256, new X509Certificate(at.raw));
  }
  return [...chain.values()];
}

/** Node answers with an empty object where there is none. */
const isCertificate = (one: Partial<DetailedPeerCertificate> | undefined): boolean => one?.raw !== undefined;
