/**
 * A certificate authority: its root signs the certificates of servers, controllers and users, each for one identity and a limited time.
 * Who may have which identity is decided before (enrolment, renewal); nothing that a request says of itself gets into a certificate.
 */
// The library below is built with decorators and does not load without this.
import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as PeculiarCertificate,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type PeerIdentity, spiffeOf } from '../access/identity.ts';
import { BACKDATED_MS, lifeFrom } from '../certificate-life.ts';
import { DAY, HOUR } from '../time.ts';
import { KEY_ALGORITHM, makeKeys, privateKeyPem, SIGNING } from './key-pair.ts';
import { certificatesIn, isRoot, standsUntil } from './roots.ts';

/** How long a root lasts; what it signs ends before it does. */
export const ROOT_LIFE_MS = 3_650 * DAY;
/** How long a certificate lasts that nobody said more of. It is renewed at two thirds. */
export const CERTIFICATE_LIFE_MS = 24 * HOUR;
const MAX_REQUEST_CHARS = 8_192;

export interface AuthorityFiles {
  readonly certPem: string;
  /** A secret. */
  readonly keyPem: string;
}

export interface SignOptions {
  /** PKCS#10, PEM; signed with its own key. */
  readonly csrPem: string;
  readonly identity: PeerIdentity;
  /** Names and addresses that the holder listens on, for clients that look at those only. Default: none. */
  readonly hosts?: readonly string[];
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Default: a day. */
  readonly lifeMs?: number;
  /** It is valid from no earlier than this (Unix milliseconds, a whole second): what is valid from earlier is revoked. Default: from a little before now. */
  readonly validFromMs?: number | undefined;
}

export interface SignedCertificate {
  readonly certPem: string;
  /** In hexadecimal digits. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The request can't be signed: it is no PKCS#10, its signature is wrong, or its key is of a kind that we do not take. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
}

/**
 * Stable words. AUTHORITY_UNUSABLE: its files are none. AUTHORITY_KEY_MISSING: it is known, but not the key that signs. AUTHORITY_MISSING: hosts
 * know one of which nothing is here. OTHER_AUTHORITY: another controller of the cluster has another one.
 */
export type AuthorityProblem = 'AUTHORITY_UNUSABLE' | 'AUTHORITY_KEY_MISSING' | 'AUTHORITY_MISSING' | 'OTHER_AUTHORITY';

/** An authority can't be used. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
  readonly reason: AuthorityProblem;

  /** `reason` defaults to AUTHORITY_UNUSABLE. */
  constructor(message: string, options: ErrorOptions & { readonly reason?: AuthorityProblem } = {}) {
    super(message, options);
    this.reason = options.reason ?? 'AUTHORITY_UNUSABLE';
  }
}

/** A new root for this cluster. */
export async function makeAuthority(clusterId: string, nowMs: number): Promise<AuthorityFiles> {
  const keys = await makeKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: ['Locum'] }, { OU: [clusterId] }, { CN: [`Locum CA ${new Date(nowMs).toISOString().slice(0, 10)}`] }],
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + ROOT_LIFE_MS),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      // No authority below this one.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pemOf(root), keyPem: await privateKeyPem(keys.privateKey) };
}

export class Authority {
  /** Of the root; of one below it, with those that stand for it. */
  readonly certPem: string;
  /** What goes behind each certificate, so that whoever knows the root alone can follow it. */
  readonly #chainPem: string;
  readonly #root: PeculiarCertificate;
  readonly #key: CryptoKey;
  /** When the first of those ends that stand for what it signs. */
  readonly #endWall: number;

  private constructor(certPem: string, { key, endWall }: { readonly key: CryptoKey; readonly endWall: number }) {
    this.certPem = certPem;
    this.#chainPem = certificatesIn(certPem)
      .filter((certificate) => !isRoot(certificate))
      .map(String)
      .join('');
    this.#root = new PeculiarCertificate(new X509Certificate(certPem).raw);
    this.#key = key;
    this.#endWall = endWall;
  }

