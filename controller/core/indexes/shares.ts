/**
 * Bounded room for things that many leave behind. Think of a shelf that is shared: while there is space, everybody may use it; when
 * there is none, whoever has most on it takes the oldest of his own down. So somebody who leaves much behind pushes out his own
 * things and nobody else's. Each step costs the same, however many share: owners stand sorted by how much they have, and adding or
 * taking one thing moves an owner by one place.
 */
import { present } from '../../../shared/assert.ts';

export interface SharesLimits {
  /** All owners together, as long as nobody has to go below `each`. */
  readonly total: number;
  /** What an owner keeps whatever the others do, if it has so much: the room grows with the number of owners. */
  readonly each: number;
}

export interface Dropped<T> {
  readonly owner: string;
  readonly item: T;
}

export class Shares<T> {
  readonly #limits: SharesLimits;
  /** Oldest first. */
  readonly #items = new Map<string, T[]>();
  readonly #ownersBySize = new Map<number, Set<string>>();
  #largest = 0;
  #size = 0;

  constructor(limits: SharesLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  has(owner: string): boolean {
    return this.#items.has(owner);
  }

  /** What an owner has, oldest first. */
  of(owner: string): readonly T[] {
    return this.#items.get(owner) ?? [];
  }

  *[Symbol.iterator](): Generator<T> {
    for (const items of this.#items.values()) yield* items;
  }

  /** Adds an owner's newest, and answers what had to go for it. `ownLimit`: of this owner alone, at least 1. Default: none. */
  add(owner: string, item: T, ownLimit = Number.POSITIVE_INFINITY): readonly Dropped<T>[] {
    const items = this.#items.get(owner) ?? [];
    this.#items.set(owner, items);
    items.push(item);
    this.#moved(owner, items.length - 1, items.length);
    const dropped: Dropped<T>[] = [];
    while (items.length > Math.max(1, ownLimit)) dropped.push(this.#dropOldest(owner, items));
    while (this.#size > this.#limits.total && this.#largest > this.#limits.each) dropped.push(this.#dropOfLargest());
    return dropped;
  }

  /** Takes away what an owner has of this kind. */
  dropWhere(owner: string, isOver: (item: T) => boolean): readonly T[] {
    const items = this.of(owner);
    const [over, kept] = [items.filter(isOver), items.filter((item) => !isOver(item))];
    if (over.length === 0) return [];
    this.#moved(owner, items.length, kept.length);
    if (kept.length === 0) this.#items.delete(owner);
    else this.#items.set(owner, kept);
    return over;
  }

  /** Gives what one owner has to another one, behind what that one has. */
  handOver(from: string, to: string): void {
    const items = this.#items.get(from);
    if (items === undefined || from === to) return;
    const taken = this.#items.get(to) ?? [];
    this.#items.set(to, taken);
    this.#moved(from, items.length, 0);
    this.#items.delete(from);
    taken.push(...items);
    this.#moved(to, taken.length - items.length, taken.length);
  }

  #dropOfLargest(): Dropped<T> {
    const [owner = ''] = this.#ownersBySize.get(this.#largest) ?? [];
    return this.#dropOldest(owner, this.#items.get(owner) ?? []);
  }

  #dropOldest(owner: string, items: T[]): Dropped<T> {
    const item = present(items.shift(), `${owner} has something that can be dropped`);
    this.#moved(owner, items.length + 1, items.length);
    if (items.length === 0) this.#items.delete(owner);
    return { owner, item };
  }

  /** An owner has now so many, after so many before. */
  #moved(owner: string, before: number, after: number): void {
    this.#size += after - before;
    const peers = this.#ownersBySize.get(before);
    peers?.delete(owner);
    if (peers?.size === 0) this.#ownersBySize.delete(before);
    if (after > 0) {
      const joined = this.#ownersBySize.get(after) ?? new Set();
      this.#ownersBySize.set(after, joined.add(owner));
      this.#largest = Math.max(this.#largest, after);
    }
    while (this.#largest > 0 && !this.#ownersBySize.has(this.#largest)) this.#largest -= 1;
  }
}
