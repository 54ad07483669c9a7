/** A value that is watched: whoever asks has it now, and whoever watches is told of each change. */
export class Watched<T> {
  #value: T;
  #changed = Promise.withResolvers<void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Setting what it is already tells nobody. */
  set(value: T): void {
    if (Object.is(this.#value, value)) return;
    this.#value = value;
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  /** The value now, then what it has become after each change, until the signal aborts. Of several changes a slow watcher sees the last. */
  async *values(signal: AbortSignal): AsyncGenerator<T, void, void> {
    const over = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => over.resolve(), { once: true });
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      yield this.#value;
      await Promise.race([changed, over.promise]);
    }
  }
}
