/** Roots to trust, and the hash by which one is known that came on another way: as kubeadm has it, of the public key. */
import { createHash, X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of a PEM text, each certificate by itself. */
export const rootsIn = (pem: string): readonly string[] => pem.match(BLOCK) ?? [];

/** `sha256:` and 64 hexadecimal digits, of the SubjectPublicKeyInfo. @throws what a parser throws */
export function caHashOf(certPem: string): string {
  const key = new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** Of each root, in their order. */
export const caHashesOf = (rootsPem: string): readonly string[] => rootsIn(rootsPem).map(caHashOf);
