/**
 * Coalesces checks of the leader's term in the store. A caller must not get the result of a check begun before it asked; so at most one
 * runs and one is queued, however many ask.
 */
export class SharedCheck<T> {
  readonly #check: () => Promise<T>;
  #running = false;
  #next: PromiseWithResolvers<T> | undefined;

  constructor(check: () => Promise<T>) {
    this.#check = check;
  }

  /** What a check finds that is begun after this call. Rejects as the check does. */
  begunFromNow(): Promise<T> {
    if (!this.#running) return this.#begin();
    this.#next ??= Promise.withResolvers();
    return this.#next.promise;
  }

  async #begin(): Promise<T> {
    this.#running = true;
    try {
      return await this.#check();
    } finally {
      // Here, before anybody hears of the end: whoever asks then must find the next one under way.
      const next = this.#next;
      this.#next = undefined;
      this.#running = false;
      next?.resolve(this.#begin());
    }
  }
}
