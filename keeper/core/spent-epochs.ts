/**
 * The epochs that can never run here again (semantics: A3): for each run the highest one seen, refused or stopped.
 *
 * Bounded: of runs not heard of for longest only a common floor is kept. Epochs come from one counter of the whole cluster, so a
 * start that the floor wrongly refuses would have to be older than the last `limit` runs of this server, and a refusal is safe.
 */
export class SpentEpochs {
  readonly #limit: number;
  /** In the order in which they were last spent. */
  readonly #highest = new Map<string, number>();
  #lowest = 0;
  #top = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  isSpent(run: string, epoch: number): boolean {
    return epoch <= (this.#highest.get(run) ?? this.#lowest);
  }

  spend(run: string, epoch: number): void {
    const earlier = this.#highest.get(run) ?? this.#lowest;
    this.#highest.delete(run);
    this.#highest.set(run, Math.max(earlier, epoch));
    this.#top = Math.max(this.#top, epoch);
    for (const [oldest, its] of this.#highest) {
      if (this.#highest.size <= this.#limit) return;
      this.#highest.delete(oldest);
      this.raiseFloor(its);
    }
  }

  /** Spends epochs up to this for every run that has no epoch of its own here. */
  raiseFloor(epoch: number): void {
    this.#lowest = Math.max(this.#lowest, epoch);
    this.#top = Math.max(this.#top, epoch);
  }

  get floor(): number {
    return this.#lowest;
  }

  /** The highest of all; 0: none was spent here. */
  get newest(): number {
    return this.#top;
  }

  /** Every run with its highest spent epoch, longest unheard first. */
  entries(): IterableIterator<[string, number]> {
    return this.#highest.entries();
  }
}
