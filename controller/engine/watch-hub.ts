/**
 * The newest changes of resources, for watches. It is a window, not a queue per watcher: each watch keeps a position and looks the
 * resource up when its client has room, so a slow client costs nothing and gets SLOW_READER once the window has passed it.
 *
 * Revisions are those of the store, and above all of its earlier incarnations: a restored store counts anew, and one from before would
 * mean something else. A store moves its revision at each election, so a revision at or above the one that was loaded was handed out by
 * this leader and no other.
 */
import { LocumError } from '../../shared/errors.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import type { Changed } from '../core/cluster/effect.ts';

export interface HubEntry extends Changed {
  readonly revision: number;
}

export interface WatchHubOptions {
  /** Revision at which this leader loaded the store. */
  readonly revision: number;
  /** Of the store. */
  readonly incarnation: number;
  /** Changes kept. Default 10,000. */
  readonly capacity?: number;
}

/** Number of a change, counted from 0. A watch stands before the change that it takes next. */
export type Position = number;

export class WatchHub {
  readonly #capacity: number;
  /** Below every revision of this incarnation. */
  readonly #base: number;
  /** Change number n stands at n modulo the capacity. */
  readonly #ring: HubEntry[] = [];
  #next: Position = 0;
  #revision: number;
  /** Watches may resume after revisions from here on: no change of theirs has left the window. */
  #floor: number;
  #changed = Promise.withResolvers<void>();
  #ended: LocumError | undefined;

  constructor({ revision, incarnation, capacity = 10_000 }: WatchHubOptions) {
    this.#base = firstOfIncarnation(incarnation);
    this.#revision = this.#base + revision;
    this.#floor = this.#revision;
    this.#capacity = capacity;
  }

  /** Where the store stands, as far as what was published goes, as clients are told it. */
  get revision(): number {
    return this.#revision;
  }

  /** Behind the newest change. */
  get end(): Position {
    return this.#next;
  }

  /** The store is at this revision; what is published next belongs to it. */
  advance(revision: number): void {
    this.#revision = Math.max(this.#revision, this.#base + revision);
  }

  publish(changes: readonly Changed[]): void {
    for (const { key, deleted } of changes) this.#append({ key, deleted, revision: this.#revision });
    this.#wake();
  }

  #append(entry: HubEntry): void {
    const slot = this.#next % this.#capacity;
    const pushedOut = this.#ring[slot];
    if (pushedOut !== undefined) this.#floor = pushedOut.revision + 1;
    this.#ring[slot] = entry;
    this.#next += 1;
  }

  /**
   * Before the first change that a client at `revision` may have missed. Changes of that revision itself come again, for it may
   * have got only some of them.
   * @throws LocumError REVISION_TOO_OLD
   */
  resume(revision: number): Position {
    if (revision < this.#floor || revision > this.#revision) throw tooOld(revision);
    const oldest = Math.max(0, this.#next - this.#capacity);
    let position = this.#next;
    while (position > oldest && (this.#entry(position - 1)?.revision ?? 0) >= revision) position -= 1;
    return position;
  }

  /** Up to `max` changes from a position on. @throws LocumError SLOW_READER; or the reason of `end` */
  take(from: Position, max: number): readonly HubEntry[] {
    if (this.#ended !== undefined) throw this.#ended;
    if (from < this.#next - this.#capacity) throw slowReader();
    const entries: HubEntry[] = [];
    for (let position = from; position < this.#next && entries.length < max; position += 1) {
      const entry = this.#entry(position);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** Resolves at the next publication, or at the end. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Ends all watches with this error. */
  close(error: LocumError): void {
    this.#ended = error;
    this.#wake();
  }

  #entry(position: Position): HubEntry | undefined {
    return this.#ring[position % this.#capacity];
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

export function tooOld(revision: number): LocumError {
  return new LocumError(
    'REVISION_TOO_OLD',
    `changes after revision ${revision} are not kept here: watch again with revision 0, which starts with a snapshot`,
  );
}

function slowReader(): LocumError {
  return new LocumError(
    'SLOW_READER',
    'the changes came faster than they were read and are no longer kept: watch again with revision 0',
  );
}
