/**
 * The audit for a syslog receiver. No receiver says what it has, so each entry is sent at least once: what was written to a connection that
 * then broke is sent again on the next one. Over UDP a lost packet stays lost; the numbers show it.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import type { AuditEntry } from '../../shared/access/audit-chain.ts';
import { type AuditPosition, positionAfter } from './audit-position.ts';
import type { AuditSink } from './audit-sink.ts';
import type { PositionStore } from './position-file.ts';
import type { SyslogAddress } from './syslog-address.ts';
import { framed, syslogMessage } from './syslog-message.ts';

/** What of a connection that broke may not have arrived. */
const SENT_AGAIN = 200;
const CONNECT_MS = 5_000;

export class SyslogSink implements AuditSink {
  readonly name: string;
  readonly everywhere = false;
  readonly #wire: Wire;
  readonly #position: PositionStore;
  #reached: AuditPosition | undefined;
  #sent: readonly AuditEntry[] = [];

  constructor(address: SyslogAddress, position: PositionStore) {
    const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
    this.name = `syslog ${address.kind}:${where}`;
    this.#position = position;
    this.#wire = address.kind === 'udp' ? new UdpWire(address) : new StreamWire(address);
  }

  async begin(): Promise<AuditPosition> {
    this.#reached ??= await this.#position.read();
    return this.#reached;
  }

  async write(entries: readonly AuditEntry[]): Promise<void> {
    const again = this.#wire.broke ? this.#sent : [];
    const due = [...again, ...entries];
    if (due.length === 0) return;
    const sender = { host: hostname(), pid: process.pid };
    await this.#wire.send(due.map((entry) => syslogMessage(entry, sender)));
    this.#sent = [...this.#sent, ...entries].slice(-SENT_AGAIN);
    if (entries.length === 0) return;
    this.#reached = positionAfter(await this.begin(), entries);
    await this.#position.write(this.#reached);
  }
}

interface Wire {
  /** The last connection ended, and what was sent on it may not have arrived. */
  readonly broke: boolean;
  /** Resolves when the system has taken all of it. */
  send(messages: readonly string[]): Promise<void>;
}

class UdpWire implements Wire {
  readonly broke = false;
  readonly #address: { readonly host: string; readonly port: number };

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address;
  }

  async send(messages: readonly string[]): Promise<void> {
    const { host, port } = this.#address;
    const socket: UdpSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    try {
      for (const message of messages) {
        await new Promise<void>((resolve, reject) =>
          socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error))),
        );
      }
    } finally {
      socket.close();
    }
  }
}

class StreamWire implements Wire {
  readonly #address: SyslogAddress;
  #socket: Socket | undefined;
  #broke = false;

  constructor(address: SyslogAddress) {
    this.#address = address;
  }

  get broke(): boolean {
    // One that ended a moment ago has not said so yet.
    if (this.#socket?.writable === false) this.#drop();
    return this.#broke;
  }

  async send(messages: readonly string[]): Promise<void> {
    const socket = this.#socket ?? (await this.#connect());
    await written(socket, messages.map(framed).join(''));
    this.#broke = false;
  }

  #drop(): void {
    this.#socket = undefined;
    this.#broke = true;
  }

  async #connect(): Promise<Socket> {
    const socket = connect(
      this.#address.kind === 'unix'
        ? { path: this.#address.path }
        : { host: this.#address.host, port: this.#address.port, keepAlive: true },
    );
    socket.unref();
    socket.once('close', () => {
      if (this.#socket === socket) this.#drop();
    });
    // Receivers say nothing; that they closed shows only to who reads.
    socket.resume();
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    // From here on what goes wrong closes it, which is looked at above.
    socket.on('error', () => {});
    this.#socket = socket;
    return socket;
  }
}

/** Resolves when the system has taken it. A connection that ends never answers a write that waits. */
function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the receiver closed the connection'));
    socket.once('close', ended);
    socket.write(text, (error) => {
      socket.off('close', ended);
      if (error) reject(error);
      else resolve();
    });
  });
}
