/** Where a call came from, for those who write it down, and for those who count. */
import type { Socket } from 'node:net';
import type { HttpRequest } from './http-handler.ts';

/** Address of the other end of the connection; empty: it is gone, or there is none. */
export function callerAddressOf(request: HttpRequest): string {
  // An HTTP/2 request has lost its socket once its session is closed.
  const { remoteAddress = '' } = request.socket ?? {};
  return plainAddress(remoteAddress);
}

/** IPv4 as people write it, also where the listener speaks IPv6. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/**
 * Whom bounds by address count as one: an IPv4 address, or the /64 of an IPv6 one (`2001:db8:0:1::/64`), as a host can take any address of its
 * network. Takes addresses as the kernel prints them.
 * Source: RFC 4291, section 2.5.4
 */
export function peerNetwork(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = [], tail = []] = plain.split('::').map((part) => part.split(':'));
  // What stands between the colons is as many zeros as are missing to eight.
  const groups = [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail];
  const network = groups.slice(0, 4).map((group) => group || '0');
  return `${network.join(':')}::/64`;
}

/** The other end of a connection, `address:port`, as grpc-js names it too. */
export const peerName = ({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string =>
  `${remoteAddress}:${remotePort}`;

/** `peerNetwork` of `address:port`. */
export const networkOfPeer = (peer: string): string => peerNetwork(peer.slice(0, peer.lastIndexOf(':')));
