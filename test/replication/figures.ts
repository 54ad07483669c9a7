/** What a run of the suite measured, printed at its end. */

export class Figures {
  readonly #spans = new Map<string, number[]>();
  readonly #counts = new Map<string, number>();

  span(name: string, ms: number): void {
    this.#spans.set(name, [...(this.#spans.get(name) ?? []), Math.round(ms)]);
  }

  count(name: string, n: number): void {
    this.#counts.set(name, n);
  }

  /** The middle one of what was measured. */
  median(name: string): number {
    const sorted = [...(this.#spans.get(name) ?? [])].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  }

  print(title: string): void {
    const spans = Array.from(
      this.#spans,
      ([name, all]) => `  ${name}: p50 ${this.median(name)} ms of ${all.join(', ')}`,
    );
    const counts = Array.from(this.#counts, ([name, n]) => `  ${name}: ${n}`);
    console.log([title, ...counts, ...spans].join('\n'));
  }
}
