/** What an identity provider publishes: where its keys are (OpenID Connect Discovery 1.0, section 4), and the keys (RFC 7517, section 5). */
import type { JSONWebKeySet } from 'jose';
import { isObject } from '../../../shared/is-object.ts';
import { getJson } from '../../../shared/oidc/bounded-json.ts';
import { describedBy, descriptionUrl, urlProblem } from '../../../shared/oidc/provider-url.ts';
import type { ProviderSettings } from './provider-settings.ts';

const TIMEOUT_MS = 5_000;
/** The largest sets that are known have some tens of KiB. */
const LIMIT_BYTES = 512 * 1024;

/** Rejects with an Error that says what went wrong. */
export async function fetchKeys(settings: ProviderSettings): Promise<JSONWebKeySet> {
  const keys = await fetchDocument(await keysUrl(settings), settings);
  if (!isKeySet(keys)) throw new Error(`what ${settings.issuer} publishes as its keys is no JWK set`);
  return keys;
}

async function keysUrl(settings: ProviderSettings): Promise<string> {
  const { issuer, jwksUrl } = settings;
  if (jwksUrl !== undefined) return jwksUrl;
  const { jwks_uri: url } = describedBy(issuer, await fetchDocument(descriptionUrl(issuer), settings));
  if (typeof url !== 'string') throw new Error(`${issuer} does not say where its keys are`);
  return url;
}

function fetchDocument(url: string, settings: ProviderSettings): Promise<unknown> {
  const problem = urlProblem(url, settings);
  if (problem !== undefined) throw new Error(`${url} ${problem}`);
  return getJson({ url: new URL(url), ca: settings.ca, timeoutMs: TIMEOUT_MS, limitBytes: LIMIT_BYTES });
}

const isKeySet = (value: unknown): value is JSONWebKeySet =>
  isObject(value) && Array.isArray(value['keys']) && value['keys'].every(isObject);
