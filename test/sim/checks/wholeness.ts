/**
 * A commit is whole: whoever reads the store sees all of it or none. Beside the store stands what it should hold, changed at one moment
 * for each commit; leaders that load, and followers that look now and then, must find exactly that.
 */
import type { EventQueue } from '../event-queue.ts';
import type { Encoded, SimWrite } from '../store.ts';
import type { Verdict } from '../violation.ts';

export class Wholeness {
  readonly #queue: EventQueue;
  readonly #verdict: Verdict;
  #expected = new Map<string, Encoded>();

  constructor(queue: EventQueue, verdict: Verdict) {
    this.#queue = queue;
    this.#verdict = verdict;
  }

  committed(writes: readonly SimWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined) this.#expected.delete(key);
      else this.#expected.set(key, value);
    }
  }

  restored(records: ReadonlyMap<string, Encoded>): void {
    this.#expected = new Map(records);
  }

  /** Somebody reads everything. */
  read(records: ReadonlyMap<string, Encoded>): void {
    const strange = [...records].find(([key, value]) => this.#expected.get(key) !== value)?.[0];
    const missing = [...this.#expected.keys()].find((key) => !records.has(key));
    if (strange === undefined && missing === undefined) return;
    const what = strange === undefined ? `${missing} is missing` : `${strange} is of another commit`;
    this.#verdict.breaks('I10', this.#queue.now, `a reader of the store sees a part of a commit: ${what}`);
  }
}
