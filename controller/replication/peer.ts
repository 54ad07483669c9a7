/** Another controller's API, as a client of it: one connection, which is dropped with everything on it when it leads no more. */
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { PeerRule } from '../../shared/access/peer-judge.ts';
import { LIMITS } from '../../shared/limits.ts';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from '../../shared/rpc/channel-options.ts';
import { dialOptions, type TlsIdentity } from '../../shared/rpc/tls-identity.ts';
import type { TrustedPeers } from '../../shared/rpc/trusted-peers.ts';

export interface Peer {
  readonly address: string;
  readonly transport: Transport;
  /** Ends the connection and fails what is under way on it. */
  readonly close: () => void;
}

/** How controllers know each other. */
export interface PeerTls {
  readonly identity: TlsIdentity;
  /** Whom this one takes for a controller. */
  readonly rule: () => PeerRule;
  /** Takes those that this one has dialled: they are looked at again when a root goes. */
  readonly dialled: TrustedPeers;
}

const dialler =
  ({ identity, rule, dialled }: PeerTls) =>
  ({ hostname, port }: URL): TLSSocket => {
    const { roots } = dialled;
    const socket = connect({ ...dialOptions(identity, rule), ...targetOf(hostname, port), ALPNProtocols: ['h2'] });
    return socket.once('secureConnect', () => {
      if (!dialled.add(socket, roots)) socket.destroy();
    });
  };

function targetOf(hostname: string, port: string): ConnectionOptions {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port), ...(isIP(host) === 0 ? { servername: host } : {}) };
}

/** `tls` undefined: plaintext. */
export function openPeer(address: string, tls: PeerTls | undefined): Peer {
  const pings = { pingIntervalMs: KEEPALIVE_TIME_MS, pingTimeoutMs: KEEPALIVE_TIMEOUT_MS };
  const manager =
    tls === undefined
      ? new Http2SessionManager(`http://${address}`, pings)
      : // Asked at each connection: its own certificate and the roots may be others by then.
        new Http2SessionManager(`https://${address}`, pings, { createConnection: dialler(tls) });
  const transport = createGrpcTransport({
    baseUrl: manager.authority,
    sessionManager: manager,
    acceptCompression: [],
    readMaxBytes: LIMITS.answerBytes,
    writeMaxBytes: LIMITS.answerBytes,
  });
  return { address, transport, close: () => manager.abort() };
}
