/** Roots to trust, and the hash by which one is known that came on another way: as kubeadm has it, of the public key. */
import { createHash, X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of a PEM text, each certificate by itself. */
export const rootsIn = (pem: string): readonly string[] => pem.match(BLOCK) ?? [];

/**
 * Whether it is one of roots at all: Node takes an empty text for those that everybody trusts, and any other without a certificate for none.
 */
export const hasRoots = (pem: string): boolean => rootsIn(pem).length > 0;

/** Those of a text, read. @throws what a parser throws */
export const certificatesIn = (pem: string): readonly X509Certificate[] =>
  rootsIn(pem).map((one) => new X509Certificate(one));

/** `sha256:` and 64 hexadecimal digits, of the SubjectPublicKeyInfo. @throws what a parser throws */
export const caHashOf = (certPem: string): string => keyHashOf(new X509Certificate(certPem));

function keyHashOf({ publicKey }: X509Certificate): string {
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** The certificate that signed the first one of a text, as far as it is there: among the roots, or behind it. Undefined: it is not. */
export function issuerHashOf(certPem: string, rootsPem: string): string | undefined {
  const [leaf = new X509Certificate(certPem), ...behind] = certificatesIn(certPem);
  const issuer = [...certificatesIn(rootsPem), ...behind].find((one) => isIssuedBy(leaf, one));
  return issuer && keyHashOf(issuer);
}

/** Whether one of the roots stands for the first of the others, by those behind it, in whatever order. Dates are not looked at. */
export function leadsTo([leaf, ...behind]: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  const between = new Set(behind);
  const reached = leaf === undefined ? [] : [leaf];
  // Each of them is passed once at most. Two may stand for the same one (cross-signed), and only one of these lead to a root.
  for (const certificate of reached) {
    if (roots.some((root) => isIssuedBy(certificate, root))) return true;
    for (const issuer of between) {
      if (!isIssuedBy(certificate, issuer)) continue;
      between.delete(issuer);
      reached.push(issuer);
    }
  }
  return false;
}

/**
 * Until when one counts, Unix milliseconds: until the first ends of those that stand for it, up to a root among the others; of several ways
 * to a root by the longest. Undefined: none of them leads to one.
 */
export function standsUntil(certificate: X509Certificate, others: readonly X509Certificate[]): number | undefined {
  const end = Date.parse(certificate.validTo);
  if (isRoot(certificate)) return end;
  const ends = others.flatMap((issuer) => {
    if (!isIssuedBy(certificate, issuer)) return [];
    const rest = others.filter((one) => one !== issuer);
    return standsUntil(issuer, rest) ?? [];
  });
  return ends.length === 0 ? undefined : Math.min(end, Math.max(...ends));
}

/** Nobody else stands for it. */
export const isRoot = (certificate: X509Certificate): boolean => certificate.checkIssued(certificate);

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/**
 * Of the roots that are offered, those that may be believed: the ones that the hashes name, and those for whose key one of these stands in an
 * endorsement.
 */
export function believable(offeredPem: string, endorsementsPem: string, hashes: readonly string[]): readonly string[] {
  const offered = rootsIn(offeredPem);
  const named = offered.filter((pem) => hashes.includes(caHashOf(pem)));
  const believed = certificatesIn(named.join('\n'));
  const endorsed = new Set(
    certificatesIn(endorsementsPem)
      .filter((one) => believed.some((root) => isIssuedBy(one, root)))
      .map(keyHashOf),
  );
  return offered.filter((pem) => named.includes(pem) || endorsed.has(caHashOf(pem)));
}

/** Of each root, in their order. */
export const caHashesOf = (rootsPem: string): readonly string[] => rootsIn(rootsPem).map(caHashOf);
