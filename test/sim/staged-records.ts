/**
 * What lies in a store that takes only so many writes at once, and how everybody reads it: ADR 0010 in small. A large commit is staged
 * piece by piece, becomes part of the store when the head names it, and is unfolded into its records afterwards.
 */
import type { Encoded, SimWrite } from './store.ts';

/** What the head names, while that is not unfolded. */
interface Named {
  readonly attempt: number;
  readonly chunks: number;
}

export class StagedRecords {
  #records = new Map<string, Encoded>();
  readonly #chunks = new Map<string, readonly SimWrite[]>();
  #named: Named | undefined;

  /** As everybody reads: what the keys hold, and over that what a staged head names. */
  get visible(): ReadonlyMap<string, Encoded> {
    if (this.#named === undefined) return this.#records;
    const overlaid = new Map(this.#records);
    apply(overlaid, this.#namedWrites());
    return overlaid;
  }

  get(key: string): Encoded | undefined {
    const staged = this.#named === undefined ? undefined : this.#namedWrites().findLast((write) => write.key === key);
    return staged === undefined ? this.#records.get(key) : staged.value;
  }

  /** A commit that fits, or a part of an unfolding. */
  write(writes: readonly SimWrite[]): void {
    apply(this.#records, writes);
  }

  /** Each try has a number of its own, so that what comes late of one that was given up does not mix with the next. */
  stage(attempt: number, index: number, writes: readonly SimWrite[]): void {
    this.#chunks.set(`${attempt}/${index}`, writes);
  }

  /** The head names what is staged: from this moment it is part of the store. */
  name(attempt: number, chunks: number): void {
    this.#named = { attempt, chunks };
  }

  /** It stands in its records now. */
  forgetStaged(): void {
    this.#named = undefined;
    this.#chunks.clear();
  }

  /** The next leader unfolds what it finds named, and removes what else is staged. */
  beginTerm(): void {
    if (this.#named !== undefined) apply(this.#records, this.#namedWrites());
    this.forgetStaged();
  }

  replace(records: ReadonlyMap<string, Encoded>): void {
    this.#records = new Map(records);
    this.forgetStaged();
  }

  #namedWrites(): readonly SimWrite[] {
    const { attempt = 0, chunks = 0 } = this.#named ?? {};
    return Array.from({ length: chunks }, (_, index) => this.#chunks.get(`${attempt}/${index}`) ?? []).flat();
  }
}

function apply(records: Map<string, Encoded>, writes: readonly SimWrite[]): void {
  for (const { key, value } of writes) {
    if (value === undefined) records.delete(key);
    else records.set(key, value);
  }
}

/** Pieces of at most so many writes, at least one. */
export function piecesOf(writes: readonly SimWrite[], size: number): readonly (readonly SimWrite[])[] {
  const count = Math.max(1, Math.ceil(writes.length / size));
  return Array.from({ length: count }, (_, index) => writes.slice(index * size, (index + 1) * size));
}
