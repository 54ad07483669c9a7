/**
 * Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first three bytes of a connection: HTTP/2 begins with `PRI`, which is no
 * HTTP/1.1 method (RFC 9113, section 3.4). Without TLS there is no other way to serve both on one port.
 */
import type { Socket } from 'node:net';

const PREFACE_BYTES = 3;
/** TLS begins with a record that holds a handshake (RFC 8446, section 5.1); neither HTTP does. */
const TLS_HANDSHAKE = 22;

export interface ProtocolHandlers {
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}

/** Hands the socket on, unread, to one of the two; one that sends too little within `timeoutMs` is closed. */
export function peekProtocol(socket: Socket, timeoutMs: number, handlers: ProtocolHandlers): void {
  peek(socket, timeoutMs, (head) => handOn(socket, head, handlers));
}

export interface TlsOrPlain {
  readonly tls: (socket: Socket) => void;
  /** Takes the first bytes as well, which are still to be read. */
  readonly plain: (socket: Socket, head: Buffer) => void;
}

/** The same, for a port where TLS is wanted: whoever speaks none can be told so. */
export function peekTls(socket: Socket, timeoutMs: number, { tls, plain }: TlsOrPlain): void {
  peek(socket, timeoutMs, (head) => (head[0] === TLS_HANDSHAKE ? tls(socket) : plain(socket, head)));
}

/** By the first bytes, which are still to be read. */
export function handOn(socket: Socket, head: Buffer, handlers: ProtocolHandlers): void {
  const isHttp2 = head.toString('latin1') === 'PRI';
  // The http server leaves sockets half open when the client has ended; an HTTP/2 session would then stay for ever.
  if (isHttp2) socket.allowHalfOpen = false;
  (isHttp2 ? handlers.http2 : handlers.http1)(socket);
}

function peek(socket: Socket, timeoutMs: number, take: (head: Buffer) => void): void {
  const giveUp = (): void => {
    socket.destroy();
  };
  const onReadable = (): void => {
    const head: unknown = socket.read(PREFACE_BYTES);
    // Null means: fewer bytes so far. What comes at the end of a stream may be shorter, and is no protocol.
    if (!Buffer.isBuffer(head)) return;
    if (head.length < PREFACE_BYTES) {
      giveUp();
      return;
    }
    socket.off('readable', onReadable).off('timeout', giveUp).off('end', giveUp).off('error', giveUp);
    socket.setTimeout(0);
    socket.unshift(head);
    take(head);
  };
  socket.setTimeout(timeoutMs);
  socket.on('timeout', giveUp).on('end', giveUp).on('error', giveUp).on('readable', onReadable);
}
