/** Connections that were taken from the kernel and are not read yet, by the queue of `connection-queue.ts`. */
import type { Server, Socket } from 'node:net';
import type { PaceOptions } from '../pace.ts';
import { peerNetwork } from './caller-address.ts';
import { ConnectionQueue, FLOOD_TURNS } from './connection-queue.ts';

/** To be called before it listens: its connections are not read before somebody asks for their bytes. */
export function leaveUnread(server: Server): void {
  // An option of net.createServer alone, and http has none for it.
  Object.assign(server, { pauseOnConnect: true });
}

export class Anteroom {
  readonly #queue: ConnectionQueue<Socket>;
  readonly #begin: (socket: Socket) => void;
  /** Somebody came since the last turn of the loop. */
  #cameOne = false;
  #isTurning = false;

  /** `begin` is called with each connection once, when it is to be read. */
  constructor(begin: (socket: Socket) => void, pace?: PaceOptions) {
    this.#begin = begin;
    this.#queue = new ConnectionQueue(pace);
  }

  /** Takes a new connection, which nobody has read. */
  take(socket: Socket): void {
    this.#cameOne = true;
    const network = peerNetwork(socket.remoteAddress ?? '');
    if (this.#queue.admit(socket, network, performance.now())) {
      this.#begin(socket);
      return;
    }
    socket.once('close', () => this.#queue.delete(socket, network));
    if (!this.#isTurning) this.#turnNext();
  }

  /** A connection of this network (`peerNetwork`) had to be ended, and cost more than its part. */
  flooded(network: string): void {
    this.#queue.charge(network, FLOOD_TURNS, performance.now());
  }

  #turnNext(): void {
    this.#isTurning = true;
    setImmediate(() => this.#onTurn());
  }

  #onTurn(): void {
    this.#isTurning = false;
    const next = this.#queue.next(performance.now(), !this.#cameOne);
    this.#cameOne = false;
    // The loop is kept turning: it takes at most one from the kernel each time, and none of those tells that it was the last.
    if (!this.#queue.isEmpty) this.#turnNext();
    if (next !== undefined) this.#begin(next);
  }
}
