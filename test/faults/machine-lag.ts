/** How late this machine serves a timer: what is later than a bound by no more than this says nothing about Locum. */
const EVERY_MS = 20;

export class MachineLag {
  #worstMs = 0;
  #dueMs = performance.now() + EVERY_MS;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#worstMs = Math.max(this.#worstMs, now - this.#dueMs);
      this.#dueMs = now + EVERY_MS;
    }, EVERY_MS);
    this.#timer.unref();
  }

  /** Since the last `forget`. */
  get worstMs(): number {
    return Math.max(this.#worstMs, performance.now() - this.#dueMs);
  }

  forget(): void {
    this.#worstMs = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
