/** A PKI that somebody else has: a root, and below it an authority that he gives us. Made with the library, as openssl would. */
// The library below is built with decorators and does not load without this.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { makeKeys, privateKeyPem, SIGNING } from '../../shared/pki/key-pair.ts';
import { DAY, HOUR } from '../../shared/time.ts';

export interface ForeignPki {
  readonly rootPem: string;
  /** The authority that signs, and its root. */
  readonly chainPem: string;
  /** Of the authority that signs. */
  readonly keyPem: string;
}

/** `rootLifeMs`: default a year, as long as that of the authority below it. */
export async function makeForeignPki({ rootLifeMs = 365 * DAY } = {}): Promise<ForeignPki> {
  const [rootKeys, keys] = [await makeKeys(), await makeKeys()];
  const life = { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + 365 * DAY) };
  const usages = new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: '10', name: 'CN=Example Root', keys: rootKeys, signingAlgorithm: SIGNING },
    ...{ ...life, notAfter: new Date(Date.now() + rootLifeMs) },
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      usages,
      await SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const between = await X509CertificateGenerator.create({
    ...{ serialNumber: '11', subject: 'CN=Example Locum Authority', issuer: root.subject, ...life },
    ...{ publicKey: keys.publicKey, signingKey: rootKeys.privateKey, signingAlgorithm: SIGNING },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      usages,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const pem = (certificate: { toString(format: 'pem'): string }): string =>
    `${certificate.toString('pem').trimEnd()}\n`;
  return { rootPem: pem(root), chainPem: pem(between) + pem(root), keyPem: await privateKeyPem(keys.privateKey) };
}
