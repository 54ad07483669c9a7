/**
 * The outcomes of calls with a request_id. Each is kept for its hour, whatever happens: one that went sooner would let a repeated call
 * happen twice. So it is new calls that are refused when there is no room, and those of whoever takes most of it first: a client may have
 * as many as are still free for all. One that storms stops at half, two at a third each, and as much as each has is left for others.
 * Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998, with α = 1.
 */
import { present } from '../../../shared/assert.ts';
import type { RequestRecord } from '../records/state.ts';

export class RequestLog {
  readonly #limit: number;
  /** Oldest first. */
  readonly #records = new Map<string, RequestRecord>();
  readonly #countOf = new Map<string, number>();

  /** `limit`: of all clients together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: string): RequestRecord | undefined {
    return this.#records.get(id);
  }

  /** Oldest first. */
  values(): IterableIterator<RequestRecord> {
    return this.#records.values();
  }

  hasRoomFor(client: string): boolean {
    return (this.#countOf.get(client) ?? 0) < this.#limit - this.#records.size;
  }

  /** Adds the newest. */
  add(record: RequestRecord): void {
    this.#records.set(record.id, record);
    this.#countOf.set(record.client, (this.#countOf.get(record.client) ?? 0) + 1);
  }

  /** Forgets all that are this old, or older, and answers which. */
  forgetUpTo(age: number): readonly string[] {
    const forgotten: string[] = [];
    for (const [id, record] of this.#records) {
      if (record.age > age) break;
      forgotten.push(id);
      this.#records.delete(id);
      const left = present(this.#countOf.get(record.client), 'the client of a request') - 1;
      if (left === 0) this.#countOf.delete(record.client);
      else this.#countOf.set(record.client, left);
    }
    return forgotten;
  }
}
