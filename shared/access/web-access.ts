/**
 * Whether a request may have come from where it says, by its Host and its Origin. Pure.
 *
 * A browser lets any page send requests to 127.0.0.1. It says where the page is from (Origin), except when a name of that page's own
 * was made to point here (DNS rebinding): then only the Host tells. Programs such as grpcurl send no Origin and the address they dial.
 */
import { LocumError } from '../errors.ts';
import { isLoopback } from '../listen-address.ts';
import { cut, printable } from '../printable.ts';

export interface WebRule {
  /** Only this host reaches the listener, so only loopback and `hosts` are allowed as Host. */
  readonly loopback: boolean;
  /** Names, without ports, that were configured. With none, a listener that is not loopback takes any Host. */
  readonly hosts: readonly string[];
}

export interface WebOrigin {
  /** `name:port` of Host and of :authority, as they came. None: an old probe, and no browser. */
  readonly authorities: readonly string[];
  /** The Origin. Undefined: none was sent. */
  readonly origin: string | undefined;
}

const QUOTE_LIMIT_CHARACTERS = 100;

/** Why the request is refused, HOST_NOT_ALLOWED or ORIGIN_NOT_ALLOWED; undefined when it is not. */
export function judgeWebAccess({ authorities, origin }: WebOrigin, rule: WebRule): LocumError | undefined {
  const judged = rule.loopback || rule.hosts.length > 0;
  const stranger = judged ? authorities.find((authority) => !isAllowedHost(authority, rule)) : undefined;
  if (stranger !== undefined) {
    const message = `${quoted(stranger)} is no name of this listener: use an address of it, or configure allowed_hosts`;
    return new LocumError('HOST_NOT_ALLOWED', message);
  }
  if (origin === undefined) return undefined;
  const page = /^https?:\/\/(?<authority>[^/?#@]+)$/i.exec(origin)?.groups?.['authority'];
  // A page that came from this listener. Where no Host is judged, its name may be one that was made to point here.
  if (page !== undefined && judged && authorities.length > 0 && authorities.every(same(page))) return undefined;
  if (page !== undefined && rule.hosts.some(same(page))) return undefined;
  return new LocumError('ORIGIN_NOT_ALLOWED', `a web page of ${quoted(origin)} may not call this listener`);
}

function isAllowedHost(authority: string, { loopback, hosts }: WebRule): boolean {
  const host = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<name>[^:[\]@/\s]+))(?::\d{1,5})?$/i.exec(authority)?.groups;
  const [six, name] = [host?.['six'], host?.['name']];
  if (six !== undefined) return !loopback || isLoopback(six) || hosts.some(same(six));
  if (name === undefined) return false;
  // Nobody can make an address point elsewhere.
  return isLoopback(plain(name)) || hosts.some(same(name)) || (!loopback && /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name));
}

/** Names mean the same in either case, and with the dot at their end. */
const plain = (name: string): string => name.toLowerCase().replace(/\.(?=$|:\d+$)/, '');

const same =
  (one: string) =>
  (other: string): boolean =>
    plain(one) === plain(other);

const quoted = (text: string): string => `"${cut(printable(text), QUOTE_LIMIT_CHARACTERS)}"`;
