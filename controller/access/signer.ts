/** Signs certificates for this cluster. Who may have which was decided before. */
import type { PeerIdentity } from '../../shared/access/identity.ts';
import { type Authority, CERTIFICATE_LIFE_MS, type SignedCertificate } from '../../shared/pki/authority.ts';
import { DAY } from '../../shared/time.ts';
import type { SigningTurns } from './signing-turns.ts';

/** Whom a certificate of this cluster is for. */
export type Holder = Omit<PeerIdentity, 'clusterId'>;

export interface SignedForHolder extends SignedCertificate {
  readonly clusterId: string;
  /** All roots to trust, PEM: while the authority is changed, two. */
  readonly rootsPem: string;
}

/** How long certificates last where nobody said more of one. */
export interface CertificateLives {
  readonly serverMs: number;
  readonly controllerMs: number;
}

/** Servers renew at two thirds: one whose host was off for a week comes back by itself. */
export const DEFAULT_LIVES: CertificateLives = { serverMs: 30 * DAY, controllerMs: CERTIFICATE_LIFE_MS };

export interface SigningOptions {
  /** Names and addresses that a controller listens on. Default: none. */
  readonly hosts?: readonly string[];
  /** Default: that of its kind. */
  readonly lifeMs?: number;
  /** What is valid from earlier is revoked; see `SignOptions` of the authority. */
  readonly validFromMs?: number | undefined;
  /** Unix milliseconds: when it was judged who may have it. What is revoked after that is not made good by a signature that came late. Default: now. */
  readonly judgedMs?: number;
}

export interface Signer {
  /** All roots to trust, PEM, the one that signs first. */
  readonly rootsPem: string;
  /** Certificates in which one root stands for the key of another, PEM. Default: none. */
  readonly endorsementsPem?: string;
  /** To be asked before a token or a turn is used up. @throws LocumError NO_AUTHORITY: the key of the root that signs is not here */
  refuseWithoutKey(): void;
  /** To be taken before something is signed for a server. */
  readonly turns: SigningTurns;
  /** Rejects with CertificateRequestError when the request can't be signed. */
  sign(csrPem: string, holder: Holder, options?: SigningOptions): Promise<SignedForHolder>;
}

export interface AuthoritySignerOptions {
  readonly authority: Authority;
  readonly clusterId: string;
  readonly rootsPem: string;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** Default: DEFAULT_LIVES. */
  readonly lives?: CertificateLives;
}

export class AuthoritySigner implements Omit<Signer, 'turns' | 'refuseWithoutKey'> {
  readonly #options: AuthoritySignerOptions;

  constructor(options: AuthoritySignerOptions) {
    this.#options = options;
  }

  get rootsPem(): string {
    return this.#options.rootsPem;
  }

  async sign(
    csrPem: string,
    holder: Holder,
    { hosts = [], lifeMs, validFromMs, judgedMs }: SigningOptions = {},
  ): Promise<SignedForHolder> {
    const { authority, clusterId, rootsPem, nowMs, lives = DEFAULT_LIVES } = this.#options;
    const identity = { ...holder, clusterId };
    const life = { lifeMs: lifeMs ?? lifeOf(holder, lives) };
    const signed = await authority.sign({ csrPem, identity, hosts, nowMs: judgedMs ?? nowMs(), validFromMs, ...life });
    return { ...signed, rootsPem, clusterId };
  }
}

function lifeOf({ kind }: Holder, { serverMs, controllerMs }: CertificateLives): number {
  if (kind === 'server') return serverMs;
  return kind === 'controller' ? controllerMs : CERTIFICATE_LIFE_MS;
}
