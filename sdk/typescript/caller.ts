/** Who calls: the name for the event log, and a token. */
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';

/** What a controller asks for (docs/access.md), unless it is open. */
export interface Caller {
  /**
   * Sent as `authorization: Bearer …`. A function is asked before each try, so that a token may be renewed; undefined shows none. Where it
   * fails the call fails at once, with a TokenError: one that is worth another try has to try itself.
   */
  readonly token?: string | TokenSupply;
  /** Who asks, for the event log; at most 128 printable ASCII characters. Default: the user of this process; in a browser, nobody. */
  readonly actor?: string;
}

type TokenSupply = () => string | undefined | Promise<string | undefined>;

/** There was no token to show, so nothing was sent; `cause` says why. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** Whether only this host can listen at `host:port`. A name counts only if no name server is asked for it. */
export const isLoopbackAddress = (address: string): boolean => LOOPBACK.test(address);

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * `addresses`: what is asked without TLS, as `host:port`.
 *
 * @throws RangeError: whoever reads a token on its way may use it
 */
export function checkExposure({ token }: Caller, addresses: readonly string[]): void {
  const exposed = addresses.find((address) => !isLoopbackAddress(address));
  if (token === undefined || exposed === undefined) return;
  throw new RangeError(`a token would go to ${exposed} in plain text: use TLS`);
}

export async function headersOf({ token, actor }: Caller, given: HeadersInit | undefined): Promise<Headers> {
  const headers = new Headers(given);
  if (actor !== undefined && !headers.has(ACTOR_HEADER)) headers.set(ACTOR_HEADER, printableName(actor));
  if (token !== undefined && !headers.has('authorization')) {
    const shown = typeof token === 'string' ? token : await asked(token);
    if (shown !== undefined) headers.set('authorization', `Bearer ${shown}`);
  }
  return headers;
}

async function asked(token: TokenSupply): Promise<string | undefined> {
  try {
    return await token();
  } catch (error) {
    throw new TokenError('no token to call with', { cause: error });
  }
}

const printableName = (name: string): string => name.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 128) || 'unknown';
