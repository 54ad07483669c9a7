/**
 * One budget of memory for all that waits for clients: bodies that are not whole, and answers that are not read. A peer may hold as much as
 * is still free, so one alone gets half, and whoever comes new finds room. When there is none, those go that have waited longest for a
 * client with as much as the one that asks; else the new one is refused. Pure.
 * Source: Choudhury, Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998.
 */
import { LocumError } from '../errors.ts';

export interface WaitingBudgetOptions {
  readonly limitBytes: number;
  /** What a call costs as long as it is under way: its head, its stream and its handler. Also what is held of small bodies and answers. */
  readonly callBytes: number;
  /** A client that has let us wait for so long makes room for others. */
  readonly patienceMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly mono: () => number;
}

/** What one call holds. After `close` nothing of it counts any more. */
export interface Holding {
  /** It holds so much now, and waits for its client. @throws LocumError OVERLOADED */
  hold(bytes: number): void;
  /** It holds no more than so much now, and waits for us. */
  ours(bytes: number): void;
  close(): void;
}

interface Held {
  readonly peer: string;
  readonly giveUp: () => void;
  bytes: number;
  isOpen: boolean;
}

export class WaitingBudget {
  readonly #options: WaitingBudgetOptions;
  readonly #perPeer = new Map<string, number>();
  /** Those that wait for their clients, and since when, longest first. */
  readonly #waiting = new Map<Held, number>();
  #heldBytes = 0;

  constructor(options: WaitingBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  ofPeer(peer: string): number {
    return this.#perPeer.get(peer) ?? 0;
  }

  /** `giveUp` ends the call, for the sake of others; it is closed already. @throws LocumError OVERLOADED */
  open(peer: string, giveUp: () => void): Holding {
    const held: Held = { peer, giveUp, bytes: 0, isOpen: true };
    const { callBytes, mono } = this.#options;
    this.#grow(held, callBytes);
    return {
      hold: (bytes) => {
        if (!held.isOpen) return;
        this.#grow(held, Math.max(callBytes, bytes));
        if (!this.#waiting.has(held)) this.#waiting.set(held, mono());
      },
      ours: (bytes) => {
        this.#waiting.delete(held);
        if (held.isOpen) this.#add(held, Math.min(0, Math.max(callBytes, bytes) - held.bytes));
      },
      close: () => this.#close(held),
    };
  }

  #grow(held: Held, bytes: number): void {
    const more = bytes - held.bytes;
    while (more > 0 && !this.#fits(held.peer, more)) {
      const longest = this.#longestWaiting(this.ofPeer(held.peer));
      if (longest !== undefined) this.#close(longest);
      longest?.giveUp();
      if (longest === undefined || longest === held) throw overBudget();
    }
    this.#add(held, more);
  }

  #fits(peer: string, more: number): boolean {
    return this.ofPeer(peer) + more <= this.#options.limitBytes - this.#heldBytes - more;
  }

  /** Of those whose patience is at its end, and whose peer has at least so much. */
  #longestWaiting(peerBytes: number): Held | undefined {
    const { mono, patienceMs } = this.#options;
    const latest = mono() - patienceMs;
    for (const [one, since] of this.#waiting) {
      if (since > latest) return undefined;
      if (this.ofPeer(one.peer) >= peerBytes) return one;
    }
    return undefined;
  }

  #close(held: Held): void {
    held.isOpen = false;
    this.#waiting.delete(held);
    this.#add(held, -held.bytes);
  }

  #add(held: Held, more: number): void {
    held.bytes += more;
    this.#heldBytes += more;
    const total = this.ofPeer(held.peer) + more;
    if (total > 0) this.#perPeer.set(held.peer, total);
    else this.#perPeer.delete(held.peer);
  }
}

function overBudget(): LocumError {
  const message = 'too much waits for clients that do not send or read on: repeat the call in a second';
  return new LocumError('OVERLOADED', message, { retryAfterMs: 1_000 });
}
