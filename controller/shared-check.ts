/**
 * One check for all who wait for one. Whoever asks wants a check that is begun from now on: one that is under way may be too old, so
 * those who ask meanwhile share the next. However many ask, one check is under way and one is planned.
 */
export class SharedCheck<T> {
  readonly #check: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(check: () => Promise<T>) {
    this.#check = check;
  }

  /** What a check finds that is begun after this call. Rejects as the check does. */
  begunFromNow(): Promise<T> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<T>): Promise<T> {
    // What became of it is told to those who asked for it.
    await running.catch(() => undefined);
    this.#next = undefined;
    return this.#begin();
  }

  #begin(): Promise<T> {
    const running = this.#check().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
