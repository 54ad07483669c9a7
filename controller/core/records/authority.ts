/** The certificate authority of the cluster as it is kept, once it was changed or its key is kept in the store (ADR 0034). */

/** The private key of a root, encrypted with a key that is in a file of the controllers. */
export interface WrappedKey {
  /** Id of the wrapping key. */
  readonly by: string;
  readonly data: Uint8Array;
}

export interface AuthorityRoot {
  /** Of the public key, as join lines have it. */
  readonly hash: string;
  /** PEM of the certificate that signs, and of those that stand for it. */
  readonly certPem: string;
  readonly expireWall: number;
  /** Undefined: the key is in files. */
  readonly wrapped?: WrappedKey | undefined;
}

/** STEADY: one root. TRUSTING: two, of which the old one signs. RENEWING: two, of which the new one signs. */
export type AuthorityPhase = 'STEADY' | 'TRUSTING' | 'RENEWING';

export type AuthorityStep = 'BEGIN' | 'SWITCH' | 'FINISH' | 'ABORT';

/** Replaced whole, never changed. */
export interface AuthorityRecord {
  readonly kind: 'authority';
  readonly phase: AuthorityPhase;
  /** All that are trusted, the one that signs first. */
  readonly roots: readonly [AuthorityRoot, ...AuthorityRoot[]];
  /** PEM of certificates in which one root stands for the key of the other. */
  readonly endorsements: string;
  /** Undefined: it was never changed. */
  readonly sinceWall: number | undefined;
  /** Who brought it into this phase, in the words of the event log. */
  readonly creator: string;
}

export const AUTHORITY_KEY = 'authority';

/** What a controller says of itself beside its membership. */
export interface ControllerCertificate {
  readonly id: string;
  /** Hashes of the roots that it trusts. */
  readonly trusts: readonly string[];
  /** Hash of the one that signed its certificate. Undefined: it does not say. */
  readonly issuer: string | undefined;
  /** Hashes of those whose keys it has. */
  readonly signs: readonly string[];
  /** Ids of the wrapping keys that it has. */
  readonly opens: readonly string[];
}

export type AuthorityLack = 'TRUST' | 'CERTIFICATE' | 'KEY' | 'WORD';

/** Somebody who is not ready for the next step. */
export interface Laggard {
  /** `servers/web-1`, `controllers/c1`. */
  readonly name: string;
  readonly connected: boolean;
  readonly lack: AuthorityLack;
}
