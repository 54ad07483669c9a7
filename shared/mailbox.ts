/**
 * A bounded first-in, first-out queue between whoever has something to say and the one loop that listens. Full means "no", never
 * "wait" and never more memory: the sender decides what its refusal means. Pure.
 */
import { assert } from './assert.ts';

/** A bound in bytes, besides that in items. */
export interface ByteLimit<T> {
  readonly limitBytes: number;
  /** Says the same for an item as long as it waits. */
  readonly sizeOf: (item: T) => number;
}

export class Mailbox<T> {
  readonly #capacity: number;
  readonly #byteLimit: ByteLimit<T> | undefined;
  /** A ring: its length grows by doubling up to the capacity, so an idle mailbox is small. */
  #ring: (T | undefined)[] = [];
  #first = 0;
  #size = 0;
  #bytes = 0;
  #refused = 0;

  /** `capacity` is the number of items that it holds at most. `byteLimit`: none by default; an item alone is taken whatever its size. */
  constructor(capacity: number, byteLimit?: ByteLimit<T>) {
    assert(Number.isSafeInteger(capacity) && capacity > 0, `a mailbox holds at least one item, not ${capacity}`);
    this.#capacity = capacity;
    this.#byteLimit = byteLimit;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether at least half of the room is free, so that it is worth coming back. */
  get isHalfEmpty(): boolean {
    return this.#size <= this.#capacity / 2 && this.#bytes <= (this.#byteLimit?.limitBytes ?? 0) / 2;
  }

  /** Items that were refused so far; a number to watch. */
  get refused(): number {
    return this.#refused;
  }

  /** Adds an item at the end. False: full, and nothing was added. */
  push(item: T): boolean {
    const sizeBytes = this.#byteLimit?.sizeOf(item) ?? 0;
    if (this.#size === this.#capacity || !this.#hasRoomFor(sizeBytes)) {
      this.#refused += 1;
      return false;
    }
    this.#bytes += sizeBytes;
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#size) % this.#ring.length] = item;
    this.#size += 1;
    return true;
  }

  /** Takes the first item; undefined when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#first];
    // Otherwise the ring would keep a taken item from being freed.
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#ring.length;
    this.#size -= 1;
    if (item !== undefined) this.#bytes -= this.#byteLimit?.sizeOf(item) ?? 0;
    return item;
  }

  /** Takes up to `max` items, oldest first. A loop drains in portions, so that timers and sockets get their turn in between. */
  drain(max: number): T[] {
    const items: T[] = [];
    while (items.length < max && this.#size > 0) {
      const item = this.shift();
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  /** Drops everything, as a leader that steps down must; says how much it was. */
  clear(): number {
    const dropped = this.#size;
    this.#ring = [];
    this.#first = 0;
    this.#size = 0;
    this.#bytes = 0;
    return dropped;
  }

  #hasRoomFor(sizeBytes: number): boolean {
    const { limitBytes } = this.#byteLimit ?? { limitBytes: Number.POSITIVE_INFINITY };
    return this.#size === 0 || this.#bytes + sizeBytes <= limitBytes;
  }

  #grow(): void {
    const length = Math.min(this.#capacity, Math.max(16, this.#ring.length * 2));
    const next = new Array<T | undefined>(length);
    for (let i = 0; i < this.#size; i += 1) next[i] = this.#ring[(this.#first + i) % this.#ring.length];
    this.#ring = next;
    this.#first = 0;
  }
}
