/** Another controller's API, as a client of it: one connection, which is dropped with everything on it when it leads no more. */
import type { Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { LIMITS } from '../../shared/limits.ts';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from '../../shared/rpc/channel-options.ts';

export interface Peer {
  readonly address: string;
  readonly transport: Transport;
  /** Ends the connection and fails what is under way on it. */
  readonly close: () => void;
}

export function openPeer(address: string): Peer {
  const manager = new Http2SessionManager(`http://${address}`, {
    pingIntervalMs: KEEPALIVE_TIME_MS,
    pingTimeoutMs: KEEPALIVE_TIMEOUT_MS,
  });
  const transport = createGrpcTransport({
    baseUrl: manager.authority,
    sessionManager: manager,
    acceptCompression: [],
    readMaxBytes: LIMITS.answerBytes,
    writeMaxBytes: LIMITS.answerBytes,
  });
  return { address, transport, close: () => manager.abort() };
}
