/** Virtual time: what is going to happen, in the order of its time, and of its planning where times are equal. */
import type { Now } from '../../../../shared/time.ts';

interface Planned {
  readonly atMono: number;
  readonly order: number;
  readonly act: () => void;
}

/** Wall time at the virtual start. */
export const START_WALL = Date.UTC(2026, 0, 1);

export class Agenda {
  #mono = 0;
  #order = 0;
  /** Next one last. */
  readonly #planned: Planned[] = [];

  /** What the wall clock of the controllers is ahead of the right time. */
  wallErrorMs = 0;

  get now(): Now {
    return { mono: this.#mono, wall: START_WALL + this.#mono + this.wallErrorMs };
  }

  /** Plans something; returns a function that cancels it. */
  plan(atMono: number, act: () => void): () => void {
    this.#order += 1;
    const planned = { atMono: Math.max(atMono, this.#mono), order: this.#order, act };
    let [low, high] = [0, this.#planned.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#planned[middle];
      if (other !== undefined && other.atMono > planned.atMono) low = middle + 1;
      else high = middle;
    }
    this.#planned.splice(low, 0, planned);
    return () => {
      const index = this.#planned.indexOf(planned);
      if (index >= 0) this.#planned.splice(index, 1);
    };
  }

  /** When the next thing happens. */
  get nextMono(): number | undefined {
    return this.#planned.at(-1)?.atMono;
  }

  /** Goes to a time and does one thing that is planned for it, or before. False: there is none. */
  doNext(untilMono: number): boolean {
    const next = this.#planned.at(-1);
    if (next === undefined || next.atMono > untilMono) return false;
    this.#planned.pop();
    this.#mono = next.atMono;
    next.act();
    return true;
  }

  skipTo(mono: number): void {
    this.#mono = Math.max(this.#mono, mono);
  }
}
