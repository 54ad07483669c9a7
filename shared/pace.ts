/**
 * How often, for each of many: so many at once, and from then on one each so often. As if each had a row of turns at fixed distances, of
 * which it may take a burst ahead of time: how far ahead it is is all that is remembered of it, and nothing once it is not. Pure.
 *
 * Source: the virtual scheduling form of the generic cell rate algorithm (ITU-T I.371).
 */

export interface PaceOptions {
  /** At once, of one that has not come for a while. */
  readonly burst: number;
  /** Then one more each so often, in milliseconds. */
  readonly everyMs: number;
}

export class Pace {
  readonly #options: PaceOptions;
  /** When all turns that were taken would have been taken one by one; of those that are ahead, who took one longest ago first. */
  readonly #until = new Map<string, number>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** How long until it may take a turn; 0: it may now. `nowMs`: of a monotonic clock, and never less than before. */
  waitMs(who: string, nowMs: number): number {
    const { burst, everyMs } = this.#options;
    const until = this.#until.get(who) ?? nowMs;
    return Math.max(0, until - nowMs - (burst - 1) * everyMs);
  }

  /** `turns`: what costs as much as so many. */
  take(who: string, nowMs: number, turns = 1): void {
    this.#forget(nowMs);
    const until = this.#until.get(who) ?? nowMs;
    this.#until.delete(who);
    this.#until.set(who, Math.max(until, nowMs) + turns * this.#options.everyMs);
  }

  /** It has taken one less. */
  giveBack(who: string): void {
    const until = this.#until.get(who);
    if (until !== undefined) this.#until.set(who, until - this.#options.everyMs);
  }

  /**
   * Who is remembered. Each turn that is taken keeps its own for `everyMs` more, so this is bounded by how fast turns are taken, and by
   * nothing that those say who take them.
   */
  get size(): number {
    return this.#until.size;
  }

  /** What is over and stands behind one that is not is forgotten a little later. */
  #forget(nowMs: number): void {
    for (const [who, until] of this.#until) {
      if (until > nowMs) return;
      this.#until.delete(who);
    }
  }
}
