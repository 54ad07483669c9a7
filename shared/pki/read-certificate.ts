/** What a certificate says, read for the judge. */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from '../access/peer-judge.ts';

/** `chainProblem`: what OpenSSL found wrong with the chain; undefined: nothing. */
export function peerCertificate(certificate: X509Certificate, chainProblem: string | undefined): PeerCertificate {
  return {
    serial: certificate.serialNumber.toLowerCase(),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    // An authority is nobody who connects, whatever its certificate says (SPIFFE X509-SVID, section 5.2).
    uris: certificate.ca ? [] : urisIn(certificate.subjectAltName),
    chainProblem,
  };
}

/** Dates and identity of the first certificate of a PEM text. @throws what a parser throws */
export function readCertificate(pem: string): PeerCertificate {
  return peerCertificate(new X509Certificate(pem), undefined);
}

/** Node puts names with a comma or a quote into quotes: ours have neither, so a list with one is not ours. */
function urisIn(names = ''): string[] {
  if (names.includes('"')) return [];
  return names.split(', ').flatMap((name) => (name.startsWith('URI:') ? [name.slice(4)] : []));
}
