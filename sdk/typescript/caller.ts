/** Who calls, and how the controller can know: the name for the event log, a token, and certificates. */
import { userInfo } from 'node:os';
import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';

/** PEM texts, as Node takes them. With `{}`: TLS that trusts the authorities of the system. */
export type TlsOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'minVersion'> & {
  /** Name in the controller's certificate, where it is not the host of its address. */
  readonly servername?: string;
  /** Judges the controller's certificate, once its chain is right. Default: it must name the host of its address. */
  readonly checkServerIdentity?: NonNullable<ConnectionOptions['checkServerIdentity']>;
};

/** What a controller asks for (docs/access.md), unless it is open. */
export interface Caller {
  /**
   * Sent as `authorization: Bearer …`. A function is asked before each try, so that a token may be renewed. Where it fails the call
   * fails at once, with a TokenError: one that is worth another try has to try itself.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** Default: no TLS. */
  readonly tls?: TlsOptions;
  /** Who asks, for the event log; at most 128 printable ASCII characters. Default: the user of this process. */
  readonly actor?: string;
  readonly addresses: readonly string[];
}

/** There was no token to show, so nothing was sent; `cause` says why. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d+$/;

/** @throws RangeError: whoever reads a token on its way may use it */
export function checkCaller({ token, tls, addresses }: Caller): void {
  const exposed = addresses.find((address) => !LOOPBACK.test(address));
  if (token === undefined || tls !== undefined || exposed === undefined) return;
  throw new RangeError(`a token would go to ${exposed} in plain text: give "tls", too`);
}

export async function headersOf({ token, actor }: Caller, given: HeadersInit | undefined): Promise<Headers> {
  const headers = new Headers(given);
  if (!headers.has(ACTOR_HEADER)) headers.set(ACTOR_HEADER, printableName(actor ?? userName()));
  if (token !== undefined && !headers.has('authorization')) {
    headers.set('authorization', `Bearer ${typeof token === 'string' ? token : await asked(token)}`);
  }
  return headers;
}

async function asked(token: () => string | Promise<string>): Promise<string> {
  try {
    return await token();
  } catch (error) {
    throw new TokenError('no token to call with', { cause: error });
  }
}

const printableName = (name: string): string => name.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 128) || 'unknown';

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A process may have no name of its own, as in some containers.
    return 'unknown';
  }
}
