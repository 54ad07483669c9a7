/** Where a call came from, for those who write it down. */
import type { HttpRequest } from './http-handler.ts';

/** Address of the other end of the connection; empty: it is gone, or there is none. */
export function callerAddressOf(request: HttpRequest): string {
  // An HTTP/2 request has lost its socket once its session is closed.
  const { remoteAddress = '' } = request.socket ?? {};
  return plainAddress(remoteAddress);
}

/** IPv4 as people write it, also where the listener speaks IPv6. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');
