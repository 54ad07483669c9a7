/**
 * Messages on the socket between agent and keeper: each is its length, four bytes, and then the JSON of its proto. A whole HTTP/2 for
 * one stream between two processes of a host, and a library that reads protos by their descriptors, cost half of the keeper's memory.
 */
import type { Socket } from 'node:net';

/** Largest message, in both directions: the whole table is one. */
export const FRAME_LIMIT_BYTES = 32 * 1024 * 1024;

const HEADER_BYTES = 4;

/** Answers whether the socket takes more for now. */
export function writeFrame(socket: Socket, json: object): boolean {
  const body = Buffer.from(JSON.stringify(json));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length);
  socket.cork();
  socket.write(header);
  const takesMore = socket.write(body);
  socket.uncork();
  return takesMore;
}

/** Puts messages together again. Feed it what arrives; it calls for each message that is whole. */
export class FrameReader {
  readonly #onMessage: (json: unknown) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the frame that is coming. Undefined: its header is not whole. */
  #length: number | undefined;

  constructor(onMessage: (json: unknown) => void) {
    this.#onMessage = onMessage;
  }

  /** @throws when a frame is too large or no message: then nothing that follows can be understood either. */
  feed(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (;;) {
      if (this.#length === undefined) {
        if (this.#bytes < HEADER_BYTES) return;
        this.#length = this.#take(HEADER_BYTES).readUInt32BE();
        if (this.#length > FRAME_LIMIT_BYTES) throw new Error(`a message of ${this.#length} bytes is too large`);
      }
      if (this.#bytes < this.#length) return;
      const body = this.#take(this.#length);
      this.#length = undefined;
      this.#onMessage(JSON.parse(body.toString()));
    }
  }

  #take(length: number): Buffer {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    this.#bytes -= length;
    return all.subarray(0, length);
  }
}
