/**
 * The certificate, key and roots of this process, for all its listeners and dialers. They can be replaced while it runs: new connections
 * use the new ones, those that are open go on.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate as NodePeer,
  type SecureContext,
} from 'node:tls';
import { type AcceptedPeer, judgePeer, type PeerRule } from '../access/peer-judge.ts';
import { peerCertificate, readCertificate } from '../pki/read-certificate.ts';

export interface TlsMaterial {
  /** PEM, the chain of this process, its own certificate first. */
  readonly certPem: string;
  /** PEM: a secret. */
  readonly keyPem: string;
  /** PEM: the roots that it trusts, one or more. */
  readonly rootsPem: string;
}

/** Certificate, key and roots do not fit together, or are none. */
export class TlsMaterialError extends Error {
  override readonly name = 'TlsMaterialError';
}

/** The other end is not whom we wanted; the code is the judge's reason. */
export class PeerRefusedError extends Error {
  override readonly name = 'PeerRefusedError';
  readonly code: string;

  constructor(reason: string, message: string) {
    super(`${reason}: ${message}`);
    this.code = reason;
  }
}

/** Who listens is judged by its identity; TLS wants a name, and takes no address for one. */
export const SERVER_NAME = 'controller.locum.internal';

export class TlsIdentity {
  #material: TlsMaterial;
  #context: SecureContext;
  #life: Pick<AcceptedPeer, 'notBeforeMs' | 'notAfterMs'>;

  /** @throws TlsMaterialError */
  constructor(material: TlsMaterial) {
    this.#material = material;
    this.#context = contextOf(material);
    this.#life = readCertificate(material.certPem);
  }

  /** Another one after each replacement. */
  get context(): SecureContext {
    return this.#context;
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** Of the own certificate, Unix milliseconds. */
  get life(): Pick<AcceptedPeer, 'notBeforeMs' | 'notAfterMs'> {
    return this.#life;
  }

  /** All or nothing: what does not fit together changes nothing. @throws TlsMaterialError */
  replace(material: TlsMaterial): void {
    const context = contextOf(material);
    this.#life = readCertificate(material.certPem);
    this.#context = context;
    this.#material = material;
  }
}

/**
 * How a client judges the listener that it dials: by our roots and its identity, never by its host's name. OpenSSL has checked chain
 * and dates before this is asked.
 */
export function serverIdentityCheck(rule: () => PeerRule): NonNullable<ConnectionOptions['checkServerIdentity']> {
  return (_host: string, peer: NodePeer): Error | undefined => {
    const verdict = judgePeer(peerCertificate(new X509Certificate(peer.raw), undefined), rule(), Date.now());
    return verdict.kind === 'refused' ? new PeerRefusedError(verdict.reason, verdict.message) : undefined;
  };
}

/** For `tls.connect` and what is built on it. */
export function dialOptions(identity: TlsIdentity, rule: () => PeerRule) {
  const { certPem, keyPem, rootsPem } = identity.material;
  const own = { cert: certPem, key: keyPem, ca: rootsPem };
  return {
    ...own,
    minVersion: 'TLSv1.3' as const,

    checkServerIdentity: serverIdentityCheck(rule),
  };
}

function contextOf({ certPem, keyPem, rootsPem }: TlsMaterial): SecureContext {
  try {
    if (!new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
      throw new TlsMaterialError('the key is not that of the certificate');
    }
    // Throws when there is no certificate in it; `createSecureContext` takes that for no roots at all.
    new X509Certificate(rootsPem);
    return createSecureContext({ cert: certPem, key: keyPem, ca: rootsPem, minVersion: 'TLSv1.3' });
  } catch (error) {
    if (error instanceof TlsMaterialError) throw error;
    // What a parser says of a key could have the key in it.
    throw new TlsMaterialError('certificate, key and roots must be PEM, and fit together');
  }
}
