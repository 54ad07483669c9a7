/**
 * What waits to be sent on one agent stream. grpc-js buffers without a bound and says only "full" or "drained"; so it is given a
 * few messages at a time and the rest waits here, counted in bytes and messages.
 */

export interface OutboxLimits {
  readonly limitBytes: number;
  readonly maxMessages: number;
}

/** Room for the starts of a few thousand runs that fail over to one server at once, or for sixteen of the largest messages. */
export const defaultOutboxLimits: OutboxLimits = { limitBytes: 4 * 1024 * 1024, maxMessages: 20_000 };

/** A stream that can be written to. `write` answers false when it wants no more until `onDrain` is called. */
export interface Sink {
  write(bytes: Buffer): boolean;
  /** Messages that it was given and has not handed on. */
  readonly writableLength: number;
}

export class Outbox {
  readonly #sink: Sink;
  readonly #limits: OutboxLimits;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #blocked = false;
  #written = 0;
  /** Messages that the sink had handed on when the stream last moved, and when that was. */
  #movedCount = -1;
  #movedMono = 0;

  constructor(sink: Sink, limits: OutboxLimits = defaultOutboxLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whether nothing that can wait should be added now. */
  get isCongested(): boolean {
    return this.#blocked;
  }

  /** Sends in order. False: the bound is reached and the message was not taken; the stream must be given up. */
  send(bytes: Buffer): boolean {
    if (!this.#blocked) {
      this.#write(bytes);
      return true;
    }
    const { limitBytes, maxMessages } = this.#limits;
    if (this.#waiting.length >= maxMessages || this.#waitingBytes + bytes.length > limitBytes) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    return true;
  }

  /** The sink has room again. */
  onDrain(): void {
    this.#blocked = false;
    let sent = 0;
    for (const bytes of this.#waiting) {
      if (this.#blocked) break;
      this.#write(bytes);
      this.#waitingBytes -= bytes.length;
      sent += 1;
    }
    this.#waiting.splice(0, sent);
  }

  /** How long messages have been waiting without a single one going out; 0 when none waits. To be called about once a second. */
  stuckMs(nowMono: number): number {
    const pending = this.#sink.writableLength;
    const moved = this.#written - pending;
    if (pending === 0 || moved !== this.#movedCount) {
      this.#movedCount = moved;
      this.#movedMono = nowMono;
      return 0;
    }
    return nowMono - this.#movedMono;
  }

  #write(bytes: Buffer): void {
    this.#written += 1;
    this.#blocked = !this.#sink.write(bytes);
  }
}
