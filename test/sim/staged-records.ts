/**
 * What lies in a store that takes only so many writes at once, and how everybody reads it: ADR 0010 in small. A large commit is staged
 * piece by piece, becomes part of the store when the head names it, and is unfolded into its records afterwards.
 */
import type { Write } from '../../controller/store/store.ts';

/** What the head names, while that is not unfolded. */
interface Named {
  readonly attempt: number;
  readonly chunks: number;
}

export class StagedRecords {
  #records = new Map<string, Uint8Array>();
  readonly #chunks = new Map<string, readonly Write[]>();
  #named: Named | undefined;

  /** As everybody reads: what the keys hold, and over that what a staged head names. */
  get visible(): ReadonlyMap<string, Uint8Array> {
    if (this.#named === undefined) return this.#records;
    const overlaid = new Map(this.#records);
    apply(overlaid, this.#namedWrites());
    return overlaid;
  }

  get(key: string): Uint8Array | undefined {
    const staged = this.#named === undefined ? undefined : this.#namedWrites().findLast((write) => write.key === key);
    if (staged === undefined) return this.#records.get(key);
    return staged.kind === 'put' ? staged.value : undefined;
  }

  /** A commit that fits, or a part of an unfolding. */
  write(writes: readonly Write[]): void {
    apply(this.#records, writes);
  }

  /** Each try has a number of its own, so that what comes late of one that was given up does not mix with the next. */
  stage(attempt: number, index: number, writes: readonly Write[]): void {
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

  replace(records: ReadonlyMap<string, Uint8Array>): void {
    this.#records = new Map(records);
    this.forgetStaged();
  }

  #namedWrites(): readonly Write[] {
    const { attempt = 0, chunks = 0 } = this.#named ?? {};
    return Array.from({ length: chunks }, (_, index) => this.#chunks.get(`${attempt}/${index}`) ?? []).flat();
  }
}

function apply(records: Map<string, Uint8Array>, writes: readonly Write[]): void {
  for (const write of writes) {
    if (write.kind === 'put') records.set(write.key, write.value);
    else records.delete(write.key);
  }
}

/** Pieces of at most so many writes, at least one. */
export function piecesOf(writes: readonly Write[], size: number): readonly (readonly Write[])[] {
  const count = Math.max(1, Math.ceil(writes.length / size));
  return Array.from({ length: count }, (_, index) => writes.slice(index * size, (index + 1) * size));
}
