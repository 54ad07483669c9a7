/**
 * In which order connections are begun. Taking one from the kernel costs little, reading it may cost a hundred times as much, and libuv takes one
 * in each turn of its loop: where every connection is read as it is taken, whoever connects without a pause makes everybody wait behind all of
 * his. So an address has a few at once and a pace; what is beyond waits unread in a queue of its own until a turn in which nobody comes.
 * Nothing stands still while somebody waits. Pure.
 * Source: fair queueing, a queue for each source (Nagle, "On Packet Switches with Infinite Storage", RFC 970).
 */
import { Pace, type PaceOptions } from '../pace.ts';

/** What one address may begin before all others; what a connection costs beyond its beginning is charged in turns as well. */
export const defaultConnectionPace: PaceOptions = { burst: 50, everyMs: 5 };

/** As many as what a session cost that had to be ended: 10 ms of a processor, beside a quarter of one for an ordinary connection. */
export const FLOOD_TURNS = 40;

export class ConnectionQueue<Connection> {
  readonly #pace: Pace;
  /** Oldest first; the address whose turn was longest ago first. No queue is empty. */
  readonly #waiting = new Map<string, Set<Connection>>();

  constructor(pace: PaceOptions = defaultConnectionPace) {
    this.#pace = new Pace(pace);
  }

  /** Whether some wait. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** True: it is begun at once. `nowMs`: of a monotonic clock, here and below. */
  admit(connection: Connection, address: string, nowMs: number): boolean {
    const before = this.#waiting.get(address);
    if (before === undefined && this.#pace.waitMs(address, nowMs) === 0) {
      this.#pace.take(address, nowMs);
      return true;
    }
    if (before === undefined) this.#waiting.set(address, new Set([connection]));
    else before.add(connection);
    return false;
  }

  /** The next one to begin. `isQuiet`: nobody new has come, so it may be one of an address that is ahead of its pace. */
  next(nowMs: number, isQuiet: boolean): Connection | undefined {
    for (const [address, queue] of this.#waiting) {
      if (!isQuiet && this.#pace.waitMs(address, nowMs) > 0) continue;
      const [connection] = queue;
      this.#waiting.delete(address);
      if (connection === undefined) continue;
      queue.delete(connection);
      if (queue.size > 0) this.#waiting.set(address, queue);
      // A turn that nobody else wanted costs nothing.
      if (this.#pace.waitMs(address, nowMs) === 0) this.#pace.take(address, nowMs);
      return connection;
    }
    return undefined;
  }

  /** One of this address cost as much as so many. An address that is ahead of its pace already goes no further ahead: it is last by that. */
  charge(address: string, turns: number, nowMs: number): void {
    if (this.#pace.waitMs(address, nowMs) === 0) this.#pace.take(address, nowMs, turns);
  }

  /** It is closed. */
  delete(connection: Connection, address: string): void {
    const queue = this.#waiting.get(address);
    if (queue?.delete(connection) && queue.size === 0) this.#waiting.delete(address);
  }
}