  /** @throws AuthorityError: no certificate of an authority, no key, or not its key */
  static async open({ certPem, keyPem }: AuthorityFiles): Promise<Authority> {
    try {
      const node = new X509Certificate(certPem);
      const privateKey = createPrivateKey(keyPem);
      if (!node.ca) throw new AuthorityError('the certificate is not that of an authority');
      if (!node.checkPrivateKey(privateKey)) throw new AuthorityError('the key is not that of the certificate');
      const der = privateKey.export({ type: 'pkcs8', format: 'der' });
      const key = await crypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']);
      const endWall = standsUntil(node, certificatesIn(certPem).slice(1));
      if (endWall === undefined)
        throw new AuthorityError('another authority stands for it: put the certificates up to the root behind its own');
      return new Authority(certPem, { key, endWall });
    } catch (error) {
      if (error instanceof AuthorityError) throw error;
      // What a parser says of a key file could have the key in it.
      throw new AuthorityError('its files are no PEM of a certificate and its ECDSA key on P-256', { cause: error });
    }
  }

  /** @throws CertificateRequestError; RangeError: there is no such identity */
  async sign({
    csrPem,
    identity,
    hosts = [],
    nowMs,
    lifeMs = CERTIFICATE_LIFE_MS,
    validFromMs,
  }: SignOptions): Promise<SignedCertificate> {
    const uri = spiffeOf(identity);
    const publicKey = await keyOf(csrPem);
    const serial = newSerial();
    const life = lifeFrom({ nowWall: nowMs, lifeMs, validFromWall: validFromMs, endWall: this.#endWall });
    const [notBefore, notAfter] = [new Date(life.notBeforeWall), new Date(life.notAfterWall)];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial,
      subject: [{ O: ['Locum'] }, { CN: [`${identity.kind} ${identity.name}`.slice(0, 64)] }],
      issuer: this.#root.subjectName,
      notBefore,
      notAfter,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNING,
      extensions: [...usagesOf(identity), ...(await this.#names(publicKey, uri, hosts))],
    });
    const [notBeforeMs, notAfterMs] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()];
    return { certPem: pemOf(certificate) + this.#chainPem, serial, notBeforeMs, notAfterMs };
  }

  /** A certificate in which this authority stands for the key of another one: who believes this one may believe that. PEM. */
  async endorse(otherPem: string, nowMs: number): Promise<string> {
    const other = new PeculiarCertificate(new X509Certificate(otherPem).raw);
    const endorsement = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: other.subjectName,
      issuer: this.#root.subjectName,
      notBefore: new Date(nowMs - BACKDATED_MS),
      notAfter: new Date(Math.min(other.notAfter.getTime(), this.#root.notAfter.getTime())),
      publicKey: other.publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await AuthorityKeyIdentifierExtension.create(this.#root.publicKey),
      ],
    });
    return pemOf(endorsement);
  }

  async #names(publicKey: CryptoKey, uri: string, hosts: readonly string[]): Promise<Extension[]> {
    const names: JsonGeneralNames = [
      { type: 'url', value: uri },
      ...hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
    ];
    return [
      new SubjectAlternativeNameExtension(names),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(this.#root.publicKey),
    ];
  }
}

/** Only controllers listen. A server's certificate is none that a client would take for a controller's. */
function usagesOf({ kind }: PeerIdentity): Extension[] {
  const usages =
    kind === 'controller' ? [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth] : [ExtendedKeyUsage.clientAuth];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(usages, true),
  ];
}

/**
 * SHA-256 of the public key that a request is for, hexadecimal: two requests with the same one come from the same holder.
 * Rejects with CertificateRequestError.
 */
export async function requestKeyHash(csrPem: string): Promise<string> {
  const der = await crypto.subtle.exportKey('spki', await keyOf(csrPem));
  return createHash('sha256').update(Buffer.from(der)).digest('hex');
}

/** The key of a request whose sender has the private one. */
async function keyOf(csrPem: string): Promise<CryptoKey> {
  if (csrPem.length > MAX_REQUEST_CHARS) throw new CertificateRequestError('the request is too large');
  try {
    const request = new Pkcs10CertificateRequest(csrPem);
    const key = await request.publicKey.export(KEY_ALGORITHM, ['verify']);
    if (await request.verify()) return key;
  } catch (error) {
    throw new CertificateRequestError('it is no PKCS#10 request with an ECDSA key on P-256', { cause: error });
  }
  throw new CertificateRequestError('its signature is not that of its key');
}

/** 126 random bits: positive, and never a second time. The first digit is not 0, so that everybody writes it the same way. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x10;
  return bytes.toString('hex');
}

const pemOf = (certificate: PeculiarCertificate): string => `${certificate.toString('pem').trimEnd()}\n`;
