import { assert, present } from '../../../shared/assert.ts';

/** Width of a slot. Only bookkeeping is this coarse: deadlines inside a slot are exact. */
const SLOT_MS = 8;

interface Entry<K> {
  atMs: number;
  /** The slot the key sits in; never after the slot of `atMs`. */
  slot: Slot<K>;
}

interface Slot<K> {
  /** Number of the slot: it takes deadlines from `tick · SLOT_MS` on. */
  readonly tick: number;
  /** No key of this slot is due before. */
  lookAtMs: number;
  /** Also holds keys that were cancelled or placed in another slot since: their entry says so. */
  readonly keys: K[];
}

/**
 * Deadlines by key: a hashed timing wheel with lazy re-arming.
 *
 * Time is cut into slots of 8 ms, and a key sits in the slot of its deadline. When the deadline is put off, which every heartbeat does,
 * only its entry changes. When a slot comes up, each of its keys is handed out if it is due, and put into the slot of its present deadline
 * if not. So the work grows with the number of keys per threshold, not with the heartbeats. Slots are hashed by their number and exist
 * only while they hold keys, ordered by a heap of slots: deadlines days away and a clock that jumps cost nothing extra, and no levels are
 * needed. A plain heap of keys would pay its logarithm for each heartbeat, an array of slots a walk over empty ones.
 */
export class TimerWheel<K extends string | number> {
  readonly #entries = new Map<K, Entry<K>>();
  readonly #slots = new Map<number, Slot<K>>();
  readonly #heap = new SlotHeap<K>();
  /** Keys in all slots, those that sit there no more included. */
  #placed = 0;

  /** Number of keys with a deadline. */
  get size(): number {
    return this.#entries.size;
  }

  /** The deadline of a key. */
  at(key: K): number | undefined {
    return this.#entries.get(key)?.atMs;
  }

  /** Sets or moves the deadline of a key. Moving it later touches nothing but its entry. */
  set(key: K, atMs: number): void {
    assert(Number.isFinite(atMs), `deadline of ${key} is ${atMs}`);
    const entry = this.#entries.get(key);
    const tick = Math.floor(atMs / SLOT_MS);
    if (entry === undefined) {
      this.#entries.set(key, { atMs, slot: this.#place(key, atMs) });
      this.#sweep();
      return;
    }
    entry.atMs = atMs;
    if (tick < entry.slot.tick) {
      entry.slot = this.#place(key, atMs);
      this.#sweep();
    } else if (tick === entry.slot.tick && atMs < entry.slot.lookAtMs) {
      entry.slot.lookAtMs = atMs;
    }
  }

  /** Forgets a key. True if it had a deadline. */
  cancel(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** Takes out the keys whose deadline is at or before `nowMs`, by deadline, equal ones by key. */
  due(nowMs: number): K[] {
    const found: { readonly key: K; readonly atMs: number }[] = [];
    for (let slot = this.#heap.first; slot !== undefined && slot.lookAtMs <= nowMs; slot = this.#heap.first) {
      this.#heap.removeFirst();
      this.#slots.delete(slot.tick);
      this.#placed -= slot.keys.length;
      for (const key of slot.keys) {
        const entry = this.#entries.get(key);
        if (entry?.slot !== slot) continue;
        if (entry.atMs > nowMs) {
          entry.slot = this.#place(key, entry.atMs);
        } else {
          found.push({ key, atMs: entry.atMs });
          this.#entries.delete(key);
        }
      }
    }
    return found.sort((a, b) => a.atMs - b.atMs || (a.key < b.key ? -1 : 1)).map((one) => one.key);
  }

  /**
   * When to call `due` next: never after the next deadline. It can be before it, since a deadline that was put off or
   * cancelled is noticed only when its slot comes up; each such call brings it on. Undefined: there is no deadline.
   */
  nextAt(): number | undefined {
    return this.#entries.size === 0 ? undefined : this.#heap.first?.lookAtMs;
  }

  /** Puts a key into the slot of its deadline. */
  #place(key: K, atMs: number): Slot<K> {
    this.#placed += 1;
    const tick = Math.floor(atMs / SLOT_MS);
    const known = this.#slots.get(tick);
    if (known !== undefined) {
      known.keys.push(key);
      if (atMs < known.lookAtMs) known.lookAtMs = atMs;
      return known;
    }
    const slot: Slot<K> = { tick, lookAtMs: atMs, keys: [key] };
    this.#slots.set(tick, slot);
    this.#heap.add(slot);
    return slot;
  }

  /** Bounds what cancelled and hastened keys leave in far slots; its cost is spread over the calls that left it. */
  #sweep(): void {
    if (this.#placed <= 2 * this.#entries.size + 64) return;
    this.#slots.clear();
    this.#heap.clear();
    this.#placed = 0;
    for (const [key, entry] of this.#entries) entry.slot = this.#place(key, entry.atMs);
  }
}

/** Binary heap of slots, the lowest tick first. */
class SlotHeap<K> {
  readonly #slots: Slot<K>[] = [];

  get first(): Slot<K> | undefined {
    return this.#slots[0];
  }

  add(slot: Slot<K>): void {
    let hole = this.#slots.length;
    this.#slots.push(slot);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.#tickAt(parent) <= slot.tick) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#slots[hole] = slot;
  }

  removeFirst(): void {
    const last = this.#slots.pop();
    if (last === undefined || this.#slots.length === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (this.#tickAt(child + 1) < this.#tickAt(child)) child += 1;
      if (this.#tickAt(child) >= last.tick) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#slots[hole] = last;
  }

  clear(): void {
    this.#slots.length = 0;
  }

  #move(from: number, to: number): void {
    this.#slots[to] = present(this.#slots[from], 'heap index in range');
  }

  /** Past the end: later than all. */
  #tickAt(index: number): number {
    return this.#slots[index]?.tick ?? Number.POSITIVE_INFINITY;
  }
}
