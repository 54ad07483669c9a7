/** Where a controller listens, for those who are to reach it. */
import { hostname } from 'node:os';
import { formatListenAddress } from '../shared/listen-address.ts';
import { ListenError } from '../shared/rpc/listen-error.ts';
import type { Listener } from '../shared/rpc/single-port-listener.ts';

type ListenerAddress = Pick<Listener, 'address' | 'port'>;

export function addressOf({ address, port }: ListenerAddress): string {
  return formatListenAddress({ host: address, port });
}

/** Other hosts can't connect to "every address". */
export function reachable({ address, port }: ListenerAddress): string {
  const anywhere = address === '0.0.0.0' || address === '::';
  return addressOf({ address: anywhere ? hostname() : address, port });
}

/** Says which flag chooses another address. */
export async function named<T>(flag: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new ListenError(error.code, `${error.message} (${flag} says where)`, error);
  }
}
