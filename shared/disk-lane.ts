/**
 * One thing at a time for a disk that may stall. Whatever waits for it waits a bounded time, and a disk that does not come back costs
 * one thread of the pool, however much is asked of it: what comes later is refused at once until it answers.
 */

/** The disk did not answer in time. What was asked may still happen. */
export class DiskStalledError extends Error {
  override readonly name = 'DiskStalledError';
}

/** Waiting for a turn. Reached by a disk that is slow, not stalled. */
const MAX_WAITING = 10_000;

export class DiskLane {
  readonly #name: string;
  readonly #limitMs: number;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #stalled = false;

  /** `limitMs`: how long anybody waits, from when it is asked. Infinity: who asks has all the time of the world. */
  constructor(name: string, limitMs: number) {
    this.#name = name;
    this.#limitMs = limitMs;
  }

  /** Something has been asked of the disk and is not answered. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** What was asked did not come back in time, and has not come back since. */
  get isStalled(): boolean {
    return this.#stalled;
  }

  /**
   * Rejects with DiskStalledError when it takes too long, or when something before it has not come back. What has not had its turn by
   * then is not done at all.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stalled || this.#waiting >= MAX_WAITING) return Promise.reject(this.#problem());
    this.#waiting += 1;
    const turn = this.#tail;
    const ended = Promise.withResolvers<void>();
    this.#tail = ended.promise;
    const answer = Promise.withResolvers<T>();
    let gaveUp = false;
    const timer = this.#timer(() => {
      gaveUp = true;
      this.#stalled = true;
      answer.reject(this.#problem());
    });
    const finish = (): void => {
      clearTimeout(timer);
      this.#waiting -= 1;
      // It answers again, whatever it says.
      this.#stalled = false;
      ended.resolve();
    };
    void turn.then(async () => {
      if (gaveUp) return finish();
      try {
        const value = await work();
        finish();
        answer.resolve(value);
      } catch (error) {
        finish();
        answer.reject(error);
      }
    });
    return answer.promise;
  }

  #timer(onLate: () => void): NodeJS.Timeout | undefined {
    return this.#limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(onLate, this.#limitMs);
  }

  #problem(): DiskStalledError {
    return new DiskStalledError(`the disk does not answer (${this.#name})`);
  }
}
