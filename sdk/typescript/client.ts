/** A client of Locum: one object with a member per service of the API, over all controllers. */
import { CALL_TIMEOUT_MS, type Locum, servicesOver } from './services.ts';
import { openTransport, type TransportOptions } from './transport.ts';

// A program needs them with `connect`, and one file to import.
export { errorOf, type Locum, type Services } from './services.ts';

export type ConnectOptions = Omit<TransportOptions, 'timeoutMs'> & {
  /** For one call with all its repetitions. Default: 10,000. A call's own `timeoutMs` goes before it; streams have none. */
  readonly timeoutMs?: number;
};

/** Nothing is dialled before the first call. @throws RangeError for a token that would go over a network in plain text */
export function connect(options: ConnectOptions): Locum {
  const transport = openTransport({ timeoutMs: CALL_TIMEOUT_MS, ...options });
  return { ...servicesOver(transport), close: transport.close };
}
