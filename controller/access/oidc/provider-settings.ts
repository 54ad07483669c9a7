/** An identity provider, as the configuration has it with every default filled in. */
import type { RoleGrant } from '../../../shared/access/principal.ts';

/** Roles of everybody whose token makes a claim. */
export interface ClaimRoles {
  /** Name of the claim, or the path of one inside of another. */
  readonly claim: string;
  /** What it is, or has among others. */
  readonly value: string;
  readonly roles: readonly RoleGrant[];
}

export interface ProviderSettings {
  /** `iss` of its tokens, to the letter. */
  readonly issuer: string;
  /** One of them stands in `aud` of a token that is for us. */
  readonly audiences: readonly string[];
  readonly userClaim: string;
  /** Put before each name. */
  readonly userPrefix: string;
  readonly claimRoles: readonly ClaimRoles[];
  /** Undefined: where the provider's own description says. */
  readonly jwksUrl?: string | undefined;
  /** PEM of the authorities that signed its certificate. Undefined: those of Node.js. */
  readonly ca?: string | undefined;
  readonly keysTtlMs: number;
  readonly clockSkewMs: number;
  /** Its keys may come over plaintext from other hosts. */
  readonly insecure: boolean;
}

export const DEFAULT_USER_CLAIM = 'sub';
export const DEFAULT_KEYS_TTL_MS = 600_000;
export const DEFAULT_CLOCK_SKEW_MS = 30_000;
