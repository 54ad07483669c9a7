/**
 * The authority of the cluster as this controller has it: what it trusts, and what it can sign with. It follows the record in the store,
 * from phase to phase; before there is one, the files say what it is.
 */
import { messageOf } from '../../shared/caught-error.ts';
import { LocumError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { type Authority, AuthorityError } from '../../shared/pki/authority.ts';
import { caHashesOf } from '../../shared/pki/roots.ts';
import type { AuthorityRecord, AuthorityRoot, ControllerCertificate } from '../core/records/authority.ts';
import { type AuthorityPlace, openClusterAuthority } from './cluster-authority.ts';
import { KeyRing, rootOf } from './key-ring.ts';
import {
  AuthoritySigner,
  type CertificateLives,
  DEFAULT_LIVES,
  type Holder,
  type SignedForHolder,
  type Signer,
  type SigningOptions,
} from './signer.ts';
import { SigningTurns } from './signing-turns.ts';

export type HolderOptions = Omit<AuthorityPlace, 'nowMs'> & {
  readonly log: Logger;
  /** Default: DEFAULT_LIVES. */
  readonly lives?: CertificateLives | undefined;
};

export class AuthorityHolder implements Signer {
  readonly #options: HolderOptions;
  readonly ring: KeyRing;
  readonly turns = new SigningTurns();
  #record: AuthorityRecord;
  #trusts: { readonly of: AuthorityRecord; readonly hashes: readonly string[] } | undefined;
  /** Of each root whose key is here, by its hash. */
  #authorities: ReadonlyMap<string, Authority> = new Map();
  #problem: string | undefined;

  private constructor(options: HolderOptions, ring: KeyRing, record: AuthorityRecord) {
    this.#options = options;
    this.ring = ring;
    this.#record = record;
  }

  /** `stored` undefined: the files say it. Rejects with AuthorityError, WrappingKeyError, ExposedFileError, what reading a file throws. */
  static async open(options: HolderOptions, stored: AuthorityRecord | undefined): Promise<AuthorityHolder> {
    const ring = new KeyRing({ ...options, nowMs: Date.now() });
    const holder = new AuthorityHolder(options, ring, stored ?? (await fromFiles(options)));
    await holder.#takeKeys();
    // It may have ended before its files were where the record is.
    if (stored !== undefined) ring.settle(stored.roots);
    return holder;
  }

  get record(): AuthorityRecord {
    return this.#record;
  }

  /** PEM, the one that signs first. */
  get rootsPem(): string {
    return this.#record.roots.map(({ certPem }) => certPem).join('');
  }

  get endorsementsPem(): string {
    return this.#record.endorsements;
  }

  /** The root that signs. */
  get signing(): AuthorityRoot {
    return this.#record.roots[0];
  }

  get canSign(): boolean {
    return this.#authorities.has(this.signing.hash);
  }

  /** Why keys that should be here can't be used; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.ring.problem ?? this.#problem;
  }

  /** What this controller says of itself, but for its own certificate. */
  get word(): Pick<ControllerCertificate, 'trusts' | 'signs' | 'opens'> {
    const opens = this.ring.wrapping?.ids ?? [];
    // It is asked for once a second.
    if (this.#trusts?.of !== this.#record) this.#trusts = { of: this.#record, hashes: caHashesOf(this.rootsPem) };
    return { trusts: this.#trusts.hashes, signs: [...this.#authorities.keys()], opens };
  }

  /** Follows the record, with the keys that it has or finds; see `problem`. False: it was there already. Never rejects. */
  async adopt(record: AuthorityRecord): Promise<boolean> {
    if (isSame(record, this.#record)) return false;
    this.#record = record;
    await this.#look();
    return true;
  }

  /** Once more, where keys are missing: somebody may have put them there. True: there are more than before. Never rejects. */
  async lookForKeys(): Promise<boolean> {
    const had = this.#authorities.size;
    if (had < this.#record.roots.length || this.#problem !== undefined) await this.#look();
    return this.#authorities.size > had;
  }

  async #look(): Promise<void> {
    try {
      await this.#takeKeys();
      this.ring.settle(this.#record.roots);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  /** Those that it has stay; of roots that are gone none does. */
  async #takeKeys(): Promise<void> {
    const had = this.#authorities;
    const kept = this.#record.roots.flatMap(({ hash }) => {
      const authority = had.get(hash);
      return authority === undefined ? [] : [[hash, authority] as const];
    });
    const found = new Map(kept);
    this.#authorities = found;
    for (const root of this.#record.roots) {
      if (found.has(root.hash)) continue;
      const authority = await this.ring.open(root);
      if (authority !== undefined) found.set(root.hash, authority);
    }
  }

  refuseWithoutKey(): void {
    if (!this.canSign) throw noKey();
  }

  /** Rejects with LocumError NO_AUTHORITY where the key of the root that signs is not here; CertificateRequestError. */
  async sign(csrPem: string, holder: Holder, options: SigningOptions = {}): Promise<SignedForHolder> {
    return this.signWith(this.signing, csrPem, holder, options);
  }

  /** With one of its roots, whichever signs. Rejects as `sign`. */
  async signWith(
    { hash }: Pick<AuthorityRoot, 'hash'>,
    csrPem: string,
    holder: Holder,
    options: SigningOptions = {},
  ): Promise<SignedForHolder> {
    const authority = this.#authorities.get(hash);
    if (authority === undefined) throw noKey();
    const { clusterId, lives = DEFAULT_LIVES } = this.#options;
    const { rootsPem } = this;
    const signer = new AuthoritySigner({ authority, clusterId, rootsPem, lives, nowMs: () => Date.now() });
    return signer.sign(csrPem, holder, options);
  }

  /** Certificates in which the two stand for each other, as far as their keys are here. PEM. */
  async endorsements(next: AuthorityRoot, nowMs: number): Promise<string> {
    const old = this.#authorities.get(this.signing.hash);
    const made = await this.ring.open(next);
    const both = [await old?.endorse(next.certPem, nowMs), await made?.endorse(this.signing.certPem, nowMs)];
    return both.join('');
  }
}

function noKey(): LocumError {
  const message = 'this controller does not have the key of the authority, so it signs nothing: see its log';
  return new LocumError('NO_AUTHORITY', message, { retryAfterMs: 60_000 });
}

async function fromFiles({ log, ...place }: HolderOptions): Promise<AuthorityRecord> {
  const { rootsPem, authority, isNew } = await openClusterAuthority({ ...place, nowMs: Date.now() });
  if (authority === undefined)
    throw new AuthorityError('tls.ca_file needs tls.ca_key_file: a controller signs its own certificate');
  if (isNew) log.info({ folder: place.dataDirectory }, 'made the certificate authority of this cluster');
  const roots = [rootOf(rootsPem)] as const;
  return { kind: 'authority', phase: 'STEADY', roots, endorsements: '', sinceWall: undefined, creator: '' };
}

/** The wrapped form of a key may change without anything else. */
function isSame(a: AuthorityRecord, b: AuthorityRecord): boolean {
  const facts = ({ phase, roots, endorsements }: AuthorityRecord): string =>
    [phase, endorsements, ...roots.flatMap(({ hash, certPem, wrapped }) => [hash, certPem, wrapped?.by])].join('\n');
  return facts(a) === facts(b);
}
