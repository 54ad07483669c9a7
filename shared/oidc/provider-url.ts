/** Where an identity provider is asked, and what it says of itself (OpenID Connect Discovery 1.0, sections 3 and 4). Pure. */
import { isObject } from '../is-object.ts';
import { isLoopback } from '../listen-address.ts';

/** Undefined: it may be asked there. Else why not: whoever can change the answer on the way is whoever he wants to be. */
export function urlProblem(
  text: string,
  { insecure = false }: { readonly insecure?: boolean } = {},
): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return 'is no URL';
  if (url.username !== '' || url.password !== '') return 'has a password in it';
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && (insecure || isLoopback(hostOf(url))));
  return isSafe ? undefined : 'has to begin with https:// (http:// is for loopback, or with insecure)';
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

export const descriptionUrl = (issuer: string): string =>
  `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;

/** What stands in its description. @throws Error when that is another issuer's */
export function describedBy(issuer: string, description: unknown): Readonly<Record<string, unknown>> {
  const described = isObject(description) ? description : {};
  if (described['issuer'] === issuer) return described;
  throw new Error(`what ${issuer} publishes is of the issuer ${JSON.stringify(described['issuer'])}`);
}
