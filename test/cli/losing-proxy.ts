/** A TCP proxy that loses what one call was told: the connection ends before the answer, as if the network or a middlebox did it. */
import { connect, createServer, type Socket } from 'node:net';

export interface Loss {
  /** The connection's end: an orderly close, or a reset. */
  readonly how: 'fin' | 'rst';
  /** `before`: the request is lost. `after`: it got through, its answer is lost. `within`: so is all but the first bytes of the answer. */
  readonly when: 'before' | 'after' | 'within';
}

export interface LosingProxy {
  readonly address: string;
  /** Connections that lost something. */
  readonly lost: () => number;
  readonly close: () => Promise<void>;
}

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const DATA = 0;
/** Fewer than the header block of any answer. */
const BEGINNING_BYTES = 12;

/** Whether the bytes of a client, from the first on, have a message in them and not only settings and headers. Sizes differ by client. */
function carriesCall(bytes: Buffer): boolean {
  // A browser speaks HTTP/1.1 where there is no TLS, and may ask first what it may send.
  if (!bytes.toString('latin1').startsWith('PRI '))
    return /(?:^|\r\n)POST .*?\r\n\r\n./s.test(bytes.toString('latin1'));
  for (let at = PREFACE_BYTES; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    if (bytes[at + 3] === DATA) return true;
    at += FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
  }
  return false;
}

/** The first `times` connections that carry a call lose it. What comes later goes through. */
export async function losingProxy(target: string, loss: Loss, times = 1): Promise<LosingProxy> {
  let lost = 0;
  const sockets = new Set<Socket>();
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    let called = false;
    let over = false;
    let sent = Buffer.alloc(0);
    const end = (): void => {
      if (over) return;
      over = true;
      if (loss.how === 'rst') client.resetAndDestroy();
      else client.end();
      // The call that got through is answered to nobody.
      upstream.end();
    };
    client.on('data', (bytes) => {
      if (over) return;
      if (!called && lost < times) {
        sent = Buffer.concat([sent, bytes]);
        called = carriesCall(sent);
        if (called) lost += 1;
        if (called && loss.when === 'before') return end();
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (over) return;
      // An acknowledgement of settings is no answer.
      if (!called || bytes.length <= FRAME_HEADER_BYTES) return void client.write(bytes);
      if (loss.when === 'within') client.write(bytes.subarray(0, BEGINNING_BYTES));
      end();
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    lost: () => lost,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
