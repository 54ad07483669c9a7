/** What an action talks through, and its end. */

import { type ClosableTransport, openTransport } from '../../sdk/typescript/transport.ts';
import type { Globals } from '../globals.ts';

export const CALL_TIMEOUT_MS = 10_000;

/** Runs an action with a transport, and closes it whatever happens. */
export async function withTransport<T>(
  { address, timeout }: Pick<Globals, 'address' | 'timeout'>,
  action: (transport: ClosableTransport) => Promise<T>,
): Promise<T> {
  const transport = openTransport({ addresses: address, timeoutMs: timeout ?? CALL_TIMEOUT_MS });
  try {
    return await action(transport);
  } finally {
    transport.close();
  }
}
