/** The transport for Node: gRPC over HTTP/2, to several controllers. */
import { userInfo } from 'node:os';
import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { LIMITS } from '../../shared/limits.ts';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from '../../shared/rpc/channel-options.ts';
import { type Caller, checkExposure } from './caller.ts';
import { type ClosableTransport, repeatedCalls } from './repeated-calls.ts';
import { Targets } from './targets.ts';

/** PEM texts, as Node takes them. With `{}`: TLS that trusts the authorities of the system. */
export type TlsOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'minVersion'> & {
  /** Name in the controller's certificate, where it is not the host of its address. */
  readonly servername?: string;
  /** Judges the controller's certificate, once its chain is right. Default: it must name the host of its address. */
  readonly checkServerIdentity?: NonNullable<ConnectionOptions['checkServerIdentity']>;
};

export interface TransportOptions extends Caller {
  /** `host:port`, at least one, tried in this order. */
  readonly addresses: readonly string[];
  /** For one call with all its repetitions. */
  readonly timeoutMs: number;
  /** Default: no TLS. */
  readonly tls?: TlsOptions;
  /** Sends the token in plain text to other hosts, too: whoever reads it on its way may use it. Default: refuses to. */
  readonly insecureToken?: boolean;
}

/** @throws RangeError for a token that would go over a network in plain text, unless `insecureToken` says so */
export function openTransport({
  addresses,
  timeoutMs,
  tls,
  insecureToken,
  ...given
}: TransportOptions): ClosableTransport {
  if (tls === undefined && insecureToken !== true) checkExposure(given, addresses);
  const managers = addresses.map((address) => {
    const pings = { pingIntervalMs: KEEPALIVE_TIME_MS, pingTimeoutMs: KEEPALIVE_TIMEOUT_MS };
    return tls === undefined
      ? new Http2SessionManager(`http://${address}`, pings)
      : new Http2SessionManager(`https://${address}`, pings, tls);
  });
  const transports = managers.map((sessionManager) =>
    createGrpcTransport({
      baseUrl: sessionManager.authority,
      sessionManager,
      acceptCompression: [],
      readMaxBytes: LIMITS.answerBytes,
      writeMaxBytes: LIMITS.answerBytes,
    }),
  );
  const caller = { ...given, actor: given.actor ?? userName() };
  return {
    ...repeatedCalls({ targets: new Targets(addresses, transports), caller, timeoutMs }),
    close: () => {
      for (const manager of managers) manager.abort();
    },
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A process may have no name of its own, as in some containers.
    return 'unknown';
  }
}
