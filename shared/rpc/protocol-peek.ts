/**
 * Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first three bytes of a connection: HTTP/2 begins with `PRI`, which is no
 * HTTP/1.1 method (RFC 9113, section 3.4). Without TLS there is no other way to serve both on one port.
 */
import type { Socket } from 'node:net';

const PREFACE_BYTES = 3;

export interface ProtocolHandlers {
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}

/** Hands the socket on, unread, to one of the two; one that sends too little within `timeoutMs` is closed. */
export function peekProtocol(socket: Socket, timeoutMs: number, handlers: ProtocolHandlers): void {
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
    const isHttp2 = head.toString('latin1') === 'PRI';
    // The http server leaves sockets half open when the client has ended; an HTTP/2 session would then stay for ever.
    if (isHttp2) socket.allowHalfOpen = false;
    (isHttp2 ? handlers.http2 : handlers.http1)(socket);
  };
  socket.setTimeout(timeoutMs);
  socket.on('timeout', giveUp).on('end', giveUp).on('error', giveUp).on('readable', onReadable);
}
