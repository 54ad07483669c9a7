/**
 * One port for gRPC, gRPC-Web, Connect and plain HTTP, over HTTP/1.1 and HTTP/2; in plaintext (h2c) or through TLS.
 *
 * The http server is the one that listens, with its own connection handler put behind the peek. With a net.Server in front, an
 * http server that does not listen itself never enforces its timeouts: half a request was held open for ever.
 */
import { createServer as createHttp1Server, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { PeerRule } from '../access/peer-judge.ts';
import type { WebRule } from '../access/web-access.ts';
import { assert } from '../assert.ts';
import { LocumError } from '../errors.ts';
import { Health } from '../gen/grpc/health/v1/health_pb.ts';
import { isLoopback } from '../listen-address.ts';
import { Anteroom, leaveUnread } from './anteroom.ts';
import { distrust, peerOfConnection, rememberPeer } from './caller.ts';
import { peerName } from './caller-address.ts';
import { withinBudget } from './held-calls.ts';
import { type HttpHandler, pathOf } from './http-handler.ts';
import { http2Sessions } from './http2-sessions.ts';
import { listenError } from './listen-error.ts';
import { ACCEPT_BACKLOG, defaultListenerLimits, type ListenerLimits } from './listener-limits.ts';
import { ListenerPlaces } from './listener-places.ts';
import { spokePlain, tlsRequired } from './plain-caller.ts';
import { type PlainRoutes, withPlainRoutes } from './plain-routes.ts';
import { handOn, type ProtocolHandlers, peekProtocol, peekTls } from './protocol-peek.ts';
import { sendRefusal } from './refusal.ts';
import { defaultPings, type PingOptions } from './session-pings.ts';
import { openTlsDoor, type TlsDoor, type TurnedAway } from './tls-door.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { type Denied, withWebGate } from './web-gate.ts';

/** How often a closing listener looks for HTTP/1.1 connections that became idle. */
const SWEEP_MS = 50;

export interface ListenerOptions {
  /** Name or address to bind. The caller has checked that plaintext is allowed there (listen-address.ts). */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Serves everything that `routes` do not; usually from connect-handler.ts. It must not throw. */
  readonly handler: HttpHandler;
  /** Lets requests in to what is given to it, or answers them, before a body is read. Default: everybody is let in. */
  readonly admitted?: (handler: HttpHandler) => HttpHandler;
  /** Plain pages by path. Default: none. */
  readonly routes?: PlainRoutes;
  /** Names that are allowed as Host and Origin, beside those that web-access.ts always allows. Default: none. */
  readonly allowedHosts?: readonly string[];
  /** Is told of requests that are refused for their Host or Origin. Default: nobody. */
  readonly denied?: Denied;
  /** Called when a plain page fails. Default: nothing. */
  readonly onDefect?: (error: unknown) => void;
  /** TLS, for peers whose certificate the rule takes. Default: plaintext. */
  readonly tls?: ListenerTls | undefined;
  readonly limits?: Partial<ListenerLimits>;
  /** Default: every 10 s, 5 s for the answer. */
  readonly pings?: PingOptions;
  /** Ends the listener and all its connections at once. Default: never. */
  readonly signal?: AbortSignal;
}

export interface ListenerTls {
  readonly identity: TlsIdentity;
  readonly rule: () => PeerRule;
  /** Peers without a certificate are let in, as nobody. Default: they are refused. */
  readonly admitsNobody?: boolean;
  /** Is told of peers that are not let in. */
  readonly refused: (refused: TurnedAway) => void;
}

export interface Listener {
  /** The bound address, such as `127.0.0.1`. */
  readonly address: string;
  readonly port: number;
  /**
   * Takes no new connections, lets requests in flight finish for up to `graceMs`, then cuts what is left. Long streams end only
   * by their own signal or by the cut. Resolves when the last connection is closed; calling again shortens the grace.
   */
  readonly close: (graceMs: number) => Promise<void>;
  /** Replaces `allowedHosts`, from the next request on. */
  readonly allowHosts: (names: readonly string[]) => void;
  /** Ends connections of peers for whose certificate none of our roots stands any more. To be called about once a second; a part of them each time. */
  readonly endFallen: () => void;
}

/** What goes on over a connection whose peer is trusted no more is looked at again within this time, and ends with a reason. */
const LAST_WORDS_MS = 7_000;

/** @throws ListenError when the address can't be bound. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const limits = { ...defaultListenerLimits, ...options.limits };
  const serve = withPlainRoutes(options.routes ?? {}, options.handler, options.onDefect ?? (() => undefined));
  let rule: WebRule = { loopback: true, hosts: options.allowedHosts ?? [] };
  const places = new ListenerPlaces(limits);
  const gated = (handler: HttpHandler): HttpHandler => withWebGate(() => rule, handler, options.denied);
  const admitted = options.admitted ?? ((handler) => handler);
  const isHealth = (path: string): boolean => HEALTH_PATHS.has(path);
  const onRequest = places.counted(
    gated(admitted(withinBudget(serve, isHealth, limits.waitingBytes))),
    gated(healthOnly(serve)),
    (request, response) => sendRefusal(request, response, tlsRequired(), 400),
  );
  const http1 = createHttp1Server(
    {
      // Node refuses a head that may take longer than its whole request.
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.max(100, Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4),
      maxHeaderSize: limits.maxHeaderBytes,
      keepAlive: true,
    },
    onRequest,
  );
  leaveUnread(http1);
  const anteroom = new Anteroom(serveSocket, limits.connectionPace);
  const serveHttp2 = http2Sessions({ onRequest, limits, pings: options.pings ?? defaultPings, places, anteroom });
  const handlers = { http1: takeOverConnections(http1), http2: serveHttp2 };
  const door = options.tls && doorTo(options.tls, handlers, places);
  const plain = (socket: Socket, head: Buffer): void => {
    places.addPlain(socket);
    options.tls?.refused(spokePlain(peerName(socket)));
    handOn(socket, head, handlers);
  };
  function serveSocket(socket: Socket): void {
    places.begun(socket);
    if (door === undefined) peekProtocol(socket, limits.firstBytesTimeoutMs, handlers);
    else peekTls(socket, limits.firstBytesTimeoutMs, { tls: door.take, plain });
  }
  http1.on('connection', (socket: Socket) => {
    places.add(socket);
    // Finds a peer that is gone while a long HTTP/1.1 answer has nothing to send.
    socket.setKeepAlive(true, defaultPings.intervalMs);
    anteroom.take(socket);
  });
  const { address, port } = await bind(http1, options.host, options.port);
  // The name that was bound is one of this listener, also where the host's own name is an address of loopback.
  const loopback = isLoopback(address);
  const allowHosts = (names: readonly string[]): void => {
    rule = { loopback, hosts: loopback ? [...names, options.host] : names };
  };
  allowHosts(options.allowedHosts ?? []);
  const close = closer(http1, places, anteroom);
  options.signal?.addEventListener('abort', () => void close(0), { once: true });
  if (options.signal?.aborted) await close(0);
  return { address, port, close, allowHosts, endFallen: () => door && endFallen(door, places) };
}

/** In plaintext the first bytes say what is spoken, in TLS the handshake does. */
function doorTo(tls: ListenerTls, handlers: ProtocolHandlers, places: ListenerPlaces): TlsDoor {
  return openTlsDoor({
    identity: tls.identity,
    rule: tls.rule,
    admitsNobody: tls.admitsNobody ?? false,
    protocols: ['h2', 'http/1.1'],
    owner: {
      refused: (refused) => tls.refused(refused),
      admitted: (secured, peer, raw) => {
        if (peer !== undefined) rememberPeer(secured, peer);
        places.addSecured(raw, secured);
        (secured.alpnProtocol === 'h2' ? handlers.http2 : handlers.http1)(secured);
      },
    },
  });
}

/** Controllers dial anew by themselves; people and programs are told why. */
function endFallen({ trusted }: TlsDoor, places: ListenerPlaces): void {
  for (const secured of trusted.fallen()) {
    const peer = peerOfConnection(secured);
    if (peer !== undefined) distrust(peer);
    const isController = peer?.identity.kind === 'controller';
    setTimeout(() => places.endSecured(secured), isController ? 0 : LAST_WORDS_MS).unref();
  }
}

/** Takes the http server's own connection handler off, and gives it back to be called for the connections that are HTTP/1.1. */
function takeOverConnections(http1: Server): (socket: Socket) => void {
  const [serve, ...more] = http1.listeners('connection');
  assert(serve !== undefined && more.length === 0, 'node:http has one connection listener of its own');
  http1.removeAllListeners('connection');
  return (socket) => void serve.call(http1, socket);
}

const HEALTH_PATHS: ReadonlySet<string> = new Set([
  '/healthz',
  '/livez',
  '/readyz',
  ...Health.methods.map(({ name }) => `/${Health.typeName}/${name}`),
]);

/** For those who found no place: whoever asks how this process is gets an answer, also while others hold all places. */
function healthOnly(serve: HttpHandler): HttpHandler {
  return (request, response) => {
    if (HEALTH_PATHS.has(pathOf(request))) return serve(request, response);
    const message = 'all connections are taken and busy: try again in a second';
    sendRefusal(request, response, new LocumError('OVERLOADED', message, { retryAfterMs: 1_000 }), 503);
  };
}

function bind(http1: Server, host: string, port: number): Promise<{ address: string; port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ address: string; port: number }>();
  http1.once('error', (error) => reject(listenError(error, host, port)));
  http1.listen({ host, port, backlog: ACCEPT_BACKLOG }, () => {
    const bound = http1.address();
    assert(bound !== null && typeof bound === 'object', 'a TCP listener has an address');
    resolve({ address: bound.address, port: bound.port });
  });
  return promise;
}

function closer(http1: Server, places: ListenerPlaces, anteroom: Anteroom): (graceMs: number) => Promise<void> {
  const closed = Promise.withResolvers<void>();
  return (graceMs) => {
    const cut = setTimeout(() => {
      for (const socket of places.sockets) socket.destroy();
    }, graceMs);
    // Closing closes the connections that are idle now; one that answers its last request later would be kept alive.
    const sweep = setInterval(() => http1.closeIdleConnections(), SWEEP_MS);
    http1.close(() => {
      clearTimeout(cut);
      clearInterval(sweep);
      places.end();
      closed.resolve();
    });
    anteroom.close();
    for (const session of places.sessions) session.close();
    // What has not said a word yet has nothing to finish.
    for (const socket of places.sockets) if (socket.bytesRead === 0) socket.destroy();
    return closed.promise;
  };
}
