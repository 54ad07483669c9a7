/**
 * A commit is whole: whoever reads the store sees all of it or none. Beside the store stands what it should hold, changed at one moment
 * for each commit; leaders that load, and followers that look now and then, must find exactly that.
 */
import type { Write } from '../../../controller/store/store.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Verdict } from '../violation.ts';

export class Wholeness {
  readonly #queue: EventQueue;
  readonly #verdict: Verdict;
  #expected = new Map<string, Uint8Array>();

  constructor(queue: EventQueue, verdict: Verdict) {
    this.#queue = queue;
    this.#verdict = verdict;
  }

  committed(writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'put') this.#expected.set(write.key, write.value);
      else this.#expected.delete(write.key);
    }
  }

  restored(records: ReadonlyMap<string, Uint8Array>): void {
    this.#expected = new Map(records);
  }

  /** Somebody reads everything. */
  read(records: ReadonlyMap<string, Uint8Array>): void {
    const strange = [...records].find(([key, value]) => this.#expected.get(key) !== value)?.[0];
    const missing = [...this.#expected.keys()].find((key) => !records.has(key));
    if (strange === undefined && missing === undefined) return;
    const what = strange === undefined ? `${missing} is missing` : `${strange} is of another commit`;
    this.#verdict.breaks('I10', this.#queue.now, `a reader of the store sees a part of a commit: ${what}`);
  }
}
