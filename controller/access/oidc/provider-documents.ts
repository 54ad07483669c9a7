/** What an identity provider publishes: where its keys are (OpenID Connect Discovery 1.0, section 4), and the keys (RFC 7517, section 5). */
import type { JSONWebKeySet } from 'jose';
import { isObject } from '../../../shared/is-object.ts';
import { isLoopback } from '../../../shared/listen-address.ts';
import { getJson } from './bounded-get.ts';
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

/** Undefined: keys may come from there. Else why not: whoever can change them on the way is whoever he wants to be. */
export function urlProblem(text: string, { insecure }: Pick<ProviderSettings, 'insecure'>): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return 'is no URL';
  if (url.username !== '' || url.password !== '') return 'has a password in it';
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && (insecure || isLoopback(hostOf(url))));
  return isSafe ? undefined : 'has to begin with https:// (http:// is for loopback, or with insecure)';
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

async function keysUrl(settings: ProviderSettings): Promise<string> {
  const { issuer, jwksUrl } = settings;
  if (jwksUrl !== undefined) return jwksUrl;
  const described = await fetchDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, settings);
  const { issuer: named, jwks_uri: url } = isObject(described) ? described : {};
  if (named !== issuer) throw new Error(`what ${issuer} publishes is of the issuer ${JSON.stringify(named)}`);
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
