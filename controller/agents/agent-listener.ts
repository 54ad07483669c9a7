/**
 * The listener for agents: grpc-js behind a socket server of our own, which counts connections, names the port that is in use, and
 * can cut the connection of a peer that does not let go.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { identityName } from '../../shared/access/identity.ts';
import { type AcceptedPeer, judgeAgain, type PeerRule } from '../../shared/access/peer-judge.ts';
import { assert } from '../../shared/assert.ts';
import { LocumError } from '../../shared/errors.ts';
import {
  AgentService,
  type RenewCertificateRequest,
  type RenewCertificateResponse,
  RenewCertificateResponseSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { Anteroom } from '../../shared/rpc/anteroom.ts';
import { networkOfPeer, peerName } from '../../shared/rpc/caller-address.ts';
import { listenerOptions } from '../../shared/rpc/channel-options.ts';
import { serviceDefinition } from '../../shared/rpc/grpc-js-binding.ts';
import { toGrpcError } from '../../shared/rpc/grpc-status.ts';
import type { HealthTable } from '../../shared/rpc/health.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { ACCEPT_BACKLOG } from '../../shared/rpc/listener-limits.ts';
import { spokePlain, tlsRequired } from '../../shared/rpc/plain-caller.ts';
import { peekTls } from '../../shared/rpc/protocol-peek.ts';
import { openTlsDoor, type TlsDoor, type TurnedAway } from '../../shared/rpc/tls-door.ts';
import type { TlsIdentity } from '../../shared/rpc/tls-identity.ts';
import { AgentConnections } from './agent-connections.ts';
import type { RawCall } from './agent-stream.ts';
import { addHealthService } from './health-service.ts';

export interface AgentListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Takes each call of Connect, with who its certificate says it is; undefined: without TLS. */
  readonly onConnect: (call: RawCall, peer: AcceptedPeer | undefined) => void;
  /** Answers RenewCertificate; rejects with LocumError. Default: nobody's is renewed. */
  readonly renew?: (
    request: RenewCertificateRequest,
    peer: AcceptedPeer | undefined,
  ) => Promise<MessageInitShape<typeof RenewCertificateResponseSchema>>;
  readonly health: HealthTable;
  /**
   * Connections at once. One more takes the place of one that has no stream, or of one of a peer with more than its share, or is closed.
   * Default 25,000.
   */
  readonly maxConnections?: number;
  /** A connection without a stream for so long is closed, with GOAWAY: agents have one all the time. Default: a minute. */
  readonly idleMs?: number;
  /** TLS, for servers with a certificate of this cluster only. Default: plaintext, and whoever connects is who he says. */
  readonly tls?: AgentListenerTls | undefined;
}

export interface AgentListenerTls {
  readonly identity: TlsIdentity;
  readonly rule: () => PeerRule;
  /** Is told of peers that are not let in. */
  readonly refused: (refused: TurnedAway) => void;
}

export interface AgentListener {
  /** The bound address, such as `127.0.0.1`. */
  readonly address: string;
  readonly port: number;
  /**
   * Retires the connections of peers for whose certificate none of our roots stands any more, and tells which these are (`address:port`), so that
   * their streams can be ended with a reason. To be called about once a second; a part of them each time.
   */
  readonly retireFallen: () => readonly string[];
  /** Cuts the connection with this peer, `address:port`. */
  readonly cut: (peer: string) => void;
  /** Takes no new connections, lets calls end for up to `graceMs`, then cuts what is left. Resolves when all are closed. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** @throws ListenError when the address can't be bound. */
export async function startAgentListener(options: AgentListenerOptions): Promise<AgentListener> {
  const server = makeServer(options);
  const connections = new AgentConnections(options.maxConnections ?? 25_000);
  const accepted = new Map<string, Accepted>();
  const serve = (socket: Socket): void => injector.injectConnection(socket);
  const door = options.tls && doorOf(options.tls, accepted, serve);
  /** Who speaks no TLS where it is wanted. */
  const plain = new Set<string>();
  const servePlain = (socket: Socket): void => {
    const peer = peerName(socket);
    plain.add(peer);
    socket.once('close', () => plain.delete(peer));
    options.tls?.refused(spokePlain(peer));
    serve(socket);
  };
  /** A root may have gone a moment ago. Then nothing is begun: whoever dials anew is told why. */
  const isCut = (peer: string): boolean => {
    const found = accepted.get(peer);
    if (found === undefined || door?.trusted.isTrusted(found.secured) === true) return false;
    connections.cut(peer);
    return true;
  };
  const admitted = (name: string) => judgedNow(options.tls, name, accepted.get(name)?.peer);
  addAgentService(server, {
    connect: (call) => {
      const peer = call.getPeer();
      try {
        if (plain.has(peer)) throw tlsRequired();
        if (!connections.begin(call)) anteroom.flooded(networkOfPeer(peer));
        else if (!isCut(peer)) options.onConnect(call, admitted(peer));
      } catch (error) {
        // grpc-js makes the status of the call from what is emitted here.
        call.emit('error', toGrpcError(error));
      }
    },
    renew: (call, answer) => {
      const { renew = noRenewal } = options;
      const peer = call.getPeer();
      if (plain.has(peer)) return answer(toGrpcError(tlsRequired()));
      if (isCut(peer)) return;
      const renewed = async () => renew(call.request, admitted(peer));
      renewed().then(
        (response) => answer(null, create(RenewCertificateResponseSchema, response)),
        (error: unknown) => answer(toGrpcError(error)),
      );
    },
  });
  addHealthService(server, options.health);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const anteroom = new Anteroom((socket) => {
    connections.begun(socket);
    if (door === undefined) serve(socket.resume());
    else peekTls(socket, FIRST_BYTE_MS, { tls: door.take, plain: servePlain });
  });
  const tcp = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    if (connections.add(socket)) anteroom.take(socket);
  });
  const { address, port } = await bind(tcp, options.host, options.port);

  const close = (graceMs: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cutAll = setTimeout(() => connections.cutAll(), graceMs);
    tcp.close(() => {
      clearTimeout(cutAll);
      // Sessions are closed by now; this releases grpc-js's own timers.
      server.forceShutdown();
      resolve();
    });
    anteroom.close();
    // Sends GOAWAY: connections close as soon as their calls have ended.
    injector.destroy();
    return promise;
  };
  const retireFallen = (): readonly string[] => {
    const fallen = door?.trusted.fallen().map(peerName) ?? [];
    for (const peer of fallen) connections.retire(peer);
    return fallen;
  };
  return { address, port, close, retireFallen, cut: (peer) => connections.cut(peer) };
}

