/** The one source of time in a simulated world: what happens next, in an order that depends on the seed alone. */

/** Something that will happen. `act` is undefined once it happened or was cancelled. */
export interface Planned {
  readonly at: number;
  readonly order: number;
  act: (() => void) | undefined;
}

export class EventQueue {
  /** True time in milliseconds since the world began; no process sees it. */
  now = 0;
  /** Things that happened so far. */
  steps = 0;
  #order = 0;
  /** A binary heap by time, then by order of planning. */
  readonly #heap: Planned[] = [];
  /** What follows from the present step, before anything else. */
  readonly #following: (() => void)[] = [];

  at(time: number, act: () => void): Planned {
    this.#order += 1;
    const planned: Planned = { at: Math.max(time, this.now), order: this.#order, act };
    this.#heap.push(planned);
    this.#rise(this.#heap.length - 1);
    return planned;
  }

  after(ms: number, act: () => void): Planned {
    return this.at(this.now + ms, act);
  }

  /** Happens when the present step is over, before any other: what is a microtask in Node. */
  next(act: () => void): void {
    this.#following.push(act);
  }

  /** Lets everything happen that follows from what was done so far. */
  settle(): void {
    for (let act = this.#following.shift(); act !== undefined; act = this.#following.shift()) act();
  }

  cancel(planned: Planned | undefined): void {
    if (planned !== undefined) planned.act = undefined;
  }

  /** Lets everything happen up to a time; `isOver` is asked after each step. */
  runUntil(time: number, isOver: () => boolean): void {
    this.settle();
    while (this.doNext(time)) if (isOver()) return;
    this.skipTo(time);
  }

  /** Goes to the time of the next thing that is planned, if it is not after `time`, and does it. False: there is none. */
  doNext(time: number): boolean {
    const at = this.nextAt;
    if (at === undefined || at > time) return false;
    const act = this.#heap[0]?.act;
    this.#takeFirst();
    this.now = at;
    this.steps += 1;
    act?.();
    this.settle();
    return true;
  }

  /** When the next thing happens. */
  get nextAt(): number | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].act === undefined) this.#takeFirst();
    return this.#heap[0]?.at;
  }

  skipTo(time: number): void {
    this.now = Math.max(this.now, time);
  }

  #takeFirst(): void {
    const [first] = this.#heap;
    if (first !== undefined) first.act = undefined;
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(index: number): void {
    const heap = this.#heap;
    const item = heap[index];
    if (item === undefined) return;
    let at = index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = item;
  }

  #sink(): void {
    const heap = this.#heap;
    const item = heap[0];
    if (item === undefined) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, item)) break;
      heap[at] = child;
      at = child === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = item;
  }
}

const isBefore = (a: Planned, b: Planned): boolean => (a.at === b.at ? a.order < b.order : a.at < b.at);
