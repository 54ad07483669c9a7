/** The story of a seed, for people. Nothing is put together unless somebody reads it: a red seed is simply run again. */
export class Trace {
  readonly on: boolean;
  readonly #keep: number;
  readonly #lines: string[] = [];
  #dropped = 0;

  /** `keep`: that many of the newest lines; 0: none, and `on` is false. */
  constructor(keep: number) {
    this.on = keep > 0;
    this.#keep = keep;
  }

  /** Call only when `on`, so that no text is made in vain. */
  say(now: number, who: string, what: string): void {
    this.#lines.push(`${(now / 1000).toFixed(3).padStart(9)}  ${who.padEnd(14)} ${what}`);
    // Trimmed rarely: shifting one line at a time would cost more than all the rest.
    if (this.#lines.length < 2 * this.#keep) return;
    this.#dropped += this.#lines.length - this.#keep;
    this.#lines.splice(0, this.#lines.length - this.#keep);
  }

  text(): string {
    const shown = this.#lines.slice(-this.#keep);
    const left = this.#dropped + this.#lines.length - shown.length;
    return [...(left > 0 ? [`… ${left} earlier lines`] : []), ...shown].join('\n');
  }
}

/** A value on one line, short enough to be read. */
export function brief(value: unknown, limit = 220): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Map ? [...inner] : inner)) ?? '';
  const bare = text.replaceAll('"', '');
  return bare.length <= limit ? bare : `${bare.slice(0, limit)}…`;
}
