/** What an action talks through, and its end. */
import { TokenError } from '../../sdk/typescript/caller.ts';
import type { ClosableTransport } from '../../sdk/typescript/repeated-calls.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import type { Globals } from '../globals.ts';
import { credentialsOf } from './credentials.ts';

export const CALL_TIMEOUT_MS = 10_000;

/** Runs an action with a transport, and closes it whatever happens. */
export async function withTransport<T>(
  globals: Pick<Globals, 'address' | 'timeout' | 'target' | 'insecureToken'>,
  action: (transport: ClosableTransport) => Promise<T>,
): Promise<T> {
  const { address, timeout } = globals;
  const credentials = await credentialsOf(globals);
  const transport = openTransport({ addresses: address, timeoutMs: timeout ?? CALL_TIMEOUT_MS, ...credentials });
  try {
    return await action(transport);
  } catch (error) {
    // What kept us from a token is what is wrong.
    throw error instanceof TokenError ? error.cause : error;
  } finally {
    transport.close();
  }
}
