/** What the core is told of a certificate. */
import { createHash } from 'node:crypto';
import { caHashesOf, issuerHashOf } from '../../shared/pki/roots.ts';
import type { TlsIdentity } from '../../shared/rpc/tls-identity.ts';
import type { CertificateFacts } from '../core/certificate.ts';

/** Hexadecimal digits of the hash that make a seed: 44 bits. */
const SEED_DIGITS = 11;

export function certificateFacts({ life, material }: Pick<TlsIdentity, 'life' | 'material'>): CertificateFacts {
  const hash = createHash('sha256').update(material.certPem).digest('hex');
  return {
    notBeforeWall: life.notBeforeMs,
    notAfterWall: life.notAfterMs,
    trusts: caHashesOf(material.rootsPem),
    issuer: issuerHashOf(material.certPem, material.rootsPem),
    seed: Number.parseInt(hash.slice(0, SEED_DIGITS), 16),
  };
}
