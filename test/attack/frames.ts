/** Frames of HTTP/2 by hand, for clients that no library would be. Sources: RFC 9113; RFC 7541, section 6.2.2 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const FLAG = { NONE: 0, END_STREAM: 1, END_HEADERS: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function fourBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const hpackText = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

/** The head of a call; no text may be longer than 126 characters. */
export function callHead(path: string, contentType = 'application/json'): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'localhost',
    'content-type': contentType,
  };
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), hpackText(name), hpackText(value)]),
  );
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A connection that has opened HTTP/2, reads what it is sent and throws it away. `from`: an address of loopback to come from. */
export async function openHttp2(port: number, from = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, localAddress: from });
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(Buffer.concat([PREFACE, frame(FRAME.SETTINGS, FLAG.NONE, 0)]));
  return socket;
}

/** Not `once` of node:events, which rejects at an error before it. */
export const closeOf = (socket: Duplex): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

/** Sends `make(0)`, `make(1)`, … up to `limit` or until the other side has had enough; how many went out. */
export async function flood(socket: Socket, limit: number, make: (i: number) => Buffer): Promise<number> {
  const AT_ONCE = 50;
  let sent = 0;
  const closed = closeOf(socket);
  while (sent < limit && !socket.destroyed) {
    const parts = Array.from({ length: AT_ONCE }, (_, i) => make(sent + i));
    const isTaken = socket.write(Buffer.concat(parts));
    sent += AT_ONCE;
    if (!isTaken) await Promise.race([once(socket, 'drain').catch(() => undefined), closed]);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return sent;
}
