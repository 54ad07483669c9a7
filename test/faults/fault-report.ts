/** What was checked, what came out, and what could not be tried. */
export class FaultReport {
  readonly failures: string[] = [];
  readonly overlaps: string[] = [];
  readonly skipped: string[] = [];
  /** Milliseconds from the takeover wait's end to the start of the new process. */
  readonly takeoversMs: number[] = [];
  #checks = 0;
  #fault = '';

  begin(fault: string): void {
    this.#fault = fault;
  }

  check(what: string, ok: boolean, figures = ''): void {
    this.#checks += 1;
    if (ok) return;
    const line = `${this.#fault}: NOT ${what}${figures === '' ? '' : ` (${figures})`}`;
    this.failures.push(line);
    console.log(`  ${line}`);
  }

  /** For a fault, or a part of it, that this machine can't show or that is outside the promise. */
  skip(why: string): void {
    this.skipped.push(`${this.#fault}: ${why}`);
  }

  get isGood(): boolean {
    return this.failures.length === 0 && this.overlaps.length === 0;
  }

  /** Everything, as lines. */
  lines(): string[] {
    const sorted = this.takeoversMs.toSorted((a, b) => a - b);
    const at = (share: number): string => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? NaN)} ms`;
    const delays = `min ${at(1 / Math.max(1, sorted.length))}, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
    return [
      ...this.failures.map((line) => `failed: ${line}`),
      ...this.overlaps.map((line) => `overlap: ${line}`),
      ...this.skipped.map((line) => `skipped: ${line}`),
      `checks: ${this.#checks}, failed: ${this.failures.length}`,
      `overlaps: ${this.overlaps.length}`,
      `takeovers: ${sorted.length}; process started after the end of the takeover wait: ${sorted.length === 0 ? 'none' : delays}`,
      `skipped: ${this.skipped.length}`,
    ];
  }
}