function makeServer(options: AgentListenerOptions): grpc.Server {
  // grpc-js writes to standard error by itself, about things that are answers here.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  return new grpc.Server({
    ...listenerOptions,
    'grpc.enable_channelz': 0,
    'grpc.max_connection_idle_ms': options.idleMs ?? 60_000,
  });
}

/** A connection may last longer than its certificate: each new call is judged by its own time. Streams that are open go on. @throws LocumError */
function judgedNow(
  tls: AgentListenerTls | undefined,
  name: string,
  peer: AcceptedPeer | undefined,
): AcceptedPeer | undefined {
  const verdict = peer && tls && judgeAgain(peer, tls.rule(), Date.now());
  if (peer === undefined || verdict?.kind !== 'refused') return peer;
  const { reason, message } = verdict;
  tls?.refused({ peer: name, reason, message, certificate: identityName(peer.identity) });
  throw new LocumError('UNAUTHENTICATED', message);
}

interface Accepted {
  readonly peer: AcceptedPeer;
  readonly secured: TLSSocket;
}

function doorOf(tls: AgentListenerTls, accepted: Map<string, Accepted>, serve: (secured: Socket) => void): TlsDoor {
  return openTlsDoor({
    identity: tls.identity,
    rule: tls.rule,
    protocols: ['h2'],
    owner: {
      refused: (refused) => tls.refused(refused),
      admitted: (secured, peer, raw) => {
        const name = peerName(raw);
        if (peer !== undefined) accepted.set(name, { peer, secured });
        raw.once('close', () => accepted.delete(name));
        serve(secured);
      },
    },
  });
}

/** Time for the first byte, which says whether it is TLS. */
const FIRST_BYTE_MS = 5_000;

const noRenewal = (): Promise<never> =>
  Promise.reject(new LocumError('NO_AUTHORITY', 'this controller renews no certificates'));

interface Handlers {
  /** With bytes in both directions; AgentStream decodes and encodes. */
  readonly connect: (call: RawCall) => void;
  readonly renew: grpc.handleUnaryCall<RenewCertificateRequest, RenewCertificateResponse>;
}

function addAgentService(server: grpc.Server, { connect, renew }: Handlers): void {
  const { connect: stream, renewCertificate } = serviceDefinition(AgentService);
  assert(stream !== undefined && renewCertificate !== undefined, 'AgentService has both methods');
  const bytes = (buffer: Buffer): Buffer => buffer;
  const raw = { ...stream, requestDeserialize: bytes, responseSerialize: bytes };
  server.addService({ connect: raw, renewCertificate }, { connect, renewCertificate: renew });
}

function bind(tcp: Server, host: string, port: number): Promise<{ address: string; port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ address: string; port: number }>();
  tcp.once('error', (error) => reject(listenError(error, host, port)));
  tcp.listen({ host, port, backlog: ACCEPT_BACKLOG }, () => {
    const bound = tcp.address();
    assert(bound !== null && typeof bound === 'object', 'a TCP listener has an address');
    resolve({ address: bound.address, port: bound.port });
  });
  return promise;
}
