/** HTTP/2 of a listener: its sessions, each of which has bounds, and the requests that come by them. */
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { assert } from '../assert.ts';
import { errorCode } from '../caught-error.ts';
import type { Anteroom } from './anteroom.ts';
import { peerOfConnection, rememberPeer } from './caller.ts';
import { peerNetwork } from './caller-address.ts';
import type { HttpHandler } from './http-handler.ts';
import type { ListenerLimits } from './listener-limits.ts';
import type { ListenerPlaces } from './listener-places.ts';
import { endFloods, resetLimits } from './session-floods.ts';
import { keepPinging, type PingOptions } from './session-pings.ts';

export interface Http2SessionsOptions {
  readonly onRequest: HttpHandler;
  readonly limits: ListenerLimits;
  readonly pings: PingOptions;
  readonly places: ListenerPlaces;
  /** Is told of addresses whose sessions flood. */
  readonly anteroom: Anteroom;
}

/** What takes over connections on which HTTP/2 is spoken. */
export function http2Sessions(options: Http2SessionsOptions): (socket: Socket) => void {
  const { onRequest, limits, pings, places, anteroom } = options;
  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: limits.maxStreamsPerConnection, maxHeaderListSize: limits.maxHeaderBytes },
    // In megabytes, of one session.
    maxSessionMemory: 10,
    ...resetLimits,
  });
  // A broken session is the client's trouble and is closed by Node; without a listener it would be ours.
  http2.on('sessionError', () => undefined);
  http2.on('request', (request, response) => {
    limitSilence(request, limits.requestTimeoutMs);
    // What came a little later has been read then, too: of calls that are reset at once, none is begun.
    setImmediate(() => {
      if (!request.stream.closed && !request.stream.destroyed) onRequest(request, response);
    });
  });
  passOverReset(http2);
  return (socket) => {
    const network = peerNetwork(socket.remoteAddress ?? '');
    const flooded = (): void => anteroom.flooded(network);
    const onSession = (session: ServerHttp2Session): void => {
      places.addSession(socket, session);
      const peer = peerOfConnection(socket);
      if (peer !== undefined) rememberPeer(session, peer);
      keepPinging(session, pings);
      endFloods(session, flooded);
      // What nghttp2 will not have any more of.
      session.on('error', (error) => {
        if (errorCode(error) === 'ERR_HTTP2_ERROR') flooded();
      });
    };
    // The session is made within the event.
    http2.once('session', onSession);
    http2.emit('connection', socket);
    http2.off('session', onSession);
  };
}

/**
 * Keeps node:http2 from making a request and a response for a call that was reset by the time it is told of: that is most of what such a call
 * costs. It is told once the rest of what came with the head has been read. Not later: the end of an empty body is told right behind it.
 */
function passOverReset(http2: Http2Server): void {
  const [begin, ...more] = http2.listeners('stream');
  assert(begin !== undefined && more.length === 0, 'node:http2 has one stream listener of its own');
  http2.removeAllListeners('stream');
  http2.on('stream', (stream, ...head) => {
    // Nobody else listens to it, and an error that nobody listens to would end the process.
    if (stream.closed || stream.destroyed) stream.on('error', () => undefined);
    else begin.call(http2, stream, ...head);
  });
}

/** HTTP/2 has no request timeout in Node: a body that stops arriving would hold its stream for as long as its sender likes. */
function limitSilence(request: Http2ServerRequest, silenceMs: number): void {
  request.setTimeout(silenceMs, () => {
    if (!request.complete) request.stream.close(constants.NGHTTP2_CANCEL);
  });
  request.once('end', () => request.setTimeout(0));
}
