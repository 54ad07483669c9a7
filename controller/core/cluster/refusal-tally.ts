/** Which refusals the event log is told of: each kind once in a while with its count, few kinds apart, so that nobody fills the log. */
import { MINUTE } from '../../../shared/time.ts';

export const TELL_EACH_MS = 10 * MINUTE;
/** Told apart within that time; all others are one. */
export const APART = 16;
const OTHERS = '';

export interface ToTell {
  /** How often, since it was told of last. */
  readonly count: number;
  /** Of different kinds, for which there is no room. */
  readonly areOthers: boolean;
}

export class RefusalTally {
  readonly #kinds = new Map<string, { toldMono: number; untold: number }>();

  /** Undefined: the log knows of this kind, and is told of it later, should it come again. */
  add(kind: string, count: number, mono: number): ToTell | undefined {
    const key = this.#keyOf(kind, mono);
    const { toldMono, untold } = this.#kinds.get(key) ?? { toldMono: Number.NEGATIVE_INFINITY, untold: 0 };
    const all = untold + count;
    const isTime = mono >= toldMono + TELL_EACH_MS;
    this.#kinds.set(key, isTime ? { toldMono: mono, untold: 0 } : { toldMono, untold: all });
    return isTime ? { count: all, areOthers: key === OTHERS } : undefined;
  }

  #keyOf(kind: string, mono: number): string {
    if (this.#kinds.has(kind)) return kind;
    // Those of which nothing is untold, and that would be told anyway.
    for (const [key, { toldMono, untold }] of this.#kinds)
      if (key !== OTHERS && untold === 0 && mono >= toldMono + TELL_EACH_MS) this.#kinds.delete(key);
    const apart = this.#kinds.size - Number(this.#kinds.has(OTHERS));
    return apart < APART ? kind : OTHERS;
  }
}
