/**
 * Where the private keys of roots are, on this controller: in the files that it was given, in its data directory, or in the store, wrapped
 * with a key that is in a file. Which root signs is said by the record of the authority; here it is looked for its key.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isGone, messageOf } from '../../shared/caught-error.ts';
import { Authority, AuthorityError, makeAuthority } from '../../shared/pki/authority.ts';
import { readPrivateFile, replacePrivateFile } from '../../shared/pki/private-file.ts';
import { caHashOf, rootsIn } from '../../shared/pki/roots.ts';
import { WrappingKeys } from '../../shared/pki/wrapping-key.ts';
import type { AuthorityRoot, WrappedKey } from '../core/records/authority.ts';
import { type AuthorityPlace, KEY, PKI_FOLDER, ROOTS } from './cluster-authority.ts';

const KEY_BLOCK = /-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----/g;
const HASH_DIGITS = 16;
/** Of this folder; what else is there is not ours. */
const OWN_KEY = /^ca(?:-[0-9a-f]{16})?\.key$/;

export class KeyRing {
  readonly #place: AuthorityPlace;
  readonly #folder: string;
  #wrapping: WrappingKeys | undefined;
  #problem: string | undefined;

  constructor(place: AuthorityPlace) {
    this.#place = place;
    this.#folder = join(place.dataDirectory, PKI_FOLDER);
    this.refresh();
  }

  /** Keys are to be in the store, wrapped. */
  get isWrapping(): boolean {
    return this.#place.wrappingKeyFile !== undefined;
  }

  get wrapping(): WrappingKeys | undefined {
    return this.#wrapping;
  }

  /** Why there are no wrapping keys where there should be; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Reads the wrapping keys again. A file that is missing or wrong leaves none: a controller goes on without. */
  refresh(): void {
    const { wrappingKeyFile } = this.#place;
    if (wrappingKeyFile === undefined) return;
    try {
      this.#wrapping = WrappingKeys.read(wrappingKeyFile);
      this.#problem = undefined;
    } catch (error) {
      this.#wrapping = undefined;
      this.#problem = messageOf(error);
    }
  }

  /** Undefined: its key is not here. Rejects with WrappingKeyError, AuthorityError, ExposedFileError. */
  async open({ hash, certPem, wrapped }: Omit<AuthorityRoot, 'expireWall'>): Promise<Authority | undefined> {
    const keyPem = this.keyOf({ hash, certPem, wrapped });
    return keyPem === undefined ? undefined : Authority.open({ certPem, keyPem });
  }

  /**
   * Makes a root, its key where this controller keeps such keys. Rejects with AuthorityError where others could not find it.
   * `isAlone`: no other controller shares the store.
   */
  async make(isAlone: boolean, nowMs: number): Promise<AuthorityRoot> {
    const { clusterId, caFile } = this.#place;
    if (this.isWrapping && this.wrapping === undefined)
      throw new AuthorityError(`the wrapping keys can not be read: ${this.#problem}`);
    if (!this.isWrapping && (caFile !== undefined || !isAlone)) {
      const why = 'the controllers share the key of the authority as a file, so one of them can not make another';
      throw new AuthorityError(
        `${why}: make a root (\`locum pki new-root\`), put its key into tls.ca_key_file of each, behind the old one, and name its certificate`,
      );
    }
    const made = await makeAuthority(clusterId, nowMs);
    const root = rootOf(made.certPem);
    if (this.isWrapping) return { ...root, wrapped: this.wrap(root.hash, made.keyPem) };
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    replacePrivateFile(join(this.#folder, keyName(root.hash)), made.keyPem);
    return root;
  }

  /** A key as the store is to have it. Undefined: there is nothing to wrap it with. */
  wrap(root: string, keyPem: string): WrappedKey | undefined {
    return this.wrapping?.wrap(keyPem, { clusterId: this.#place.clusterId, root });
  }

  /** The key itself, to wrap it anew. Undefined: it is not here. */
  keyOf({ hash, certPem, wrapped }: Omit<AuthorityRoot, 'expireWall'>): string | undefined {
    const { clusterId } = this.#place;
    const fromStore = wrapped && this.wrapping?.unwrap(wrapped, { clusterId, root: hash });
    return fromStore ?? this.#inFiles().find((keyPem) => isKeyOf(keyPem, certPem));
  }

  /**
   * Brings the files of the data directory, which other commands use, where the record is. The roots come first: whichever of them signs,
   * its key is in the folder. At last only the key of the root that is left stays.
   */
  settle(roots: readonly AuthorityRoot[]): void {
    if (this.#place.caFile !== undefined || this.isWrapping) return;
    const [first] = roots;
    if (first === undefined || this.keyOf(first) === undefined) return;
    const rootsPem = roots.map(({ certPem }) => certPem).join('');
    if (readIfThere(join(this.#folder, ROOTS)) !== rootsPem) replacePrivateFile(join(this.#folder, ROOTS), rootsPem);
    if (roots.length > 1) return;
    const own = join(this.#folder, keyName(first.hash));
    if (readIfThere(own) !== undefined) renameSync(own, join(this.#folder, KEY));
    for (const name of this.#keyFiles()) if (name !== KEY) rmSync(join(this.#folder, name));
  }

  #inFiles(): readonly string[] {
    const { caFile, caKeyFile } = this.#place;
    const files = caFile === undefined ? this.#keyFiles().map((name) => join(this.#folder, name)) : [caKeyFile ?? ''];
    return files.filter((file) => file !== '').flatMap((file) => readPrivateFile(file).match(KEY_BLOCK) ?? []);
  }

  #keyFiles(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => OWN_KEY.test(name));
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }
}

function isKeyOf(keyPem: string, certPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // Of a kind that we do not sign with: it is none of ours.
    return false;
  }
}

const keyName = (hash: string): string => `ca-${hash.slice('sha256:'.length).slice(0, HASH_DIGITS)}.key`;

/** Whatever stands beside the certificates is left out. @throws AuthorityError: there is no certificate of an authority */
export function rootOf(pem: string): AuthorityRoot {
  try {
    const certPem = rootsIn(pem)
      .map((one) => new X509Certificate(one).toString())
      .join('');
    const certificate = new X509Certificate(certPem);
    if (certificate.ca) return { hash: caHashOf(certPem), certPem, expireWall: Date.parse(certificate.validTo) };
  } catch (error) {
    throw new AuthorityError('it is no PEM of a certificate', { cause: error });
  }
  throw new AuthorityError('the certificate is not that of an authority');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
