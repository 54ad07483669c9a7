/**
 * The certificates of a world: from when until when they count, for whom, and what signed them. Keys are not played: whoever has a certificate
 * has its key. What one stands for is judged by the code that ships (`shared/access/peer-judge.ts`).
 */
import type { CertificateFacts } from '../../../agent/core/certificate.ts';
import { type PeerIdentity, spiffeOf } from '../../../shared/access/identity.ts';
import type { PeerCertificate } from '../../../shared/access/peer-judge.ts';
import { type CertificateLife, lifeFrom } from '../../../shared/certificate-life.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import { ISSUER_FACT, TRUSTS_FACT } from '../../../shared/protocol/certificate-facts.ts';

export interface SimCertificate extends CertificateLife {
  readonly serial: number;
  readonly identity: PeerIdentity;
  /** Hash of the root that signed it. */
  readonly issuer: string;
}

/** What a host has in its folder. */
export interface Credentials {
  readonly certificate: SimCertificate;
  /** Hashes of roots. */
  readonly trusts: readonly string[];
}

export interface ToSign {
  readonly identity: PeerIdentity;
  readonly issuer: string;
  readonly nowWall: number;
  readonly lifeMs: number;
  readonly validFromWall?: number | undefined;
}

export class SimPki {
  #serial = 0;
  #roots = 0;

  newRoot(): string {
    this.#roots += 1;
    return `sha256:root-${this.#roots}`;
  }

  sign({ identity, issuer, ...dates }: ToSign): SimCertificate {
    this.#serial += 1;
    return { serial: this.#serial, identity, issuer, ...lifeFrom({ ...dates, endWall: Number.POSITIVE_INFINITY }) };
  }
}

/** As the other end of a handshake finds it, who trusts these roots. */
export function shownTo(trusted: readonly string[], certificate: SimCertificate): PeerCertificate {
  const { serial, identity, issuer, notBeforeWall, notAfterWall } = certificate;
  return {
    ...{ serial: serial.toString(16), uris: [spiffeOf(identity)] },
    ...{ notBeforeMs: notBeforeWall, notAfterMs: notAfterWall },
    chainProblem: trusted.includes(issuer) ? undefined : 'SELF_SIGNED_CERT_IN_CHAIN',
  };
}

/** What the agent's core is told of it. */
export function factsOf({ certificate, trusts }: Credentials): CertificateFacts {
  const { serial, issuer, notBeforeWall, notAfterWall } = certificate;
  const seed = (serial * 2_654_435_761) % 2 ** 40;
  return { notBeforeWall, notAfterWall, seed, trusts, issuer: trusts.includes(issuer) ? issuer : undefined };
}

/** What the agent says of it, among its capabilities. */
export function certificateCapabilities(credentials: Credentials | undefined): readonly Capability[] {
  if (credentials === undefined) return [];
  const { trusts, issuer } = factsOf(credentials);
  return [
    ...(issuer === undefined ? [] : [{ name: ISSUER_FACT, value: issuer, source: 'FINGERPRINT' } as const]),
    ...trusts.map((value) => ({ name: TRUSTS_FACT, value, source: 'FINGERPRINT' }) as const),
  ];
}
