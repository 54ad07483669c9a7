/** Keys of ours: ECDSA on P-256, which every peer with TLS 1.3 takes and which costs little to sign with. */
// The library below is built with decorators and does not load without this.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

/** As Web Crypto names them. */
export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
export const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

export interface CertificateRequest {
  /** PKCS#10, PEM. It carries no name: who signs it says whom it is for. */
  readonly csrPem: string;
  /** PKCS#8, PEM: a secret that stays where it was made. */
  readonly keyPem: string;
}

/** A new key, and the request to have it certified. */
export async function makeRequest(): Promise<CertificateRequest> {
  const keys = await makeKeys();
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNING });
  return { csrPem: csr.toString('pem'), keyPem: await privateKeyPem(keys.privateKey) };
}

/** From the form in which it is sent, and back. */
export const requestFromDer = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
export const requestToDer = (csrPem: string): Uint8Array =>
  new Uint8Array(Buffer.from(csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'));

/** A request for a key that was made before. Rejects with what a parser throws. */
export async function requestFor(keyPem: string): Promise<CertificateRequest> {
  const key = createPrivateKey(keyPem);
  const privateKey = await crypto.subtle.importKey(
    'pkcs8',
    key.export({ type: 'pkcs8', format: 'der' }),
    KEY_ALGORITHM,
    false,
    ['sign'],
  );
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const publicKey = await crypto.subtle.importKey('spki', spki, KEY_ALGORITHM, true, ['verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey, publicKey },
    signingAlgorithm: SIGNING,
  });
  return { csrPem: csr.toString('pem'), keyPem };
}

export function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

/** PKCS#8. */
export async function privateKeyPem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}
