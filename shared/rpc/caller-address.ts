/** Where a call came from, for those who write it down. */
import { type ContextValues, createContextKey, createContextValues } from '@connectrpc/connect';
import type { HttpRequest } from './http-handler.ts';

/** Address of the other end of the connection; empty: it is gone, or there is none. */
export const callerAddress = createContextKey('', { description: 'address of the caller' });

export function withCallerAddress(request: HttpRequest): ContextValues {
  // An HTTP/2 request has lost its socket once its session is closed.
  const { remoteAddress = '' } = request.socket ?? {};
  return createContextValues().set(callerAddress, plainAddress(remoteAddress));
}

/** IPv4 as people write it, also where the listener speaks IPv6. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');
