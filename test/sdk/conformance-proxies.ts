/** What stands between a client and a controller in the list of conformance. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import { makeCertificate } from './certificate.ts';

async function listen(server: Server, sockets: ReadonlySet<Socket>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

/** Accepts connections, and says nothing. */
export function startSilence(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });
  return listen(server, sockets);
}

/** Speaks TLS, with a certificate of no authority. Who trusts it all the same is told nothing. */
export async function startUntrusted(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTlsServer({ ...makeCertificate(), ALPNProtocols: ['h2'] });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  const address = await listen(server, sockets);
  return address.replace('127.0.0.1', 'localhost');
}

export interface CuttingProxy {
  readonly address: string;
  /** Connections that were ever made. */
  readonly connections: () => number;
  /** Resets all that are open. */
  readonly cut: () => void;
  /** Resets all that are open and all that come, until it is let through again. */
  readonly block: () => void;
  readonly unblock: () => void;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let connections = 0;
  let blocked = false;
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  const server = createServer({ noDelay: true }, (client) => {
    if (blocked) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    connections += 1;
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    clients.add(client);
    upstreams.add(upstream);
    client.pipe(upstream).pipe(client);
    client.on('error', () => undefined).on('close', () => upstream.destroy());
    upstream.on('error', () => undefined).on('close', () => client.destroy());
  });
  const address = await listen(server, upstreams);
  const cut = (): void => {
    for (const client of clients) client.resetAndDestroy();
    clients.clear();
  };
  return {
    address,
    connections: () => connections,
    cut,
    block: () => {
      blocked = true;
      cut();
    },
    unblock: () => {
      blocked = false;
    },
  };
}
