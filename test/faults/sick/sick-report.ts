/** What came out, as a table of sickness × mode over all rounds. */

export const MODES = ['alone', 'controller restart', 'network cut'] as const;
export type Mode = (typeof MODES)[number];

/** Of one host in one world. */
export interface Outcome {
  readonly sickness: string;
  readonly mode: Mode;
  /** Of STOP and HOLD policies. */
  readonly overlaps: string[];
  /** Policies whose process did not live through it, of those that were there. */
  readonly stopped: string[];
  /** From the end of the takeover wait to the first sign of life of the new process, in milliseconds. */
  readonly takeoversMs: number[];
  /** From the end of the sickness until the server is available. Undefined: it did not come back. */
  backMs?: number;
  readonly failures: string[];
  /** What could not be judged, and why. */
  readonly skipped: string[];
}

export const newOutcome = (sickness: string, mode: Mode): Outcome => ({
  ...{ sickness, mode, overlaps: [], stopped: [], takeoversMs: [], failures: [], skipped: [] },
});

const share = (sorted: readonly number[], part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? NaN;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Of takeovers, after the wait. */
function delays(takeoversMs: readonly number[]): string {
  const sorted = takeoversMs.toSorted((a, b) => a - b);
  if (sorted.length === 0) return 'none';
  const at = (part: number): string => `${Math.round(share(sorted, part))} ms`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
}

export class SickReport {
  readonly #outcomes: Outcome[] = [];
  readonly #skipped: string[] = [];

  add(outcomes: readonly Outcome[]): void {
    this.#outcomes.push(...outcomes);
  }

  skip(sickness: string, why: string): void {
    this.#skipped.push(`skipped: ${sickness}: ${why}`);
  }

  get isGood(): boolean {
    return this.#outcomes.every(({ overlaps, failures }) => overlaps.length === 0 && failures.length === 0);
  }

  lines(): readonly string[] {
    const rows = [...Map.groupBy(this.#outcomes, ({ sickness, mode }) => `${sickness}\0${mode}`).values()].map(rowOf);
    const takeovers = this.#outcomes.flatMap(({ takeoversMs }) => takeoversMs);
    const of = (key: 'overlaps' | 'failures' | 'skipped'): string[] =>
      this.#outcomes.flatMap((one) => one[key].map((line) => `${one.sickness}, ${one.mode}: ${line}`));
    return [
      ...aligned([['sickness', 'mode', 'rounds', 'overlaps', 'ended', 'takeover', 'back', ''], ...rows]),
      ...of('failures').map((line) => `failed: ${line}`),
      ...of('overlaps').map((line) => `overlap: ${line}`),
      ...this.#skipped,
      ...of('skipped').map((line) => `skipped: ${line}`),
      `sick hosts: ${this.#outcomes.length}, overlaps: ${of('overlaps').length}, failed: ${of('failures').length}`,
      `takeovers of sick hosts: ${takeovers.length}; after the takeover wait: ${delays(takeovers)}`,
    ];
  }
}

function rowOf(outcomes: readonly Outcome[]): string[] {
  const [{ sickness, mode } = { sickness: '', mode: '' }] = outcomes;
  const count = (key: 'overlaps' | 'failures'): number => outcomes.reduce((sum, one) => sum + one[key].length, 0);
  const stopped = outcomes.flatMap((one) => one.stopped);
  const backs = outcomes.map(({ backMs }) => backMs ?? Number.POSITIVE_INFINITY);
  const takeovers = outcomes.flatMap(({ takeoversMs }) => takeoversMs).toSorted((a, b) => a - b);
  const words = [...Map.groupBy(stopped, (one) => one)].map(([word, all]) => `${word} ${all.length}`).join(', ');
  const slowest = Math.max(...backs);
  return [
    ...[sickness, mode, String(outcomes.length), String(count('overlaps')), words === '' ? 'nothing' : words],
    takeovers.length === 0 ? '-' : `${Math.round(share(takeovers, 0.5))} to ${Math.round(share(takeovers, 1))} ms`,
    Number.isFinite(slowest) ? seconds(slowest) : 'no',
    count('overlaps') + count('failures') === 0 ? '' : 'FAILED',
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
