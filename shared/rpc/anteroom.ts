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

/** A connection that was begun is read in the turn after: then it has cost what it costs. */
const TURNS_OF_A_BEGINNING = 2;

export class Anteroom {
  readonly #queue: ConnectionQueue<Socket>;
  readonly #begin: (socket: Socket) => void;
  /** Somebody came since the last turn of the loop. */
  #cameOne = false;
  #isTurning = false;
  #isClosed = false;
  /** The last one that had waited: when it was begun, and how many turns ago. */
  #begunMono = 0;
  #turnsSince = 0;
  /** While others come, the next one is not begun before: they have as much of the thread as those who wait. */
  #restUntilMono = 0;

  /** `begin` is called with each connection once, when it is to be read. */
  constructor(begin: (socket: Socket) => void, pace?: PaceOptions) {
    this.#begin = begin;
    this.#queue = new ConnectionQueue(pace);
  }

  /** Takes a new connection, which nobody has read. */
  take(socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
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

  /** Ends what waits, and begins nothing any more. */
  close(): void {
    this.#isClosed = true;
    const now = performance.now();
    for (let next = this.#queue.next(now, true); next !== undefined; next = this.#queue.next(now, true)) next.destroy();
  }

  #turnNext(): void {
    this.#isTurning = true;
    setImmediate(() => this.#onTurn());
  }

  #onTurn(): void {
    this.#isTurning = false;
    const now = performance.now();
    this.#turnsSince += 1;
    if (this.#turnsSince === TURNS_OF_A_BEGINNING) this.#restUntilMono = now + (now - this.#begunMono);
    const isRested = this.#turnsSince >= TURNS_OF_A_BEGINNING && now >= this.#restUntilMono;
    const next = this.#queue.next(now, !this.#cameOne || isRested);
    this.#cameOne = false;
    // The loop is kept turning: it takes at most one from the kernel each time, and none of those tells that it was the last.
    if (!this.#queue.isEmpty) this.#turnNext();
    if (next === undefined) return;
    this.#begunMono = now;
    this.#turnsSince = 0;
    this.#begin(next);
  }
}
