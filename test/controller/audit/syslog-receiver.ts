/** A receiver of syslog on a stream: frames with their length in front, as RFC 6587 has them. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { present } from '../../../shared/assert.ts';

export class SyslogReceiver {
  readonly messages: string[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  /** At a path, or at a port of loopback. */
  async listen(at: string | number): Promise<void> {
    const server = createServer((socket) => this.#take(socket));
    this.#server = server;
    server.listen(typeof at === 'string' ? { path: at } : { port: at, host: '127.0.0.1' });
    await once(server, 'listening');
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** As one that crashes: what it has not read is lost. */
  async crash(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = present(this.#server, 'it listens');
    server.close();
    await once(server, 'close');
  }

  /** Numbers of the entries of CHANGES, as they came. */
  numbers(): number[] {
    return this.messages.map((message) => Number(/entry="audit\/changes\/(\d+)"/.exec(message)?.[1]));
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let rest = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      rest += text;
      for (let frame = /^(\d+) /.exec(rest); frame !== null; frame = /^(\d+) /.exec(rest)) {
        const [head, length] = [frame[0].length, Number(frame[1])];
        if (rest.length < head + length) return;
        this.messages.push(rest.slice(head, head + length));
        rest = rest.slice(head + length);
      }
    });
  }
}
