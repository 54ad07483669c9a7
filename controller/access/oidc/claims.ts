/** What the claims of a token say: who somebody is, and what he is given for it. Pure; its signature was checked before. */
import type { RoleGrant } from '../../../shared/access/principal.ts';
import { LocumError } from '../../../shared/errors.ts';
import { isObject } from '../../../shared/is-object.ts';
import type { ClaimRoles, ProviderSettings } from './provider-settings.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** It stands in events and in the audit: a blank in it could make one line look like another. */
const NAME = /^[\x21-\x7e]{1,128}$/;

/** @throws LocumError TOKEN_INVALID: the token names nobody whom one could give a role to */
export function userOf(
  claims: Claims,
  { userClaim, userPrefix }: Pick<ProviderSettings, 'userClaim' | 'userPrefix'>,
): string {
  const value = claimAt(claims, userClaim);
  if (typeof value !== 'string' || !NAME.test(`${userPrefix}${value}`)) {
    const wanted = 'which has to be a text of printable characters without blanks, at most 128 with the prefix';
    throw new LocumError('TOKEN_INVALID', `the token does not say who has it in the claim "${userClaim}", ${wanted}`);
  }
  // Whoever may write an address into his profile that he does not have would be somebody else.
  if (!isVerified(claims, userClaim))
    throw new LocumError('TOKEN_INVALID', 'the provider does not say that the email of this token is verified');
  return `${userPrefix}${value}`;
}

export const rolesOf = (claims: Claims, claimRoles: readonly ClaimRoles[]): readonly RoleGrant[] =>
  claimRoles.filter((rule) => makes(claims, rule)).flatMap(({ roles }) => roles);

/** OpenID Connect Core, section 5.1: an `email` stands beside an `email_verified`. */
const isVerified = (claims: Claims, claim: string): boolean =>
  !/(?:^|\.)email$/.test(claim) || String(claimAt(claims, `${claim}_verified`)) === 'true';

function makes(claims: Claims, { claim, value }: ClaimRoles): boolean {
  const found = isVerified(claims, claim) ? claimAt(claims, claim) : undefined;
  const several = claim === 'scope' && typeof found === 'string' ? found.split(' ') : found;
  return Array.isArray(several) ? several.some((one) => isText(one, value)) : isText(several, value);
}

const isText = (found: unknown, wanted: string): boolean =>
  (typeof found === 'string' || typeof found === 'boolean' || typeof found === 'number') && String(found) === wanted;

/** Names with dots in them are common (`https://example.com/roles`): the whole name goes first, then the path. */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
