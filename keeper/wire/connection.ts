/**
 * One agent at the other end of a socket. What waits to be sent is bounded: of an attempt only its newest form is kept, and an
 * agent that reads no answers is not asked for further requests.
 */
import type { Socket } from 'node:net';
import { FrameReader, writeFrame } from '../../shared/keeper/frames.ts';
import { type JsonObject, objectOf } from './proto-json.ts';

/** The JSON of a `locum.keeper.v1.AttachResponse`. */
export type Response = JsonObject;

/** Answers that may wait; past it no further request is read until the agent has read some. */
const MAX_WAITING = 64;

export interface ConnectionOwner {
  /** Takes the JSON of a `locum.keeper.v1.AttachRequest`. */
  take(request: JsonObject): void;
  /** It is over, by whoever's doing. Told once. */
  over(): void;
  /** The newest form of an attempt that has changed. Undefined: it is forgotten. */
  newest(key: string): Response | undefined;
}

export class Connection {
  readonly id: number;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #changed = new Set<string>();
  readonly #waiting: Response[] = [];
  #isFull = false;
  #isOver = false;

  /** `id` is higher than that of every connection before. */
  constructor(id: number, socket: Socket, owner: ConnectionOwner) {
    this.id = id;
    this.#socket = socket;
    this.#owner = owner;
    const reader = new FrameReader((request) => {
      if (!this.#isOver) owner.take(objectOf(request));
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.feed(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on('drain', () => {
      this.#isFull = false;
      this.#flush();
    });
    socket.on('error', () => this.#lose());
    socket.on('close', () => this.#lose());
  }

  /** Whether it was replaced, or has ended: nothing that comes from it counts any more, whenever it was sent. */
  get over(): boolean {
    return this.#isOver;
  }

  /** An attempt is not as the agent knows it. Sent before every answer that is given later. */
  announce(key: string): void {
    this.#changed.add(key);
    this.#flush();
  }

  send(response: Response): void {
    if (this.#isOver) return;
    this.#waiting.push(response);
    this.#flush();
    if (this.#waiting.length > MAX_WAITING) this.#socket.pause();
  }

  /** Ends it, with words for the other side's log. What was sent before still arrives, at an agent that reads. */
  end(reason: string | undefined): void {
    if (this.#isOver) return;
    if (reason !== undefined) this.#write({ replaced: { reason } });
    this.#socket.end();
    this.#lose();
    // One that is stopped reads nothing and would hold us for ever.
    setTimeout(() => this.#socket.destroy(), 500).unref();
  }

  #lose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#changed.clear();
    this.#waiting.length = 0;
    this.#owner.over();
  }

  #flush(): void {
    if (this.#isOver) return;
    for (const key of this.#changed) {
      if (this.#isFull) return;
      this.#changed.delete(key);
      const response = this.#owner.newest(key);
      if (response !== undefined) this.#write(response);
    }
    // Changes first, always; so one that changes again during a jam is told in its newest form only.
    while (!this.#isFull) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#write(next);
    }
    if (this.#waiting.length === 0 && this.#socket.isPaused()) this.#socket.resume();
  }

  #write(response: Response): void {
    this.#isFull = !writeFrame(this.#socket, response);
  }
}
