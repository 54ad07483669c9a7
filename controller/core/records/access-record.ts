/** Who may do what, as it is kept: own roles, tokens, and users whom certificates or an identity provider name. */
import type { AccessRole } from '../../../shared/access/permissions.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';

/** A role beside the ones that are always there. */
export interface RoleRecord extends AccessRole {
  readonly kind: 'role';
  readonly updateWall: number;
}

export interface TokenRecord {
  readonly kind: 'token';
  readonly id: string;
  /** Who has it. */
  readonly holder: string;
  readonly roles: readonly RoleGrant[];
  /** SHA-256 of what proves it, hexadecimal. */
  readonly secretHash: string;
  readonly createWall: number;
  readonly expireWall: number;
  /** To the hour. Undefined: never. */
  readonly lastUseWall: number | undefined;
  /** Who made it. */
  readonly creator: string;
}

export interface UserRecord {
  readonly kind: 'user';
  readonly name: string;
  readonly roles: readonly RoleGrant[];
  readonly updateWall: number;
}

export type AccessRecord = RoleRecord | TokenRecord | UserRecord;
