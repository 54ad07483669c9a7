/** How often the same is said in a log: what strangers do, they can do a million times. Pure. */

export interface LogAllowanceOptions {
  /** Lines about one subject in a window. */
  readonly lines: number;
  readonly windowMs: number;
  /** Subjects at once; all further ones share one allowance. */
  readonly subjects: number;
}

/** Ten lines a minute about each of a thousand. */
export const defaultLogAllowance: LogAllowanceOptions = { lines: 10, windowMs: 60_000, subjects: 1_000 };

const ALL_OTHERS = '';

export class LogAllowance {
  readonly #options: LogAllowanceOptions;
  /** Lines that were wanted, those that were not said among them. */
  readonly #wanted = new Map<string, number>();
  #sinceMono = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(options: LogAllowanceOptions = defaultLogAllowance) {
    this.#options = options;
  }

  /**
   * Undefined: say nothing. Else how many lines were not said in the window before, which is said with this one. `nowMono`: milliseconds of
   * a monotonic clock.
   */
  take(subject: string, nowMono: number): { readonly unsaid: number } | undefined {
    const { lines, windowMs, subjects } = this.#options;
    let unsaid = 0;
    if (nowMono - this.#sinceMono >= windowMs) {
      unsaid = this.#unsaid;
      this.#sinceMono = nowMono;
      this.#unsaid = 0;
      this.#wanted.clear();
    }
    const key = this.#wanted.has(subject) || this.#wanted.size < subjects ? subject : ALL_OTHERS;
    const wanted = (this.#wanted.get(key) ?? 0) + 1;
    this.#wanted.set(key, wanted);
    if (wanted <= lines) return { unsaid };
    this.#unsaid += 1;
    return undefined;
  }
}
