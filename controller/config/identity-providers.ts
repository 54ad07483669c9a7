/** The identity providers of a configuration, each with every default filled in. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../shared/caught-error.ts';
import { badField } from '../../shared/errors.ts';
import type { ControllerConfig, IdentityProvider } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { urlProblem } from '../../shared/oidc/provider-url.ts';
import { hasRoots } from '../../shared/pki/roots.ts';
import { fromDuration } from '../../shared/rpc/time-messages.ts';
import {
  DEFAULT_CLOCK_SKEW_MS,
  DEFAULT_KEYS_TTL_MS,
  DEFAULT_USER_CLAIM,
  type ProviderSettings,
} from '../access/oidc/provider-settings.ts';
import { grantFromProto } from '../codec/access.ts';

/** Nothing where there are none. @throws LocumError INVALID_FIELD */
export function identityProviders({ access, insecure }: Pick<ControllerConfig, 'access' | 'insecure'>): {
  readonly identityProviders?: readonly ProviderSettings[];
} {
  const providers = access?.identityProviders ?? [];
  if (providers.length === 0) return {};
  const settings = providers.map((provider, i) => providerSettings(provider, { at: fieldAt(i), insecure }));
  const issuers = settings.map(({ issuer }) => issuer);
  const twice = issuers.findIndex((issuer, i) => issuers.indexOf(issuer) < i);
  if (twice >= 0)
    throw badField('INVALID_FIELD', `${fieldAt(twice)}.issuer`, `${issuers[twice]} is there already: name it once`);
  return { identityProviders: settings };
}

const fieldAt = (i: number): string => `access.identity_providers[${i}]`;

function providerSettings(
  provider: IdentityProvider,
  { at, insecure }: { readonly at: string; readonly insecure: boolean },
): ProviderSettings {
  const { issuer, audiences, userClaim, userPrefix, claimRoles, jwksUrl, caFile, keysTtl, clockSkew } = provider;
  checkUrl(issuer, { field: `${at}.issuer`, insecure });
  if (jwksUrl !== '') checkUrl(jwksUrl, { field: `${at}.jwks_url`, insecure });
  return {
    issuer,
    audiences,
    userClaim: userClaim || DEFAULT_USER_CLAIM,
    userPrefix,
    claimRoles: claimRoles.map(({ claim, value, roles }) => ({ claim, value, roles: roles.map(grantFromProto) })),
    ...(jwksUrl === '' ? {} : { jwksUrl }),
    ...(caFile === '' ? {} : { ca: readPem(caFile, `${at}.ca_file`) }),
    keysTtlMs: fromDuration(keysTtl) ?? DEFAULT_KEYS_TTL_MS,
    clockSkewMs: fromDuration(clockSkew) ?? DEFAULT_CLOCK_SKEW_MS,
    insecure,
  };
}

function checkUrl(text: string, { field, insecure }: { readonly field: string; readonly insecure: boolean }): void {
  const problem = urlProblem(text, { insecure });
  if (problem !== undefined) throw badField('INVALID_FIELD', field, `${text} ${problem}`);
}

function readPem(file: string, field: string): string {
  const pem = textIn(file, field);
  if (!hasRoots(pem)) throw badField('INVALID_FIELD', field, `${file} has no certificate: PEM is wanted`);
  return pem;
}

function textIn(file: string, field: string): string {
  try {
    return readFileSync(resolve(file), 'utf8');
  } catch (error) {
    throw badField('INVALID_FIELD', field, messageOf(error));
  }
}
