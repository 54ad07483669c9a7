/** The connections of the listener for agents: who has a place, who opens streams over and over, and how to cut one. */
import type { Socket } from 'node:net';
import { peerName, peerNetwork } from '../../shared/rpc/caller-address.ts';
import { ConnectionTable, type PeerConnection } from '../../shared/rpc/connection-table.ts';
import type { RawCall } from './agent-stream.ts';

/** Streams of one connection in a window. An agent opens another one when its session has ended, after a wait that grows. */
const MAX_STREAMS = 50;
const WINDOW_MS = 10_000;
/** A connection that has to go gets this time for the last words on its streams. */
const LAST_WORDS_MS = 1_000;

class AgentConnection implements PeerConnection {
  readonly socket: Socket;
  readonly peer: string;
  #streams = 0;
  /** Undefined: it has not been begun, and can do nothing about it. */
  #idleSinceMono: number | undefined;
  #windowMono = 0;
  #begun = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.peer = peerNetwork(socket.remoteAddress ?? '');
  }

  get idleSinceMono(): number | undefined {
    return this.#streams === 0 ? this.#idleSinceMono : undefined;
  }

  begun(): void {
    this.#idleSinceMono = performance.now();
  }

  /** False: it has begun too many. */
  begin(call: RawCall): boolean {
    const now = performance.now();
    if (now - this.#windowMono > WINDOW_MS) {
      this.#windowMono = now;
      this.#begun = 0;
    }
    this.#begun += 1;
    if (this.#begun > MAX_STREAMS) return false;
    this.#streams += 1;
    call.once('close', () => {
      this.#streams -= 1;
      this.#idleSinceMono = performance.now();
    });
    return true;
  }
}

export class AgentConnections {
  readonly #table: ConnectionTable<AgentConnection>;
  /** By `address:port` of the other end. */
  readonly #byPeer = new Map<string, AgentConnection>();

  constructor(places: number) {
    this.#table = new ConnectionTable({ places, reserve: 0 });
  }

  /** False: there is no place for it, and it is closed. */
  add(socket: Socket): boolean {
    const connection = new AgentConnection(socket);
    const { place, evicted } = this.#table.admit(connection);
    evicted?.socket.destroy();
    if (place === 'reserve') {
      this.#table.delete(connection);
      socket.destroy();
      return false;
    }
    const key = peerName(socket);
    this.#byPeer.set(key, connection);
    socket.once('close', () => {
      this.#byPeer.delete(key);
      this.#table.delete(connection);
    });
    return true;
  }

  /** It is read from now on; before, it waits for its turn, and is not idle. */
  begun(socket: Socket): void {
    this.#byPeer.get(peerName(socket))?.begun();
  }

  /** A stream is opened. False: one too many, and its connection is cut. */
  begin(call: RawCall): boolean {
    const connection = this.#byPeer.get(call.getPeer());
    if (connection === undefined || connection.begin(call)) return true;
    connection.socket.destroy();
    return false;
  }

  /** Cuts it in a moment. */
  retire(peer: string): void {
    setTimeout(() => this.cut(peer), LAST_WORDS_MS).unref();
  }

  cut(peer: string): void {
    this.#byPeer.get(peer)?.socket.destroy();
  }

  cutAll(): void {
    for (const { socket } of this.#byPeer.values()) socket.destroy();
  }
}
