/**
 * The newest changes of a store, for watchers in the same process. It is a window, not a queue per watcher: each watcher keeps
 * a position, and one that falls behind the window is told COMPACTED and loads again. So a slow watcher costs nothing.
 */
import { firstPast } from '../../shared/sorted.ts';
import { type Change, StoreError } from './store.ts';

export interface ChangeLogLimits {
  /** Changes kept. Default 4096. */
  readonly maxChanges?: number;
  /** Bytes of keys and values kept; one larger change is still kept until the next. Default 32 MiB. */
  readonly limitBytes?: number;
}

interface Entry {
  readonly change: Change;
  readonly sizeBytes: number;
}

export class ChangeLog {
  readonly #maxChanges: number;
  readonly #limitBytes: number;
  #entries: Entry[] = [];
  #sizeBytes = 0;
  /** Everything up to here can no longer be watched: it was before this log, or fell out of it. */
  #compacted: number;
  #closed = false;
  #changed = Promise.withResolvers<void>();

  /** `revision` is where the store stands when the log begins. */
  constructor(revision: number, limits: ChangeLogLimits = {}) {
    this.#compacted = revision;
    this.#maxChanges = limits.maxChanges ?? 4096;
    this.#limitBytes = limits.limitBytes ?? 32 * 1024 * 1024;
  }

  /** Revision of the newest change; where the store stood when the log began, if there was none since. */
  get newest(): number {
    return this.#entries.at(-1)?.change.revision ?? this.#compacted;
  }

  append(change: Change): void {
    const sizeBytes = sizeOf(change);
    this.#entries.push({ change, sizeBytes });
    this.#sizeBytes += sizeBytes;
    this.#trim();
    this.#wake();
  }

  /** Ends every watch: nothing more will come. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** See `Store.watch`. Ends without an error when the signal aborts. */
  async *watch(afterRevision: number, signal: AbortSignal): AsyncGenerator<Change, void> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (let after = afterRevision; !signal.aborted; ) {
        const next = this.#next(after);
        if (next !== undefined) {
          after = next.revision;
          yield next;
        } else if (this.#closed) {
          throw new StoreError('STORE_UNAVAILABLE', 'The store was closed while it was watched.');
        } else {
          await this.#changed.promise;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #next(after: number): Change | undefined {
    if (after < this.#compacted) {
      throw new StoreError('COMPACTED', `Changes after revision ${after} are no longer kept: load again.`);
    }
    return this.#entries[firstPast(this.#entries, after, ({ change }) => change.revision)]?.change;
  }

  #trim(): void {
    let excess = 0;
    const count = this.#entries.length;
    while (count - excess > 1 && (count - excess > this.#maxChanges || this.#sizeBytes > this.#limitBytes)) {
      const oldest = this.#entries[excess];
      if (oldest === undefined) break;
      this.#sizeBytes -= oldest.sizeBytes;
      this.#compacted = oldest.change.revision;
      excess += 1;
    }
    if (excess > 0) this.#entries.splice(0, excess);
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function sizeOf(change: Change): number {
  let sizeBytes = 0;
  for (const write of change.writes) {
    sizeBytes += write.key.length + (write.kind === 'put' ? write.value.byteLength : 0);
  }
  return sizeBytes;
}
